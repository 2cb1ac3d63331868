"""When a watcher rests: paused, outside of its hours, while the clips' folder is away; and photos that are too small."""
import datetime
import json
import os
import pathlib
import shutil
import signal
import tempfile
import time

import batching
import harness
import watching
from batching import NOTHING_TO_DO, SOME_FAILED
from harness import CANCELLED, INPUT, OK, USAGE

SLOW = ["--width", "32", "--height", "32", "--frames", "2", "--steps", "40", "--device", "cpu", "--threads", "1"]


def clock(hour, minute, second=0):
    """A time zone in which it is that time of day now, by whole seconds."""
    now = datetime.datetime.now(datetime.timezone.utc)
    ahead = (hour * 3600 + minute * 60 + second - (now.hour * 3600 + now.minute * 60 + now.second)) % 86400
    # POSIX counts westwards.
    return {"TZ": "TST-%02d:%02d:%02d" % (ahead // 3600, ahead // 60 % 60, ahead % 60)}


class Rests(watching.Case):
    def watchers(self, out="out"):
        return [event for event in self.events(self.expect(OK, "status", out, "--json")) if event["event"] == "watcher"]

    def test_paused(self):
        self.put("a.png", 1)
        self.expect(OK, "watch", "in", "--pause", says="take no photo")
        result = self.once(NOTHING_TO_DO, "--fail-if-empty", says="--continue")
        self.assertEqual(self.inside(), ["a.png"])
        self.assertEqual([event["state"] for event in self.events(result) if event["event"] == "watch_rest"], ["paused"])
        self.assertEqual(self.watchers(), [])
        watcher = self.watch()
        watcher.wait("watch_rest")
        self.assertEqual([(about["state"], about["pid"], about["folder"]) for about in self.watchers()],
                         [("paused", watcher.process.pid, str(self.folder / "in"))])
        self.assertIn(b": paused; packshot watch", self.expect(OK, "status", "out").stdout)
        time.sleep(1)
        self.assertEqual(self.inside(), ["a.png"])
        self.expect(OK, "watch", "in", "--continue")
        watcher.wait("job_done")
        self.assertEqual([event["state"] for event in watcher.of("watch_rest")], ["paused", "on"])
        self.assertEqual([about["state"] for about in self.watchers()], ["on"])
        self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)
        self.assertEqual((self.watchers(), self.inside()), ([], ["done/DATE/a.png"]))

    def test_the_clip_at_hand_is_finished_and_no_other_begun(self):
        for number in range(4):
            self.put("p%d.png" % number, number)
        watcher = self.watch(small=SLOW)
        watcher.wait("progress")
        self.expect(OK, "watch", "in", "--pause")
        watcher.wait("watch_rest")
        names = [event["event"] for event in watcher.events]
        # On a quick machine the first clip may be done before the watcher sees that it is to rest.
        begun = names[: names.index("watch_rest")].count("job_begin")
        self.assertLess(begun, 4)
        watcher.wait("job_done", begun)
        self.wait_for(lambda: len(self.inside()) == 4)
        time.sleep(0.5)
        self.assertEqual((len(watcher.of("job_begin")), len(self.movies()), [name for name in self.held() if name.endswith(".png")]),
                         (begun, begun, []))
        self.assertEqual(sum(name.startswith("done/") for name in self.inside()), begun)
        # Killed it is no watcher any more; the next one clears up after it.
        watcher.end(signal.SIGKILL)
        self.assertEqual(self.watchers(), [])
        left = [name for name in os.listdir(self.folder / "out/.packshot") if "watch-" in name]
        self.assertEqual(len(left), 1)
        self.expect(OK, "watch", "in", "--continue")
        self.assertEqual(self.once(OK).end["rendered"], 4 - begun)
        self.assertEqual([name for name in os.listdir(self.folder / "out/.packshot") if "watch-" in name], [])

    def test_hours(self):
        self.put("a.png", 1)
        for at, hours, taken in (((12, 0), "19:00-07:00", False), ((23, 30), "06:00-23:00", False), ((18, 59), "19:00-18:59", False),
                                 ((23, 30), "19:00-07:00", True), ((0, 30), "19:00-07:00", True), ((7, 10), "07:00-19:00", True)):
            with self.subTest(at=at, hours=hours):
                result = self.once(OK, "--hours", hours, env=clock(*at))
                self.assertEqual(result.end["taken"], taken)
                rests = [event for event in self.events(result) if event["event"] == "watch_rest"]
                self.assertEqual([event["state"] for event in rests], [] if taken else ["outside-hours"])
                if not taken:
                    # The minutes until then, by the clock of that zone.
                    begins = [int(part) for part in hours[:5].split(":")]
                    minutes = (begins[0] * 60 + begins[1] - at[0] * 60 - at[1]) % 1440
                    self.assertAlmostEqual(rests[0]["until"] - time.time(), 60 * minutes, delta=70)
                    self.assertIn("goes on at " + hours[:5], rests[0]["message"])
                if taken:
                    shutil.rmtree(self.folder / "in/done")
                    self.put("a.png", at[0])
        for wrong in ("19-07", "24:00-07:00", "19:00-19:00", "19:60-20:00", "19:00-7:00", "19:00", "19:00-07:00x", " 9:00-10:00"):
            self.once(USAGE, "--hours", wrong, says=["--hours", "19:00-07:00"])

    def test_hours_begin_and_are_over(self):
        self.put("a.png", 1)
        watcher = self.watch("--hours", "00:00-00:01", env=clock(23, 59, 57))
        until = watcher.wait("watch_rest")[0]["until"]
        self.assertLess(abs(until - time.time() - 3), 4)
        self.assertEqual([about["until"] for about in self.watchers()], [until])
        self.assertEqual(watcher.of("job_begin"), [])
        watcher.wait("job_done")
        self.assertGreaterEqual(time.time(), until)
        self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)
        self.put("b.png", 2)
        watcher = self.watch("--hours", "22:00-23:00", env=clock(22, 59, 56))
        watcher.wait("job_done")
        watcher.wait("watch_rest")
        self.put("c.png", 3)
        time.sleep(1.5)
        self.assertEqual(len(watcher.of("job_begin")), 1)
        self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)

    def test_photos_that_are_too_small(self):
        self.write("in/small.png", harness.png(64, 31))
        self.write("in/large.png", harness.png(40, 32))
        result = self.once(SOME_FAILED, "--min-size", "32")
        self.assertEqual(self.inside(), ["done/DATE/large.png", "failed/small.png", "failed/small.png.txt"])
        note = (self.folder / "in/failed/small.png.txt").read_text()
        for words in ("photo.too-small", "31 pixels", "32 at least", "move the photo back"):
            self.assertIn(words, note)
        self.assertEqual([(event["photo"], event["id"]) for event in self.events(result) if event["event"] == "watch_photo"],
                         [("small.png", "photo.too-small")])
        # Put back where less is asked for it is rendered.
        os.rename(self.folder / "in/failed/small.png", self.folder / "in/small.png")
        self.assertEqual(self.once(OK, "--min-size", "31").end["rendered"], 1)
        self.once(USAGE, "--min-size", "0")

    def test_a_folders_own_hours_and_size(self):
        self.write("in/packshot.ini", b"[folder]\nmin-size = 20\n")
        self.write("in/night/packshot.ini", b"[folder]\nhours = 19:00-07:00\nmin-size = 10\n\n[render]\nmotion = 40\n")
        self.write("in/bad/packshot.ini", b"[folder]\nhours = 19-7\nmin-size = large\n")
        for name in ("a", "night/b", "bad/c"):
            self.put(name + ".png", len(name))  # 24x16
        result = self.once(SOME_FAILED, "--min-size", "1", env=clock(12, 0))
        self.assertEqual([name for name in self.inside() if name.endswith(".png")], ["bad/c.png", "failed/a.png", "night/b.png"])
        paused = {event["folder"]: event["message"] for event in self.events(result) if event["event"] == "watch_client"}
        self.assertEqual(paused["night"], "outside of its hours 19:00-07:00; goes on at 19:00")
        self.assertIn("in/bad/packshot.ini:2:", paused["bad"])
        self.assertIn("19-7", paused["bad"])
        self.once(OK, env=clock(20, 0))
        self.assertEqual(self.parameters("night/b.mp4")["motion"], 40)

    def test_the_configuration_file(self):
        """[watch] of packshot.ini has the keys; the command line is stronger, and what is wrong is told with its place."""
        self.put("a.png", 1)
        self.write("packshot.ini", b"[watch]\nhours = 19:00-07:00\nmin-size = 17\n\n[render]\nmotion = 30\n")
        self.assertEqual(self.once(OK, env=clock(12, 0)).end["taken"], 0)
        self.once(SOME_FAILED, env=clock(20, 0))
        os.rename(self.folder / "in/failed/a.png", self.folder / "in/a.png")
        self.once(OK, "--hours", "11:00-13:00", "--min-size", "16", env=clock(12, 0))
        self.assertEqual(self.parameters("a.mp4")["motion"], 30)
        self.write("p.png", batching.photo(1))
        self.expect(OK, "render", "p.png", "-o", "p.mp4", "--model", self.model(), "--dry-run", "--device", "cpu")
        for text, words in ((b"[watch]\nhours = 7\n", ["packshot.ini:2:9", "hours", '"7"']), (b"[watch]\nhuors = 19:00-07:00\n", ['"hours"', ":2:1"]),
                            (b"[wach]\nhours = 19:00-07:00\n", ["[watch]"]), (b"[watch]\nout = x\n", ["out"])):
            self.write("packshot.ini", text)
            self.once(INPUT, says=words)

    def test_the_folder_of_the_clips_goes_away(self):
        if not os.access("/dev/shm", os.W_OK) or os.stat("/dev/shm").st_dev == os.stat(self.folder).st_dev:
            self.skipTest("no second file system")
        share = pathlib.Path(tempfile.mkdtemp(prefix="packshot-test-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, share, ignore_errors=True)
        (self.folder / "bare").mkdir()
        self.point(share)
        watcher = self.watch("--journal", "j.sqlite")
        watcher.wait("watch_folder")
        self.put("a.png", 1)
        watcher.wait("job_done")
        self.point("bare")
        self.assertEqual(watcher.wait("watch_rest")[0]["state"], "away")
        self.put("b.png", 2)
        time.sleep(1.5)
        self.assertEqual((os.listdir(self.folder / "bare"), len(watcher.of("job_begin"))), ([], 1))
        self.point(share)
        watcher.wait("job_done", 2)
        self.assertEqual(watcher.end(signal.SIGINT), CANCELLED)
        self.assertEqual((self.movies(share), watcher.of("job_failed")), (["a.mp4", "b.mp4"], []))

    def point(self, target):
        os.symlink(target, self.folder / "new")
        os.rename(self.folder / "new", self.folder / "out")

    def test_calls_that_cannot_be(self):
        self.expect(INPUT, "watch", "nowhere", "--pause", says="nowhere")
        self.expect(USAGE, "watch", "in", "--pause", "--continue", says=["--pause", "--continue"])
        self.expect(USAGE, "watch", "in", "--pause", "--once")
        self.expect(OK, "watch", "in", "--continue")
        event = json.loads(self.expect(OK, "watch", "in", "--pause", "--json").stdout)
        self.assertEqual((event["event"], event["state"]), ("watch_rest", "paused"))


if __name__ == "__main__":
    harness.main()
