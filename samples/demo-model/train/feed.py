"""Items made in the background, in order, at most a few ahead: what item n is depends on n alone, never on timing."""
import os
import threading
import time


def lower_priority():
    """The calling thread yields to everything else (Linux: niceness belongs to the thread)."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    except OSError:
        pass


class Feed:
    def __init__(self, make, first, ahead=8, threads=1, state=None):
        """make(n) -> item, called for first, first + 1, ... by `threads` threads."""
        self.make, self.ahead, self.state = make, ahead, state
        self.claimed = self.wanted = first
        self.ready, self.error, self.closed = {}, None, False
        self.gate = threading.Condition()
        self.workers = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for worker in self.workers:
            worker.start()

    def _work(self):
        lower_priority()
        while True:
            with self.gate:
                self.gate.wait_for(lambda: self.closed or self.claimed < self.wanted + self.ahead)
                if self.closed:
                    return
                n = self.claimed
                self.claimed += 1
            while self.state and self.state.paused() and not self.closed:
                time.sleep(0.5)
            try:
                item = self.make(n)
            except Exception as error:  # handed to the consumer, which would otherwise wait for ever
                with self.gate:
                    self.error = error
                    self.gate.notify_all()
                return
            with self.gate:
                self.ready[n] = item
                self.gate.notify_all()

    def close(self):
        """Ends the threads, each after the item that it is making."""
        with self.gate:
            self.closed = True
            self.gate.notify_all()
        for worker in self.workers:
            worker.join()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def take(self):
        """The next item in order; waits for it."""
        with self.gate:
            self.gate.wait_for(lambda: self.wanted in self.ready or self.error)
            if self.error:
                raise self.error
            item = self.ready.pop(self.wanted)
            self.wanted += 1
            self.gate.notify_all()
            return item
