"""Disks and shares as they are: small, without inodes, read-only, taken away in mid-work; few open files, names that are taken, a
damaged or removed journal, a clock that jumps. Each on a file system of its own where it takes one, which needs root."""
import json
import os
import resource
import shutil
import subprocess
import time

import batching
import harness
import injecting
import watching
from harness import INPUT, OK, OUTPUT
from injecting import SMALL

# Steps enough that eight jobs outlast a test that is slow to look.
LONG = ["--steps", "60"]
# A clip of some 1.3 MB.
LARGE = ["--codec", "prores-4444", "--size", "512x512", "--hold", "1"]


class Places(injecting.Case):
    def setUp(self):
        super().setUp()
        self.photo()
        self.disk = self.folder / "disk"
        self.disk.mkdir()

    def render(self, *more, out="disk/clip.mov"):
        return ["render", "photo.png", "-o", out, "--model", "model", "--reproducible", "--quiet", *SMALL, *more]

    def small_disk(self, options):
        if not injecting.mount("-t", "tmpfs", "-o", options, "none", self.disk):
            self.skipTest("no mounts here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], capture_output=True)

    def on_disk(self):
        return sorted(path.name for path in self.disk.iterdir())

    def test_full_before_the_start(self):
        """D1: refused at once, with what is needed and what is free."""
        self.rows(2)
        self.small_disk("size=64k")
        self.batch(OUTPUT, *LARGE, "--journal", "journal.sqlite", out="disk/out", says=["the clips need about", "64.0 KiB are free"])
        self.assertEqual((self.on_disk(), (self.folder / "journal.sqlite").exists()), ([], False))
        (self.disk / "filler").write_bytes(b"x" * (64 << 10))
        result = self.expect(OUTPUT, *self.render("--json"), says=["disk/clip.mov", "the disk is full", "free some space"])
        self.assertNotIn(b'"progress"', result.stdout)
        self.assertEqual(self.on_disk(), ["filler"])

    def test_full_at_every_size(self):
        """D2: a disk that becomes full somewhere between header and sidecar."""
        self.expect(OK, *self.render(*LARGE, out="calm.mov"))
        failed = 0
        for size in range(64, 4096, 192):
            self.small_disk("size=%dk" % size)
            result = self.packshot(*self.render(*LARGE))
            if result.returncode == OK:
                break
            failed += 1
            told = result.stderr.decode()
            self.assertEqual(result.returncode, OUTPUT, told)
            self.assertIn("the disk is full", told)
            self.assertEqual(self.on_disk(), [], "%d kB" % size)
            subprocess.run(["umount", self.disk], check=True)
        self.assertGreater(failed, 3)
        self.assertEqual(self.on_disk(), ["clip.mov", "clip.mov.json"])
        self.assertEqual((self.disk / "clip.mov").read_bytes(), (self.folder / "calm.mov").read_bytes())

    def test_a_disk_that_grows(self):
        """D2: nothing is lost, and resume goes on once there is room."""
        self.rows(2)
        self.batch(OK, *LARGE, out="calm")
        self.small_disk("size=4m")
        process = self.start(*self.arguments(*LARGE, "--journal", "journal.sqlite", "--json", out="disk/out"))
        process.stdout.readline()
        (self.disk / "filler").write_bytes(b"x" * (3 << 20))
        told = process.communicate(timeout=120)[1].decode()
        self.assertEqual(process.returncode, OUTPUT, told)
        self.assertIn("the disk is full", told)
        self.assertEqual(self.clips("disk/out"), {})
        self.assertTrue(injecting.mount("-o", "remount,size=64m", self.disk))
        self.expect(OK, "resume", "journal.sqlite")
        self.assertEqual(self.clips("disk/out"), self.clips("calm"))

    def test_no_inodes(self):
        """D3: as a full disk, whichever file is the first that cannot be made."""
        self.rows(1)
        self.batch(OK, out="calm")
        failed = 0
        for inodes in range(2, 20):
            self.small_disk("nr_inodes=%d" % inodes)
            result = self.packshot(*self.arguments(out="disk/out"))
            if result.returncode == OK:
                break
            failed += 1
            told = result.stderr.decode()
            self.assertEqual((result.returncode, told.count("packshot: error: "), told.count("packshot: hint: ")), (OUTPUT, 1, 1), told)
            self.assertEqual(batching.temporaries(self.disk), [], told)
            self.assertTrue(injecting.mount("-o", "remount,nr_inodes=100", self.disk))
            self.finish(1, self.clips("calm"), "%d inodes: %s" % (inodes, told), out="disk/out", anew=self.arguments(out="disk/out"))
            subprocess.run(["umount", self.disk], check=True)
        self.assertGreater(failed, 4)
        self.assertEqual(self.clips("disk/out"), self.clips("calm"))

    def test_read_only(self):
        """D3: before anything is rendered."""
        self.rows(1)
        self.small_disk("size=1m,ro")
        for call in (self.render("--json"), self.arguments("--json", out="disk/out"), self.arguments("--json", out="disk")):
            result = self.expect(OUTPUT, *call, says=["disk", "choose a folder that you may write to"])
            self.assertNotIn(b'"progress"', result.stdout)

    def test_a_file_size_limit_at_every_size(self):
        """D3: SIGXFSZ does not kill, and whatever does not fit is not there."""
        self.rows(1)
        self.batch(OK, out="calm")
        for limit in (100, 1000, 2000, 3000, 5000, 20000, 40000):
            with self.subTest(limit):
                self.begin_anew()
                result = self.packshot(*self.arguments(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
                told = result.stderr.decode()
                self.assertEqual(result.returncode, OUTPUT, told)
                self.assertIn("ulimit -f", told)
                self.finish(1, self.clips("calm"), "limit %d" % limit)

    def test_temporaries_are_beside(self):
        """D7: another file system for temporary files does not matter, since none is used."""
        self.small_disk("size=8m")
        result = self.faulted([*self.render("--state", "disk/state"), "--overwrite"])
        self.assertEqual(result.returncode, OK, result.stderr)
        made = [path for call, path in result.calls if call == "create"]
        self.assertEqual({os.path.dirname(path) for path in made}, {"disk"})
        self.assertEqual(len(made), 4)

    def test_few_open_files(self):
        """D10: one job after the other where no more may be open, and where that is too much one error."""
        self.rows(3)
        self.batch(OK, out="calm")
        for limit, codes in ((16, (OK,)), (12, (OK, OUTPUT))):
            self.begin_anew()
            spoken = [word for word in self.arguments() if word != "--quiet"]
            result = self.packshot(*spoken, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
            told = result.stderr.decode()
            self.assertIn(result.returncode, codes, told)
            self.assertIn("only %d files may be open: one job after the other" % limit, told)
            if result.returncode != OK:
                self.assertIn("ulimit -n", told)
            self.finish(3, self.clips("calm"), "%d open files" % limit)

    def test_names_that_are_taken(self):
        """D5, D6: told for all rows before anything is rendered; nothing is touched."""
        self.rows(5)
        out = self.folder / "out"
        (out / "p0.mp4").mkdir(parents=True)
        (out / "p1.mp4").symlink_to(self.folder / "photo.png")
        os.mkfifo(out / "p2.mp4")
        (out / "p3.mp4").write_bytes(b"mine")
        (out / "p4.mp4.json").write_bytes(b"{}")
        result = self.batch(INPUT, says=["list.csv:%d" % (row + 2) for row in range(5)])
        self.assertIn(b"5 problems; nothing was rendered", result.stderr)
        self.assertEqual(((out / "p3.mp4").read_bytes(), (out / "p4.mp4.json").read_bytes()), (b"mine", b"{}"))
        self.assertFalse((out / ".packshot").exists())

    def test_a_damaged_journal(self):
        """D9: set aside, and nothing that is there is rendered again."""
        self.rows(2)
        self.batch(OK)
        whole = self.clips()
        journal = self.folder / "out/.packshot/journal.sqlite"
        content = bytearray(journal.read_bytes())
        content[4096:8192] = b"\xff" * 4096
        journal.write_bytes(content)
        self.expect(INPUT, "resume", "out", says=["is damaged and was renamed", "run packshot batch"])
        self.assertEqual(len(list(journal.parent.glob("journal.sqlite.corrupt-*"))), 1)
        summary = self.summary(self.batch(OK, "--json"))
        self.assertEqual((summary["rendered"], self.clips()), (0, whole))
        shutil.rmtree(journal.parent)
        summary = self.summary(self.batch(OK, "--json"))
        self.assertEqual((summary["rendered"], self.clips()), (0, whole))

    def test_a_share_that_goes_away(self):
        """D11: it is waited for; no job fails, and all go on once it is back."""
        if not shutil.which("bindfs"):
            self.skipTest("no bindfs")
        self.rows(8)
        self.batch(OK, *LONG, out="calm")
        behind = self.folder / "behind"
        behind.mkdir()
        share = self.share(behind)
        process = self.start(*self.arguments(*LONG, "--journal", "journal.sqlite", "--json", out="disk/out"))
        for line in process.stdout:
            if b'"job_done"' in line:
                break
        share.kill()
        share.wait()
        time.sleep(2)
        self.assertIsNone(process.poll())
        subprocess.run(["umount", "-l", self.disk], check=True)
        time.sleep(1)
        self.assertEqual(os.listdir(self.disk), [])
        self.share(behind)
        told = process.communicate(timeout=120)[1].decode()
        self.assertEqual(process.returncode, OK, told)
        self.assertEqual(self.clips("disk/out"), self.clips("calm"))
        self.assertEqual(batching.temporaries(self.disk), [])

    def share(self, behind):
        process = subprocess.Popen(["bindfs", "-f", behind, self.disk], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], capture_output=True)
        end = time.monotonic() + 20
        while not os.path.ismount(self.disk):
            if process.poll() is not None or time.monotonic() > end:
                self.skipTest("bindfs cannot mount here")
            time.sleep(0.02)
        return process


class Clock(watching.Case):
    """D12: a wall clock that jumps by a day at each look changes nothing."""

    def jumping(self, arguments):
        begun = time.monotonic()
        result = self.expect(OK, *arguments, env={"LD_PRELOAD": injecting.LIBRARY, "FAULT_CLOCK": "86400"})
        return [json.loads(line) for line in result.stdout.splitlines()], time.monotonic() - begun

    def test_a_batch(self):
        self.rows(3)
        self.batch(OK, out="calm")
        events, seconds = self.jumping(self.arguments("--json"))
        self.assertEqual(self.clips(), self.clips("calm"))
        for event in events:
            self.assertLessEqual(event.get("seconds", 0), seconds)
            self.assertGreaterEqual(event.get("seconds", 0), 0)
        self.assertEqual(self.counts()["done"], 3)

    def test_a_watched_folder(self):
        self.put("p0.png", 0)
        events, _ = self.jumping(self.watching("--once", "--json"))
        self.assertEqual((events[-1]["rendered"], events[-1]["failed"]), (1, 0))
        self.assertEqual(self.movies(), ["p0.mp4"])


if __name__ == "__main__":
    injecting.in_own_mounts()
    harness.main()
