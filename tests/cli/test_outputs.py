"""Clips that cannot be written, and the promise that a file under its final name is complete."""
import os
import resource
import signal
import subprocess
import time

import harness
from harness import CANCELLED, OK, OUTPUT, USAGE

SMALL = ["--width", "16", "--height", "16", "--frames", "1", "--steps", "1", "--device", "ref"]
LONG = ["--width", "64", "--height", "64", "--frames", "2", "--steps", "1000", "--device", "ref"]


class Outputs(harness.Case):
    def render(self, code, output, *more, **options):
        return self.expect(code, "render", self.photo(), "-o", output, "--model", self.model(), *SMALL, *more, **options)

    def test_an_existing_clip_stays(self):
        clip = self.write("clip.mp4", b"an older clip")
        result = self.render(OUTPUT, "clip.mp4", says=["clip.mp4", "--overwrite"])
        self.assertNotIn(b"plan:", result.stderr)
        with open(clip, "rb") as file:
            self.assertEqual(file.read(), b"an older clip")
        self.render(OK, "clip.mp4", "--overwrite")
        self.assertGreater(os.path.getsize(clip), 500)
        self.assertEqual(self.files(), ["clip.mp4", "clip.mp4.json", "photo.png"])

    def test_existing_taps_stay(self):
        self.write("taps.safetensors", b"older")
        self.render(OUTPUT, "clip.mp4", "--taps", "taps.safetensors", says="taps.safetensors")
        self.assertEqual((self.folder / "taps.safetensors").read_bytes(), b"older")
        self.assertFalse((self.folder / "clip.mp4").exists())
        self.render(OK, "clip.mp4", "--taps", "taps.safetensors", "--overwrite")
        self.assertIn("decoder.frames", harness.read_safetensors(self.folder / "taps.safetensors"))

    def test_places_that_cannot_be_written(self):
        os.mkdir(self.folder / "folder.mp4")
        self.write("frames/notes.txt", b"mine")
        os.symlink("elsewhere.mp4", self.folder / "link.mp4")
        os.mkfifo(self.folder / "pipe.mp4")
        os.symlink("/dev/full", self.folder / "full.mp4")
        before = self.files()
        for output in ("nowhere/clip.mp4", "folder.mp4", "frames/", "link.mp4", "pipe.mp4", "full.mp4", "photo.png/clip.mp4",
                       "photo.png/", "link.mp4/", "x" * 300 + ".mp4"):
            with self.subTest(output=output):
                self.render(OUTPUT, output, "--overwrite")
                self.assertEqual(self.files(), sorted({*before, "photo.png"}))

    def test_inputs_are_not_replaced(self):
        photo = self.photo()
        for output in ("photo.png", "./photo.png", photo):
            self.render(USAGE, output, "--overwrite", says="photo.png")
        self.render(USAGE, "clip.mp4", "--taps", "photo.png", "--overwrite", says="photo.png")
        self.render(USAGE, "clip.mp4", "--taps", "clip.mp4", says="same file")
        self.assertEqual((self.folder / "photo.png").read_bytes(), harness.png())

    def test_a_file_size_limit_is_a_full_disk(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))

        photo = self.photo()
        self.expect(OUTPUT, "render", photo, "-o", "clip.mp4", "--model", self.model(), *SMALL, preexec_fn=limit, says="clip.mp4")
        self.assertEqual(self.files(), ["photo.png"])

    def test_dry_run_writes_nothing(self):
        photo = self.photo()
        for more in ([], ["-o", "clip.mp4"], ["-o", "clip.mp4", "--taps", "taps.safetensors", "--json"]):
            result = self.expect(OK, "render", photo, "--dry-run", "--model", self.model(), *SMALL, *more, says=["plan:", "unet", "decoder"])
            self.assertEqual(self.files(), ["photo.png"])
        self.assertEqual([event["event"] for event in self.events(result)], ["plan", "summary"])
        self.write("clip.mp4", b"older")
        self.expect(OUTPUT, "render", photo, "--dry-run", "-o", "clip.mp4", "--model", self.model(), *SMALL)

    def test_dry_run_creates_no_file_for_a_moment(self):
        try:
            subprocess.run(["strace", "-V"], stdout=subprocess.DEVNULL, check=True)
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("no strace")
        log = self.folder / "calls"
        subprocess.run(["strace", "-f", "-o", log, "-e", "trace=open,openat,creat,mkdir,rename,socket,connect", harness.PROGRAM, "render",
                        self.photo(), "--dry-run", "--model", self.model(), *SMALL], capture_output=True, stdin=subprocess.DEVNULL)
        text = log.read_text()
        self.assertIn("photo.png", text)
        for call in ("O_CREAT", "creat(", "mkdir(", "rename(", "AF_INET"):
            self.assertNotIn(call, text)


