"""Batches that are stopped, killed, looked at and changed while they run."""
import json
import os
import resource
import signal
import subprocess
import time

import batching
import harness
from batching import SMALL, SOME_FAILED, TERMINATED
from harness import CANCELLED, INPUT, OK, OUTPUT

MEDIUM = ["--width", "32", "--height", "32", "--frames", "2", "--steps", "80", "--device", "cpu", "--threads", "1"]
LONG = ["--width", "64", "--height", "64", "--frames", "2", "--steps", "1000", "--device", "cpu", "--threads", "1"]


class Kills(batching.Case):
    def test_killed_at_random_and_resumed(self):
        """Every clip is there once, and is the clip of a batch that nothing disturbed."""
        self.rows(8)
        begun = time.monotonic()
        self.batch(OK, out="calm")
        longest = 0.6 * (time.monotonic() - begun)
        killed = self.kill_and_resume(6, longest, self.arguments(), seed=int.from_bytes(os.urandom(2), "big"))
        self.assertGreater(killed, 0)
        self.assertEqual(self.clips(), self.clips("calm"))
        self.assertEqual(batching.temporaries(self.folder / "out"), [])
        counts = self.counts()
        self.assertEqual((counts["total"], counts["done"]), (8, 8))

    def test_a_journal_that_was_only_begun(self):
        self.rows(1)
        self.write("out/.packshot/journal.sqlite", b"")
        self.batch(OK, "--dry-run")
        self.batch(OK)
        self.assertEqual(self.counts()["done"], 1)

    def test_a_render_goes_on_from_its_last_step(self):
        self.rows(1)
        calm = self.expect(OK, *self.arguments("--json", out="calm", small=MEDIUM))
        process = self.start(*self.arguments("--json", small=MEDIUM))
        for line in process.stdout:
            event = json.loads(line)
            if event.get("phase") == "unet" and event["step"] > 10:
                break
        process.kill()
        process.communicate()
        steps = [event["step"] for event in self.events(self.resume(OK, "--json")) if event.get("phase") == "unet"]
        self.assertGreater(min(steps), 9)
        self.assertEqual(min(event["step"] for event in self.events(calm) if event.get("phase") == "unet"), 1)
        self.assertEqual(self.clips(), self.clips("calm"))
        self.assertEqual([name for name in os.listdir(self.folder / "out/.packshot") if "state" in name], [])

    def test_what_a_dead_worker_left_is_cleared_away(self):
        """Its temporaries, and a clip that has its name while its sidecar has not; never what is somebody else's."""
        self.rows(2)
        self.batch(OK, out="calm")
        process = self.start(*self.arguments("--json", small=LONG))
        for line in process.stdout:
            if b'"progress"' in line:
                break
        process.kill()
        process.communicate()
        mine = "out/.p0.mp4.packshot-01234567.tmp"
        strange = ["out/.p0.mp4.packshot-0123456g.tmp", "out/.q.mp4.packshot-01234567.tmp", "out/p0.mp4.tmp"]
        for name in [mine, *strange]:
            self.write(name, b"half a clip")
        self.write("out/p0.mp4", self.clips("calm")["p0.mp4"])
        # The options of then count, and they are slow.
        process = self.start("resume", "out", "--json")
        self.wait_for(lambda: not (self.folder / mine).exists())
        process.kill()
        process.communicate()
        for name in strange:
            self.assertEqual((self.folder / name).read_bytes(), b"half a clip")

    def test_between_the_two_names(self):
        """A crash there leaves a labelled clip without a sidecar; the job makes it again, and only a labelled one."""
        self.rows(1)
        self.batch(OK, out="calm")
        for content, code in ((self.clips("calm")["p0.mp4"], OK), (b"somebody's", SOME_FAILED)):
            process = self.start(*self.arguments("--json", small=LONG))
            for line in process.stdout:
                if b'"progress"' in line:
                    break
            process.kill()
            process.communicate()
            self.write("out/p0.mp4", content)
            process = self.start("resume", "out", "--json")
            events = []
            for line in process.stdout:
                events.append(json.loads(line))
                if events[-1]["event"] in ("progress", "job_failed"):
                    break
            self.assertEqual(events[-1]["event"], "progress" if code == OK else "job_failed")
            process.kill()
            process.communicate()
            self.assertEqual((self.folder / "out/p0.mp4").read_bytes(), content)
            subprocess.run(["rm", "-r", self.folder / "out"], check=True)


