"""A folder that is watched: when a photo counts as copied, what becomes of it, what is never done twice."""
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest

import batching
import harness
import watching
from batching import NOTHING_TO_DO, SMALL, SOME_FAILED, TERMINATED
from harness import CANCELLED, INPUT, OK, USAGE
from watching import LONG, QUIET, kind


class Once(watching.Case):
    def test_photos_become_clips_and_are_filed(self):
        self.put("a.png", 1)
        self.put("client/season/b.png", 2)
        self.write("in/page.png", b"<html>this is no photo</html>")
        result = self.once(SOME_FAILED)
        self.assertEqual(self.inside(), ["done/DATE/a.png", "done/DATE/client/season/b.png", "failed/page.png", "failed/page.png.txt"])
        self.assertEqual(self.movies(), ["a.mp4", "client/season/b.mp4"])
        self.assertEqual(self.held(), [])
        self.assertEqual((result.end["taken"], result.end["rendered"], result.end["failed"]), (3, 2, 1))
        self.assertEqual(result.end["counts"]["total"], 3)
        note = (self.folder / "in/failed/page.png.txt").read_text()
        for words in ("page.png", "image.unknown-type", "HTML", "move the photo back"):
            self.assertIn(words, note)
        self.assertNotIn(".packshot", note)
        # The clip of a render alone.
        self.write("alone.png", batching.photo(1))
        self.expect(OK, "render", "alone.png", "-o", "alone.mp4", "--model", self.model(), "--reproducible", *SMALL)
        self.assertEqual(self.clips()["a.mp4"], (self.folder / "alone.mp4").read_bytes())

    def test_failed_and_put_back(self):
        self.write("in/client/a.png", b"<html>this is no photo</html>")
        self.once(SOME_FAILED)
        self.assertEqual(self.once(OK).end["taken"], 0)
        # As it is, it fails again; mended, it is rendered, and the note has had its time.
        os.rename(self.folder / "in/failed/client/a.png", self.folder / "in/client/a.png")
        self.once(SOME_FAILED)
        self.assertEqual(self.inside(), ["failed/client/a.png", "failed/client/a.png.txt"])
        os.unlink(self.folder / "in/failed/client/a.png")
        self.put("client/a.png", 1)
        self.once(OK)
        self.assertEqual(self.inside(), ["done/DATE/client/a.png"])

    def test_nothing_is_rendered_twice(self):
        """W9, W10."""
        self.put("a.png", 1)
        self.once(OK)
        self.put("a.png", 1)
        result = self.once(OK)
        self.assertEqual((result.end["rendered"], result.end["recognised"]), (0, 1))
        self.put("b.png", 1)
        result = self.once(OK)
        self.assertEqual((result.end["rendered"], result.end["duplicates"]), (0, 1))
        self.assertEqual(self.inside(), ["done/DATE/a.png", "done/DATE/a_2.png", "done/DATE/b.png", "done/DATE/b.png.txt"])
        self.assertIn("out/a.mp4", next((self.folder / "in/done").glob("*/b.png.txt")).read_text())
        # A new photo of an old name is a new version, and the old clip stays.
        before = self.clips()
        self.put("a.png", 2)
        self.assertEqual(self.once(OK).end["rendered"], 1)
        self.assertEqual(self.movies(), ["a.mp4", "a_v2.mp4"])
        self.assertEqual(self.clips()["a.mp4"], before["a.mp4"])
        self.put("a.png", 2)
        self.assertEqual(self.once(OK).end["rendered"], 0)
        # Without the journal the sidecars tell.
        shutil.rmtree(self.folder / "out/.packshot")
        self.put("a.png", 2)
        result = self.once(OK)
        self.assertEqual((result.end["rendered"], result.end["recognised"]), (0, 1))
        # A clip that somebody removed is made again.
        for name in ("out/a.mp4", "out/a.mp4.json"):
            os.unlink(self.folder / name)
        self.put("a.png", 1)
        self.assertEqual(self.once(OK).end["rendered"], 1)

    def test_names_that_meet(self):
        self.put("a.png", 1)
        self.put("a.PNG", 2)
        self.write("out/b.mp4", b"somebody's clip")
        self.put("b.png", 3)
        self.once(OK)
        self.assertEqual(self.movies(), ["a.mp4", "a_v2.mp4", "b.mp4", "b_v2.mp4"])
        self.assertEqual(self.clips()["b.mp4"], b"somebody's clip")
        self.put("c.png", 4)
        self.put("c.jpg", 5)
        self.once(OK, "--name", "{name}_{w}x{h}.mp4")
        self.assertEqual(self.movies()[4:], ["c_16x16.mp4", "c_16x16_v2.mp4"])
        self.once(USAGE, "--name", "{sku}.mp4")

    def test_what_is_no_photo(self):
        """W11, W12."""
        junk = [".DS_Store", "._a.png", "Thumbs.db", "~$a.png", "a.png.filepart", "b.crdownload", "notes.txt"]
        for name in junk:
            self.write("in/" + name, batching.photo(1))
        os.symlink("/etc/passwd", self.folder / "in/link.png")
        for name, when in (("old.png", 10 ** 9), ("new.png", 4 * 10 ** 9)):
            os.utime(self.put(name, when % 7), (when, when))
        result = self.once(OK)
        ignored = [event["photo"] for event in self.events(result) if kind(event) == "photo_ignored"]
        self.assertEqual(sorted(ignored), sorted([*junk, "link.png"]))
        self.assertEqual(self.inside(), sorted(["done/DATE/new.png", "done/DATE/old.png", *junk, "link.png"]))

    def test_what_is_not_complete_stays(self):
        """W3, and files that are empty or cut."""
        whole = batching.photo(1)
        half = len(whole) // 2
        self.write("in/tail.png", whole[:half] + bytes(len(whole) - half))
        self.write("in/cut.png", whole[:half])
        self.write("in/empty.png", b"")
        self.write("in/hollow.png", bytes(5000))
        result = self.once(NOTHING_TO_DO, "--fail-if-empty")
        told = {event["photo"]: event["message"] for event in self.events(result) if kind(event) == "photo_incomplete"}
        self.assertEqual(sorted(told), ["cut.png", "hollow.png", "tail.png"])
        self.assertIn("since ", told["cut.png"])
        self.assertEqual(self.inside(), ["cut.png", "empty.png", "hollow.png", "tail.png"])
        self.put("tail.png", 1)
        self.assertEqual(self.once(OK).end["rendered"], 1)
        # Whose patience is over gets what is there.
        self.once(SOME_FAILED, "--give-up", "1", "--quiet-time", "1.1")
        self.assertEqual(len([name for name in self.inside() if name.startswith("failed/")]), 6)
        self.assertIn("image.truncated", (self.folder / "in/failed/cut.png.txt").read_text())

    def test_folders_have_settings(self):
        """W18, presets and clients."""
        self.write("packshot-presets/calm.ini", b"[render]\nmotion = 20\nfps = 5\n")
        self.write("packshot-presets/fast.ini", b"[render]\nmotion = 90\n")
        self.put("plain.png", 1)
        self.put("calm/named.png", 2)
        self.put("acme/inside/deep.png", 3)
        self.put("bad/paused.png", 4)
        self.put("bad/too.png", 5)
        self.write("in/acme/packshot.ini", b"[folder]\npreset = calm\n\n[render]\nmotion = 30\n")
        self.write("in/acme/inside/packshot.ini", b"[render]\nnoise-aug = 0.5\n")
        self.write("in/bad/packshot.ini", b"[render]\nmotoin = 30\n")
        result = self.once(OK, "--preset", "fast")
        found = {name: self.parameters(name) for name in self.movies()}
        self.assertEqual({name: (told["motion"], told["fps"]) for name, told in found.items()},
                         {"plain.mp4": (90, 7), "calm/named.mp4": (20, 5), "acme/inside/deep.mp4": (30, 5)})
        self.assertAlmostEqual(found["acme/inside/deep.mp4"]["noise_aug"], 0.5)
        paused = [event for event in self.events(result) if kind(event) == "client_paused"]
        self.assertEqual([event["folder"] for event in paused], ["bad"])
        for words in ("in/bad/packshot.ini:2:1", "motoin", "motion"):
            self.assertIn(words, paused[0]["message"])
        self.assertIn("bad/paused.png", self.inside())
        self.write("in/bad/packshot.ini", b"[render]\nmotion = 30\n")
        self.once(OK)
        self.assertEqual(self.parameters("bad/too.mp4")["motion"], 30)
        # A preset that is not there, and options that are no client's business.
        for number, text in enumerate((b"[folder]\npreset = hreo\n", b"[render]\nmodel = /x\n", b"[render]\nlogo = ../../secret.png\n")):
            self.put("bad/more.png", 10 + number)
            self.write("in/bad/packshot.ini", text)
            result = self.once(OK)
            self.assertEqual(len([event for event in self.events(result) if kind(event) == "client_paused"]), 1, text)
            self.assertIn("bad/more.png", self.inside())

    def test_photos_that_stay(self):
        """W16."""
        self.put("a.png", 1)
        self.put("client/b.png", 2)
        before = {path: path.stat().st_mtime_ns for path in (self.folder / "in").rglob("*")}
        self.assertEqual(self.once(OK, "--leave").end["rendered"], 2)
        result = self.once(OK, "--leave")
        self.assertEqual((result.end["rendered"], result.end["recognised"]), (0, 2))
        self.assertEqual({path: path.stat().st_mtime_ns for path in (self.folder / "in").rglob("*")}, before)
        self.put("a.png", 3)
        self.assertEqual(self.once(OK, "--leave").end["rendered"], 1)
        self.assertEqual(self.movies(), ["a.mp4", "a_v2.mp4", "client/b.mp4"])

    @unittest.skipUnless(watching.is_root(), "mounting needs root")
    def test_a_folder_that_cannot_be_written(self):
        self.put("a.png", 1)
        here = str(self.folder / "in")
        script = "mount --bind %s %s && mount -o remount,ro,bind %s && exec \"$@\"" % (here, here, here)
        tried = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", "true"], capture_output=True)
        if tried.returncode:
            self.skipTest("no mounts here")
        result = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", harness.PROGRAM, *self.watching("--once", "--json")],
                                cwd=self.folder, capture_output=True, env=harness.environment())
        self.assertEqual(result.returncode, OK, result.stderr)
        self.assertIn(b"stay where they are", result.stderr)
        self.assertEqual((self.inside(), self.movies()), (["a.png"], ["a.mp4"]))

    def test_a_photo_that_may_not_be_read(self):
        """W19. Root reads everything, so it becomes somebody else for this."""
        become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"] if watching.is_root() else []
        if become and not shutil.which("setpriv"):
            self.skipTest("no setpriv to be another than root")
        # Where others than root can reach them.
        program, model = shutil.copy(harness.PROGRAM, self.folder / "packshot"), shutil.copytree(self.model(), self.folder / "model")
        os.chmod(self.put("a.png", 1), 0)
        self.put("b.png", 2)
        for folder in (self.folder, self.folder / "in"):
            os.chmod(folder, 0o777)

        def once():
            result = subprocess.run([*become, program, *self.watching("--once", "--json", "--model", model)], cwd=self.folder,
                                    capture_output=True, env=harness.environment({"HOME": str(self.folder)}))
            self.assertEqual(result.returncode, OK, result.stderr)
            return [(event["photo"], event["message"]) for event in self.events(result) if kind(event) == "photo_held"]

        self.assertEqual(once(), [("a.png", "cannot be read: Permission denied")])
        self.assertEqual((self.inside(), self.movies()), (["a.png", "done/DATE/b.png"], ["b.mp4"]))
        os.chmod(self.folder / "in/a.png", 0o644)
        self.assertEqual(once(), [])
        self.assertEqual(self.movies(), ["a.mp4", "b.mp4"])

    def test_calls_that_cannot_be(self):
        """W17."""
        self.put("a.png", 1)
        for out in ("in/clips", "in", ".", "in/../in/x/y"):
            self.once(USAGE, out=out, says="lie in each other")
        os.symlink("in", self.folder / "alias")
        self.once(USAGE, out="alias/clips", says="lie in each other")
        self.assertEqual(self.files(), ["alias", "in", "in/a.png"])
        self.once(INPUT, folder="nowhere", says="there is no such folder")
        self.once(INPUT, "--preset", "hreo", says="hero")
        self.expect(USAGE, "watch", "in", says="--out")
        self.expect(USAGE, "watch", "in", "--out", "out", "--fail-if-empty", says="--once")
        self.assertEqual(self.inside(), ["a.png"])