class Streams(harness.Case):
    def test_json_into_a_full_device_stops_the_render(self):
        with open("/dev/full", "wb") as full:
            self.expect(OUTPUT, "render", self.photo(), "-o", "clip.mp4", "--model", self.model(), *LONG, "--json", stdout=full,
                        says="standard output")
        self.assertEqual(self.files(), ["photo.png"])

    def test_a_reader_that_left_stops_the_render(self):
        read, write = os.pipe()
        os.close(read)
        result = self.packshot("render", self.photo(), "-o", "clip.mp4", "--model", self.model(), *LONG, "--json", "--quiet", stdout=write)
        os.close(write)
        self.assertEqual((result.returncode, result.stderr), (OUTPUT, b""))
        self.assertEqual(self.files(), ["photo.png"])

    def test_quiet_is_silent(self):
        result = self.expect(OK, "render", self.photo(), "-o", "clip.mp4", "--model", self.model(), *SMALL, "--quiet")
        self.assertEqual((result.stdout, result.stderr), (b"", b""))

    def test_result_and_messages_are_apart(self):
        result = self.expect(OK, "render", self.photo(), "-o", "clip.mp4", "--model", self.model(), *SMALL, says=["plan:", "peak", "unet"])
        self.assertEqual(result.stdout.count(b"\n"), 1)
        self.assertTrue(result.stdout.startswith(b"clip.mp4: 16x16, 1 frames"), result.stdout)
        for byte in (b"\r", b"\x1b"):
            self.assertNotIn(byte, result.stderr)

    def test_events(self):
        result = self.expect(OK, "render", self.photo(), "-o", "clip.mp4", "--model", self.model(), *SMALL, "--steps", "3", "--json")
        events = self.events(result)
        self.assertEqual(events[0]["event"], "plan")
        self.assertEqual(events[-1]["event"], "summary")
        self.assertEqual({event["event"] for event in events[1:-1]}, {"progress"})
        plan, summary = events[0], events[-1]
        self.assertEqual([phase["name"] for phase in plan["phases"]], ["vision", "encoder", "unet", "decoder"])
        for phase in plan["phases"]:
            self.assertEqual(set(phase), {"name", "weights_bytes", "scratch_bytes", "staging_bytes", "flops", "streamed"})
            self.assertLessEqual(phase["weights_bytes"] + phase["scratch_bytes"] + phase["staging_bytes"], plan["peak_bytes"])
        self.assertLessEqual(plan["peak_bytes"], plan["budget_bytes"])
        self.assertEqual(summary["output"], "clip.mp4")
        self.assertGreater(summary["seconds"], 0)
        self.assertEqual((summary["width"], summary["height"], summary["frames"], summary["fps"]), (16, 16, 1, 7))
        steps = [event["step"] for event in events if event["event"] == "progress" and event["phase"] == "unet"]
        self.assertEqual(sorted(set(steps)), [1, 2, 3])
        done = [event["done"] for event in events if event["event"] == "progress"]
        self.assertEqual(done, sorted(done))
        self.assertLessEqual(done[-1], 1.001)

    def test_zero_motion_and_noise_are_none(self):
        plan = self.events(self.expect(OK, "render", self.photo(), "--dry-run", "--model", self.model(), *SMALL, "--json", "--motion", "0",
                                       "--noise-aug", "0"))[0]
        self.assertEqual((plan["params"]["motion"], plan["params"]["noise_aug"]), (0, 0))
        plan = self.events(self.expect(OK, "render", self.photo(), "--dry-run", "--model", self.model(), *SMALL, "--json"))[0]
        self.assertEqual(plan["params"]["motion"], 127)
        self.assertAlmostEqual(plan["params"]["noise_aug"], 0.02)


class Interrupts(harness.Case):
    def start(self):
        process = subprocess.Popen(
            [harness.PROGRAM, "render", self.photo(), "-o", "clip.mp4", "--taps", "taps.safetensors", "--model", self.model(), *LONG, "--json"],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        # The render is under way once sampling reports.
        for line in process.stdout:
            if b'"unet"' in line and b'"progress"' in line:
                return process
        self.fail(process.communicate()[1])

    def test_the_first_stops_cleanly(self):
        for number, code in ((signal.SIGINT, CANCELLED), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            with self.subTest(number=number):
                process = self.start()
                process.send_signal(number)
                out, told = process.communicate(timeout=60)
                self.assertEqual(process.returncode, code, told)
                self.assertIn(b"stopping", told)
                self.assertIn(b'"event":"error"', out.splitlines()[-1])
                self.assertEqual(self.files(), ["photo.png"])

    def test_the_second_stops_at_once(self):
        process = self.start()
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertIn(process.returncode, (CANCELLED, -signal.SIGINT))
        self.assertNotIn("clip.mp4", self.files())


if __name__ == "__main__":
    harness.main()