class Signals(batching.Case):
    def under_way(self, *more):
        process = self.start(*self.arguments("--json", *more, small=LONG))
        for line in process.stdout:
            if b'"unet"' in line:
                return process
        self.fail(process.communicate()[1])

    def test_the_first_stops_and_says_how_to_go_on(self):
        self.rows(3)
        for number, code in ((signal.SIGINT, CANCELLED), (signal.SIGTERM, TERMINATED)):
            process = self.under_way()
            begun = time.monotonic()
            process.send_signal(number)
            out, told = process.communicate(timeout=60)
            self.assertEqual(process.returncode, code, told)
            self.assertLess(time.monotonic() - begun, 5)
            self.assertIn(b"packshot resume", told)
            self.assertIn(b"3 of 3 jobs are left", told)
            self.assertEqual(json.loads(out.splitlines()[-2])["counts"]["waiting"], 3)
            self.assertEqual(self.clips(), {})
        self.assertEqual(self.counts()["running"], 0)

    def test_a_stopped_batch_goes_on(self):
        self.rows(6)
        self.batch(OK, out="calm")
        process = self.start(*self.arguments("--json"))
        for line in process.stdout:
            if b'"job_done"' in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertIn(process.returncode, (CANCELLED, OK))
        self.resume(OK)
        self.assertEqual(self.clips(), self.clips("calm"))

    def test_a_full_disk_ends_the_batch_and_loses_nothing(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (600000, 600000))

        self.rows(3)
        large = ["--codec", "prores-4444", "--size", "512x512", "--hold", "1"]
        self.batch(OK, *large, out="calm")
        self.batch(OUTPUT, *large, preexec_fn=limit, says=["larger than this process may write", "packshot resume"])
        self.assertEqual((self.clips(), batching.temporaries(self.folder)), ({}, []))
        self.assertEqual(self.counts()["waiting"], 3)
        self.resume(OK)
        self.assertEqual(self.clips(), self.clips("calm"))

    def test_a_manifest_that_was_edited_changes_nothing(self):
        self.rows(2)
        process = self.under_way()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.list("photo\n")
        process = self.start("resume", "out")
        self.wait_for(lambda: self.counts()["running"])
        process.send_signal(signal.SIGINT)
        self.assertIn(b"is another than it was", process.communicate(timeout=60)[1])
        self.assertEqual(self.counts()["total"], 2)

    def test_a_photo_that_was_replaced_is_another_job(self):
        self.rows(1)
        process = self.under_way()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.write("p0.png", batching.photo(9))
        result = self.resume(SOME_FAILED, "--json")
        self.assertEqual([event["id"] for event in self.events(result) if event["event"] == "job_failed"], ["job.changed"])

    def test_two_at_one_journal_share_the_jobs(self):
        self.rows(10)
        self.batch(OK, out="calm")
        process = self.start(*self.arguments("--json"))
        for line in process.stdout:
            if b'"batch_begin"' in line:
                break
        second = self.resume(OK, "--json")
        rest, told = process.communicate(timeout=120)
        self.assertEqual(process.returncode, OK, told)
        done = [event["job"] for event in self.events(second) + [json.loads(line) for line in rest.splitlines()] if event["event"] == "job_done"]
        self.assertEqual(sorted(done), list(range(1, 11)))
        self.assertEqual(self.clips(), self.clips("calm"))

    def test_status_while_it_runs(self):
        self.rows(2)
        process = self.under_way()
        begun = time.monotonic()
        events = self.events(self.expect(OK, "status", "out", "--json"))
        self.assertLess(time.monotonic() - begun, 5)
        self.assertEqual(events[0]["counts"]["total"], 2)
        self.assertIn("running", [event["event"] for event in events])
        process.kill()
        process.communicate()

    def test_cancel_while_it_runs(self):
        self.rows(2)
        process = self.under_way()
        self.expect(OK, "cancel", "out")
        out, told = process.communicate(timeout=60)
        self.assertEqual(process.returncode, OK, told)
        self.assertEqual(self.counts()["ignored"], 2)
        self.assertEqual(self.clips(), {})
        self.expect(OK, "retry", "out", "--output", "out/p0.mp4")
        self.assertEqual(self.counts()["waiting"], 1)

    def test_there_has_to_be_a_journal(self):
        for command in ("status", "resume", "retry", "cancel"):
            self.expect(INPUT, command, ".", says="journal")


if __name__ == "__main__":
    harness.main()
