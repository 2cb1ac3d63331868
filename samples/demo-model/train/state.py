"""The state directory: checkpoints in small pieces, pause and stop requests, and the table of gates.

    STATE/<stage>/<step>/NNN.safetensors, meta.json   the newest checkpoint of a stage; complete once it has this name
                                                      (stages: vae, unet, and the branches cooldown-N and decoder-N of
                                                      the UNet's trunk at step N)
    STATE/gates.tsv                                   one row a measurement
    STATE/log.txt                                     progress
    STATE/pause                                       while this file exists, every loop waits
    STATE/pid                                         process that holds the directory; SIGTERM saves and ends it
"""
import fcntl
import json
import os
import shutil
import signal
import time
from pathlib import Path

from safetensors.torch import load_file, save_file

PIECE = 15 << 20          # bytes; a checkpoint's files stay below 16 MB
SAVE_EVERY = 240.0        # seconds between checkpoints


class Stopped(Exception):
    """A stop was asked for and the state is saved."""


class State:
    def __init__(self, path, hold=True):
        """hold: this process will write; one at a time."""
        self.path = Path(path)
        self.stop_asked = False
        self.saved_at = time.monotonic()
        if hold:
            self._hold()

    def _hold(self):
        self.path.mkdir(parents=True, exist_ok=True)
        self.held = open(self.path / "pid", "a+")
        try:
            fcntl.flock(self.held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"{self.path} is in use by another training process")
        self.held.truncate(0)
        self.held.write(str(os.getpid()))
        self.held.flush()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_stop)

    def _ask_stop(self, number, frame):
        self.stop_asked = True

    def paused(self):
        return (self.path / "pause").exists()

    def wait(self):
        """Returns at once, or when a pause is over."""
        while self.paused() and not self.stop_asked:
            time.sleep(0.5)

    def save_due(self):
        return self.stop_asked or time.monotonic() - self.saved_at > SAVE_EVERY

    def log(self, text):
        line = time.strftime("%Y-%m-%d %H:%M:%S ") + text
        print(line, flush=True)
        with open(self.path / "log.txt", "a") as f:
            f.write(line + "\n")

    def gate(self, stage, step, seconds, **figures):
        """Appends a row to the table of gates: stage, step, CPU seconds of the stage, name=value pairs."""
        table = self.path / "gates.tsv"
        shown = " ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in figures.items())
        with open(table, "a") as f:
            f.write(f"{time.strftime('%Y-%m-%d %H:%M')}\t{stage}\t{step}\t{seconds:.0f}\t{shown}\n")
        self.log(f"gate {stage} step {step}: {shown}")

    def newest(self, stage):
        """Directory of a stage's newest complete checkpoint, or None."""
        folder = self.path / stage
        done = [p for p in folder.glob("*") if p.name.isdigit()] if folder.exists() else []
        return max(done, key=lambda p: int(p.name), default=None)

    def latest(self, kind):
        """The stage named KIND-NUMBER with a checkpoint and the largest number, or None."""
        numbers = [int(p.name[len(kind) + 1:]) for p in self.path.glob(kind + "-*") if self.newest(p.name)]
        return f"{kind}-{max(numbers)}" if numbers else None

    def meta(self, stage):
        """What `save` was given as meta, with the step; {} before the first checkpoint."""
        found = self.newest(stage)
        return json.loads((found / "meta.json").read_text()) if found else {}

    def load(self, stage):
        """Tensors by name of the newest checkpoint, or None."""
        found = self.newest(stage)
        if not found:
            return None
        out = {}
        for piece in sorted(found.glob("*.safetensors")):
            out.update(load_file(piece))
        return out

    def save(self, stage, step, tensors, **meta):
        """Writes a checkpoint beside the old one, makes it durable, renames it into place, then drops the old one."""
        folder = self.path / stage
        folder.mkdir(exist_ok=True)
        for left in folder.glob("*.part"):
            shutil.rmtree(left)
        part, final = folder / f"{step}.part", folder / str(step)
        if final.exists():
            return
        part.mkdir()
        for number, piece in enumerate(pieces(tensors)):
            target = part / f"{number:03d}.safetensors"
            save_file(piece, target)
            flush(target)
        (part / "meta.json").write_text(json.dumps({"step": step, **meta}))
        flush(part / "meta.json")
        flush(part)
        os.rename(part, final)
        flush(folder)
        for old in folder.glob("*"):
            if old.name.isdigit() and int(old.name) < step:
                shutil.rmtree(old)
        self.saved_at = time.monotonic()


def flush(path):
    """Forces a file or a directory to the disk."""
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def pieces(tensors):
    """Splits a dictionary of tensors into dictionaries of at most PIECE bytes."""
    out, size = {}, 0
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        if out and size + tensor.nbytes > PIECE:
            yield out
            out, size = {}, 0
        out[name] = tensor
        size += tensor.nbytes
    if out:
        yield out
