"""What the tests of watched folders have in common: a folder with photos, watchers, and what they tell."""
import collections
import json
import os
import subprocess
import threading
import time

import batching
import harness
import schema
from batching import SMALL

LONG = ["--width", "64", "--height", "64", "--frames", "2", "--steps", "300", "--device", "ref"]
QUIET = 0.3


def kind(event):
    """What an event is about: its name, and of a photo or a client's folder the state, such as "photo_held"."""
    own = event["event"] in ("watch_photo", "watch_client")
    return event["event"].replace("watch_", "", 1) + "_" + event["state"] if own else event["event"]


class Watcher:
    """A running `packshot watch --json`, whose events are read as they come."""

    def __init__(self, case, process):
        self.case, self.process, self.events, self.told = case, process, [], []
        self.count = collections.Counter()
        self.readers = [threading.Thread(target=self.read), threading.Thread(target=self.listen)]
        for reader in self.readers:
            reader.start()

    def read(self):
        for line in self.process.stdout:
            event = schema.check(json.loads(line))
            self.events.append(event)
            self.count[kind(event)] += 1

    def listen(self):
        for line in self.process.stderr:
            self.told.append(line.decode(errors="replace"))

    def of(self, name):
        return [event for event in self.events if kind(event) == name]

    def wait(self, name, count=1, seconds=240):
        """Waits until so many events of the name have come; returns them."""
        end = time.monotonic() + seconds
        while self.count[name] < count:
            if self.process.poll() is not None or time.monotonic() > end:
                self.case.fail("no %d %s: %s\n%s" % (count, name, dict(self.count), "".join(self.told)[-4000:]))
            time.sleep(0.02)
        return self.of(name)

    def end(self, number=None):
        """Sends a signal, if one is given; returns the exit code once it has ended."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        for reader in self.readers:
            reader.join()
        return code


class Case(batching.Case):
    def setUp(self):
        super().setUp()
        (self.folder / "in").mkdir()

    def put(self, name, number):
        return self.write("in/" + name, batching.photo(number))

    def watching(self, *more, out="out", small=SMALL, poll="0.5", folder="in"):
        return ["watch", folder, "--out", out, "--model", self.model(), "--reproducible", *small, "--quiet-time", str(QUIET),
                "--poll", poll, *more]

    def once(self, code, *more, says=(), **options):
        arguments = {name: options.pop(name) for name in ("out", "small", "folder") if name in options}
        result = self.expect(code, *self.watching("--once", "--json", *more, **arguments), says=says, **options)
        ends = [event for event in self.events(result) if event["event"] == "watch_end"]
        result.end = ends[0] if ends else None
        return result

    def watch(self, *more, env=None, **options):
        process = subprocess.Popen([harness.PROGRAM, *self.watching("--json", *more, **options)], cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=harness.environment(env))
        watcher = Watcher(self, process)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(lambda: [reader.join() for reader in watcher.readers])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return watcher

    def inside(self, folder="in"):
        """Every file in the watched folder but packshot's own, by name; dates stand as DATE."""
        root = self.folder / folder
        today = {time.strftime("%Y-%m-%d", time.localtime(time.time() - past)) for past in (0, 86400)}
        names = []
        for path in sorted(root.rglob("*")):
            parts = ["DATE" if part in today else part for part in path.relative_to(root).parts]
            if not path.is_dir() and parts[0] != ".packshot":
                names.append("/".join(parts))
        return sorted(names)

    def movies(self, out="out"):
        return [name for name in self.clips(out) if name.endswith(".mp4")] if (self.folder / out).exists() else []

    def held(self):
        """What lies in watchers' own folders."""
        return [path.name for path in (self.folder / "in/.packshot").rglob("*") if path.is_file()]

    def outlast_lease(self, place):
        """Whose folder it was that has no name in it yet can be anybody's until the lease is over."""
        for own in (self.folder / "in/.packshot/work").iterdir() if place.endswith("/.worker") else ():
            os.utime(own, (0, 0))

    def parameters(self, name, out="out"):
        return json.loads(self.clips(out)[name + ".json"])["parameters"]


def is_root():
    return os.geteuid() == 0