class Arrivals(watching.Case):
    def test_a_slow_writer(self):
        """W1: pauses longer than the quiet time are no end, and no error."""
        watcher = self.watch()
        watcher.wait("watch_folder")
        whole = batching.photo(1)
        for part in range(4):
            # Closed in between, so that nobody has it open for writing.
            with open(self.folder / "in/a.png", "ab") as file:
                file.write(whole[part * len(whole) // 4:(part + 1) * len(whole) // 4])
            time.sleep(3 * QUIET)
        watcher.wait("job_done")
        self.assertGreater(len(watcher.of("photo_incomplete")), 0)
        self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)
        self.assertEqual((len(watcher.of("job_begin")), watcher.of("job_failed")), (1, []))
        self.assertEqual(self.inside(), ["done/DATE/a.png"])

    def test_a_writer_that_has_not_closed(self):
        """A photo is whole while somebody still has it open for writing."""
        watcher = self.watch()
        watcher.wait("watch_folder")
        with open(self.folder / "in/a.png", "wb") as file:
            file.write(batching.photo(1))
            file.flush()
            time.sleep(5 * QUIET)
            self.assertEqual(watcher.of("job_begin"), [])
        watcher.wait("job_done")

    def test_ways_to_arrive(self):
        """W4, W9; the folder is looked through every half minute, so the kernel's hints are what makes it quick."""
        watcher = self.watch(poll="30")
        watcher.wait("watch_folder")
        start = time.monotonic()
        self.write("in/a.png.part", batching.photo(1))
        os.rename(self.folder / "in/a.png.part", self.folder / "in/a.png")
        self.write("elsewhere.png", batching.photo(2))
        os.link(self.folder / "elsewhere.png", self.folder / "in/b.png")
        self.write("moved/sub/c.png", batching.photo(3))
        os.rename(self.folder / "moved", self.folder / "in/moved")
        os.symlink(self.folder / "elsewhere.png", self.folder / "in/d.png")
        # As editors save.
        self.put("e.png", 4)
        self.write("in/.e.png.swp", batching.photo(5))
        os.rename(self.folder / "in/.e.png.swp", self.folder / "in/e.png")
        watcher.wait("job_done", 4)
        self.assertLess(time.monotonic() - start, 25)
        self.assertEqual(watcher.end(signal.SIGTERM), TERMINATED)
        self.assertEqual(self.movies(), ["a.mp4", "b.mp4", "e.mp4", "moved/sub/c.mp4"])
        self.assertEqual([event["photo"] for event in watcher.of("photo_ignored") if event["photo"] == "d.png"], ["d.png"])
        self.assertEqual((self.folder / "elsewhere.png").read_bytes(), batching.photo(2))

    def test_the_kernel_tells_nothing(self):
        """W7: no more inotify instances for this user."""
        libc = ctypes.CDLL(None, use_errno=True)
        taken = []
        try:
            while len(taken) < 5000 and (fd := libc.inotify_init1(os.O_CLOEXEC)) >= 0:
                taken.append(fd)
            if len(taken) == 5000:
                self.skipTest("no limit on inotify instances here")
            watcher = self.watch()
            watcher.wait("watch_folder")
            self.put("a.png", 1)
            watcher.wait("job_done")
            self.assertIn("max_user_", "".join(watcher.told))
        finally:
            for fd in taken:
                os.close(fd)

    def test_a_folder_that_goes_and_comes(self):
        """W8."""
        self.put("a.png", 1)
        watcher = self.watch("--metrics", "m.prom")
        watcher.wait("job_done")
        os.rename(self.folder / "in", self.folder / "away")
        watcher.wait("watch_folder", 2)
        self.wait_for(lambda: 'folder_there{folder="%s"} 0' % (self.folder / "in") in (self.folder / "m.prom").read_text())
        os.rename(self.folder / "away", self.folder / "in")
        watcher.wait("watch_folder", 3)
        self.put("b.png", 2)
        watcher.wait("job_done", 2)
        shutil.rmtree(self.folder / "in")
        watcher.wait("watch_folder", 4)
        (self.folder / "in").mkdir()
        watcher.wait("watch_folder", 5)
        self.put("c.png", 3)
        watcher.wait("job_done", 3)
        self.assertEqual([event["there"] for event in watcher.of("watch_folder")], [True, False, True, False, True])
        self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)
        self.assertEqual(len(watcher.of("job_begin")), 3)
        self.assertEqual(self.inside(), ["done/DATE/c.png"])

    def test_a_folder_that_is_not_there_yet(self):
        os.rmdir(self.folder / "in")
        watcher = self.watch()
        self.assertFalse(watcher.wait("watch_folder")[0]["there"])
        self.put("a.png", 1)
        watcher.wait("job_done")


