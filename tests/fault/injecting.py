"""Runs the program with calls.c preloaded, which fails a call on a file, kills the program there or cuts its power; and tells where
that was. A test's folder has its checkpoint in it, so that reads of weights are seen too.

CALLS is the library. EVERY=1 plays every call instead of some.
"""
import collections
import fnmatch
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import batching
import harness
from harness import OK

LIBRARY = os.environ["CALLS"]
EVERY = bool(os.environ.get("EVERY"))
STEPS = 2
SMALL = ["--width", "16", "--height", "16", "--frames", "1", "--steps", str(STEPS), "--device", "cpu", "--threads", "1"]

# What changes something, and what of it takes space.
CHANGES = "create|mkdir|write|sync|truncate|rename|link|unlink|close"
SPACE = "create|mkdir|write|sync|truncate|rename|link"

# Stages of a job by the call that begins them, the next one that is on its way first: name, calls, pattern of the path.
STAGES = (
    ("journal made", CHANGES, "out/.packshot/journal.sqlite-journal"),
    ("journal made", CHANGES, "out/.packshot/journal.sqlite"),
    ("journal", CHANGES, "out/.packshot/journal.sqlite*"),
    ("state begun", "create", "*.state.packshot-*.tmp"),
    ("state written", "write", "*.state.packshot-*.tmp"),
    ("state synced", "sync|close", "*.state.packshot-*.tmp"),
    ("state named", "rename", "*.state"),
    ("state removed", "unlink", "*.state"),
    ("sidecar begun", "create", "*.mp4.json.packshot-*.tmp"),
    ("sidecar written", "write", "*.mp4.json.packshot-*.tmp"),
    ("sidecar synced", "sync|close", "*.mp4.json.packshot-*.tmp"),
    ("clip named, sidecar not", "rename", "*.mp4.json"),
    ("clip begun", "create", "*.mp4.packshot-*.tmp"),
    ("clip encoded", "write", "*.mp4.packshot-*.tmp"),
    ("clip synced", "sync|close", "*.mp4.packshot-*.tmp"),
    ("clip complete, not named", "rename", "*.mp4"),
    ("temporary removed", "unlink", "*.tmp"),
    ("report begun", "create", "*.report.*.packshot-*.tmp"),
    ("report written", "write", "*.report.*.packshot-*.tmp"),
    ("report synced", "sync|close", "*.report.*.packshot-*.tmp"),
    ("report complete, not named", "rename", "*report.*"),
    ("photo moved", "rename", "in/*"),
    ("folder made", "mkdir", "*"),
    ("folder synced", "sync", "*"),
    ("other", "*", "*"),
)


def stage_of(call, path):
    return next(name for name, calls, pattern in STAGES if (calls == "*" or call in calls.split("|")) and fnmatch.fnmatch(path, pattern))


def in_own_mounts():
    """Begins this process anew where it may mount and nobody else sees that, and all of it goes with the process; ends it with 77 where
    that is not permitted."""
    if os.environ.get("IN_OWN_MOUNTS"):
        return
    if os.geteuid() or not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        print("skipped: only root may mount, in a mount namespace of its own")
        sys.exit(77)
    os.environ["IN_OWN_MOUNTS"] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, "-B", *sys.argv])


def mount(*arguments):
    """Whether it could be done."""
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True).returncode == 0


class Case(batching.Case):
    def setUp(self):
        super().setUp()
        self.folder = self.folder.resolve()
        shutil.copytree(harness.PIPELINES / "mini", self.folder / "model")
        self.met = collections.Counter()

    def model(self, name="mini"):
        return "model"

    def arguments(self, *more, out="out", manifest="list.csv", small=SMALL):
        return super().arguments("--quiet", *more, out=out, manifest=manifest, small=small)

    def environment(self, at=None, do=None, log=None, root=None):
        variables = {"LD_PRELOAD": LIBRARY, "FAULT_ROOT": str(root or self.folder), "FAULT_AT": at, "FAULT_DO": do,
                     "FAULT_LOG": log and str(log), "XDG_CACHE_HOME": str(self.folder / "cache"), "XDG_RUNTIME_DIR": None}
        return {name: value for name, value in variables.items() if value is not None}

    def faulted(self, arguments, at=None, do=None, root=None, **options):
        """The result, with `calls` as (call, path) up to the end, and `stage`, that of the first call that was met; None where none was."""
        log = pathlib.Path(str(self.folder) + ".calls")
        log.unlink(missing_ok=True)
        result = self.packshot(*arguments, env=self.environment(at, do, log, root), **options)
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        result.calls = [tuple(line.removeprefix("! ").split(" ", 1)) for line in lines]
        met = [tuple(line[2:].split(" ", 1)) for line in lines if line.startswith("! ")]
        result.stage = stage_of(*met[0]) if met else None
        result.place = " ".join(met[0]) if met else None
        return result

    def killed(self, arguments, at, do="kill", **options):
        """The same, killed at the call; fails where it came to its end although the call was met."""
        result = self.faulted(arguments, at, do, **options)
        told = (result.stderr or b"").decode(errors="replace")
        if result.stage:
            self.assertEqual(result.returncode, -signal.SIGKILL, "%s: %s" % (result.place, told))
            self.met[result.stage] += 1
        else:
            self.assertEqual(result.returncode, OK, told)
        return result

    def begin_anew(self, *names):
        for name in names or ("out",):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def left(self, out="out"):
        """What is left beside clips: temporaries, and what lies by the journal."""
        beside = sorted(path.name for path in (self.folder / out / ".packshot").glob("*") if path.name not in ("journal.sqlite", "journal.sqlite.logs"))
        return batching.temporaries(self.folder) + beside

    def has_rows(self, out="out"):
        status = self.packshot("status", out, "--json")
        return status.returncode == OK and self.events(status)[0]["counts"]["total"] > 0

    def finish(self, count, expected, place, out="out", anew=None):
        """Goes on once nothing fails any more: every clip is there once and as expected, nothing else is, and the report adds up."""
        again = ["resume", out, "--quiet"] if self.has_rows(out) else anew or self.arguments(out=out)
        result = self.packshot(*again)
        self.assertEqual(result.returncode, OK, "%s: %s" % (place, result.stderr))
        self.assertEqual(self.clips(out), expected, place)
        self.assertEqual(self.left(out), [], place)
        report = self.report(out)
        self.assertEqual([job["state"] for job in report["jobs"]], ["done"] * count, place)
        self.assertEqual(sorted(job["row"] for job in report["jobs"]), list(range(2, count + 2)), place)

    def sweep(self, once, step=1, begin=1):
        """Calls once(n) for n from 1 on until it says that nothing was met any more; returns how many were."""
        number = begin
        while once(number):
            number += step
        return number - begin

    def tell(self, what):
        print("%s: %s" % (what, ", ".join("%s %d" % pair for pair in sorted(self.met.items()))), flush=True)
