"""Causes that pass: memory that is short for a while, folders that go away and come back."""
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import batching
import harness
from batching import SOME_FAILED
from harness import CANCELLED, OK

MEDIUM = ["--width", "32", "--height", "32", "--frames", "2", "--steps", "25", "--device", "cpu", "--threads", "1"]


class Case(batching.Case):
    def begin(self, *arguments, **options):
        """A process whose events and lines are read as they come."""
        process = subprocess.Popen([harness.PROGRAM, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=harness.environment(), **options)
        process.seen, process.told = [], []
        readers = [threading.Thread(target=lambda: process.seen.extend(map(json.loads, process.stdout))),
                   threading.Thread(target=lambda: process.told.extend(line.decode() for line in process.stderr))]
        # extend() adds item by item, so what has come is there.
        for reader in readers:
            reader.start()

        def end():
            process.kill()
            process.wait()
            for reader in readers:
                reader.join()
            process.stdout.close()
            process.stderr.close()

        self.addCleanup(end)
        process.finish = lambda: (process.wait(120), [reader.join() for reader in readers])[0]
        return process

    def of(self, process, name):
        return [event for event in process.seen if event["event"] == name]


class Memory(Case):
    """The limit is one of addresses, which the system sets and lifts: it is too low for the process that decodes the photo. A
    sanitizer's own addresses go beyond it."""

    def short(self, *more):
        with open(harness.PROGRAM, "rb") as program:
            if b"__asan_init" in program.read():
                self.skipTest("the sanitizer needs addresses of its own")
        self.rows(1)
        limit = 400 << 20

        def shorten():
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

        return self.begin(*self.arguments("--json", "--memory", "1G", *more), preexec_fn=shorten)

    def test_three_attempts_with_rests_between(self):
        process = self.short("--retry-delay", "0.5")
        self.assertEqual(process.finish(), SOME_FAILED, process.told)
        failed = self.of(process, "job_failed")
        self.assertEqual([event["again"] for event in failed], [True, True, False])
        self.assertEqual({event["id"].split(".")[0] for event in failed}, {"memory"})
        job = self.report()["jobs"][0]
        self.assertEqual((job["state"], job["attempts"], job["reason_id"]), ("failed", 3, failed[0]["id"]))
        parts = pathlib.Path(failed[0]["log"]).read_text().split("\n\n")[:3]
        self.assertEqual(["attempt %d," % number in part for number, part in enumerate(parts, 1)], [True] * 3)
        self.assertIn("outcome   failed, to be tried again", parts[1])
        self.assertIn("outcome   failed\n", parts[2])
        # Half a second and two.
        self.assertGreaterEqual(self.of(process, "batch_summary")[0]["seconds"], 2.5)

    def test_memory_that_is_there_again(self):
        process = self.short("--retry-delay", "3")
        self.wait_for(lambda: self.of(process, "job_failed"))
        resting = self.events(self.expect(OK, "status", "out", "--json"))[1:]
        self.assertEqual([(event["event"], event["attempts"]) for event in resting], [("resting", 1)])
        self.assertIn(b"to be tried again: ", self.expect(OK, "status", "out").stdout)
        resource.prlimit(process.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.assertEqual(process.finish(), OK, process.told)
        self.assertEqual(self.of(process, "job_done")[0]["recognised"], False)
        self.assertEqual(self.clips().keys(), {"p0.mp4", "p0.mp4.json"})

    def test_a_signal_ends_a_rest(self):
        process = self.short("--retry-delay", "3600")
        self.wait_for(lambda: self.of(process, "job_failed"))
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.finish(), CANCELLED)
        self.assertLess(time.monotonic() - begun, 5)
        self.assertEqual(self.counts()["waiting"], 1)


class Folders(Case):
    """A folder that goes away is waited for: no job fails, and nothing is made where it was."""

    def calm(self, rows):
        self.rows(rows)
        self.expect(OK, *self.arguments(out="calm", small=MEDIUM))

    def test_the_clips_folder(self):
        if not os.access("/dev/shm", os.W_OK) or os.stat("/dev/shm").st_dev == os.stat(self.folder).st_dev:
            self.skipTest("no second file system")
        self.calm(3)
        share = pathlib.Path(tempfile.mkdtemp(prefix="packshot-test-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, share, ignore_errors=True)
        # What a mount point is while its share is away: a bare folder of the file system around it.
        (self.folder / "bare").mkdir()
        self.point(share)
        process = self.begin(*self.arguments("--json", "--journal", "j.sqlite", small=MEDIUM))
        self.wait_for(lambda: self.of(process, "job_done"))
        self.point("bare")
        self.wait_for(lambda: any("waiting: " in line and "another file system" in line for line in process.told))
        time.sleep(2)
        self.assertIsNone(process.poll())
        self.assertEqual(sum("waiting: " in line for line in process.told), 1)
        self.assertEqual(os.listdir(self.folder / "bare"), [])
        self.point(share)
        self.assertEqual(process.finish(), OK, process.told)
        self.assertEqual(self.of(process, "job_failed"), [])
        self.assertEqual(self.clips(share), self.clips("calm"))
        self.assertEqual(os.listdir(self.folder / "bare"), [])
        self.assertEqual({job["attempts"] for job in self.report("j.sqlite")["jobs"]}, {0})

    def point(self, target):
        os.symlink(target, self.folder / "new")
        os.rename(self.folder / "new", self.folder / "out")

    def test_the_photos_folder(self):
        for number in range(5):
            self.write("photos/p%d.png" % number, batching.photo(number))
        self.expect(OK, *self.arguments(out="calm", small=MEDIUM, manifest="photos"))
        process = self.begin(*self.arguments("--json", small=MEDIUM, manifest="photos"))
        self.wait_for(lambda: self.of(process, "job_done"))
        os.rename(self.folder / "photos", self.folder / "away")
        self.wait_for(lambda: any("waiting: " in line and "photos is not there" in line for line in process.told))
        time.sleep(2)
        self.assertIsNone(process.poll())
        os.rename(self.folder / "away", self.folder / "photos")
        self.assertEqual(process.finish(), OK, process.told)
        self.assertEqual(self.of(process, "job_failed"), [])
        self.assertEqual(self.clips(), self.clips("calm"))


if __name__ == "__main__":
    harness.main()