class Work(watching.Case):
    def test_the_photo_is_replaced_meanwhile(self):
        """W13: the job at hand has the photo to itself."""
        self.put("a.png", 1)
        watcher = self.watch(small=["--width", "32", "--height", "32", "--frames", "1", "--steps", "20", "--device", "ref"])
        watcher.wait("progress")
        self.assertEqual(self.inside(), [])
        self.put("a.png", 2)
        watcher.wait("job_done", 2)
        self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)
        self.assertEqual(self.movies(), ["a.mp4", "a_v2.mp4"])
        hashes = {json.loads(self.clips()[name + ".json"])["photo"]["sha256"] for name in self.movies()}
        self.assertEqual(len(hashes), 2)

    def test_two_watchers(self):
        """W14: with one journal, and as two machines with a journal each."""
        for attempt, journals in enumerate(((), ("--journal", "second.sqlite"))):
            out = "out%d" % attempt
            watchers = [self.watch(out=out), self.watch(*journals, out=out)]
            for watcher in watchers:
                watcher.wait("watch_folder")
            names = ["p%d.png" % i for i in range(8)]
            for i, name in enumerate(names):
                self.put(name, 20 * attempt + i)
            self.wait_for(lambda: sum(len(watcher.of("job_done")) for watcher in watchers) >= len(names))
            time.sleep(3 * QUIET)
            for watcher in watchers:
                self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)
            done = [os.path.basename(event["output"]) for watcher in watchers for event in watcher.of("job_done")]
            self.assertEqual(sorted(done), [name.replace("png", "mp4") for name in names])
            self.assertEqual(self.movies(out), sorted(done))
            self.assertEqual(self.held(), [])
            shutil.rmtree(self.folder / "in/done")

    def test_killed_in_mid_work(self):
        """W15: what a dead watcher held comes back by itself, and is rendered once."""
        self.put("client/a.png", 1)
        self.put("b.png", 2)
        watcher = self.watch(small=LONG)
        watcher.wait("progress")
        watcher.end(signal.SIGKILL)
        self.assertEqual(self.inside(), [])
        self.assertEqual(sorted(self.held()), [".worker", "a.png", "b.png"])
        result = self.once(OK, says="left by a watcher that is gone")
        self.assertEqual(result.end["rendered"], 2)
        self.assertEqual(self.inside(), ["done/DATE/b.png", "done/DATE/client/a.png"])
        self.assertEqual((self.movies(), self.held()), (["b.mp4", "client/a.mp4"], []))
        self.assertEqual(batching.temporaries(self.folder / "out"), [])

    def test_signals(self):
        self.put("a.png", 1)
        for number, code in ((signal.SIGINT, CANCELLED), (signal.SIGTERM, TERMINATED)):
            watcher = self.watch(small=LONG)
            watcher.wait("progress")
            watcher.process.send_signal(signal.SIGHUP)
            time.sleep(0.2)
            self.assertIsNone(watcher.process.poll())
            start = time.monotonic()
            self.assertEqual(watcher.end(number), code)
            self.assertLess(time.monotonic() - start, 5)
            self.assertEqual((self.inside(), self.held(), self.movies()), (["a.png"], [], []))

    def test_presets_are_read_anew(self):
        self.write("packshot-presets/mine.ini", b"[render]\nmotion = 20\n")
        watcher = self.watch("--preset", "mine")
        watcher.wait("watch_folder")
        self.put("a.png", 1)
        watcher.wait("job_done")
        self.write("packshot-presets/mine.ini", b"[render]\nmotion = 60\n")
        watcher.process.send_signal(signal.SIGHUP)
        self.put("b.png", 2)
        watcher.wait("job_done", 2)
        self.assertEqual([self.parameters(name)["motion"] for name in ("a.mp4", "b.mp4")], [20, 60])
        self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)

    def test_the_service_manager_is_told(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(self.folder / "notify"))
            manager.settimeout(30)
            watcher = self.watch(env={"NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": "600000"})
            told = []
            while sum(b"WATCHDOG=1" in text for text in told) < 3:
                told.append(manager.recv(4096))
            self.assertTrue(any(text.startswith(b"READY=1\nSTATUS=") for text in told), told)
            self.assertEqual(watcher.end(signal.SIGTERM), TERMINATED)
            manager.settimeout(1)
            try:
                while b"STOPPING=1" not in told:
                    told.append(manager.recv(4096))
            except socket.timeout:
                self.fail("no STOPPING: %s" % told)

    def test_metrics(self):
        self.put("a.png", 1)
        self.write("in/bad.png", b"<html>this is no photo</html>")
        self.write("in/cut.png", batching.photo(2)[:80])
        self.once(SOME_FAILED, "--metrics", "m.prom")
        figures, typed = {}, set()
        for line in (self.folder / "m.prom").read_text().splitlines():
            if line.startswith("# TYPE "):
                typed.add(line.split()[2])
            elif not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                figures[name.replace('folder="%s"' % (self.folder / "in"), "").replace("{}", "").replace("{,", "{")] = float(value)
        for name, value in (("rendered_total", 1), ("failed_total", 1), ("photos_taken_total", 2), ("folder_there", 1),
                            ('files{state="incomplete"}', 1), ('jobs{state="done"}', 1), ('jobs{state="failed"}', 1)):
            self.assertEqual(figures["packshot_watch_" + name], value, name)
        self.assertLess(abs(figures["packshot_watch_last_look_timestamp_seconds"] - time.time()), 60)
        self.assertGreater(figures["packshot_watch_render_seconds_total"], 0)
        self.assertEqual({name.split("{")[0] for name in figures}, typed)


if __name__ == "__main__":
    harness.main()
