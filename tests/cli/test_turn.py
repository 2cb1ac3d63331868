"""Renders on one GPU take turns."""
import os
import signal
import subprocess
import unittest

import harness
from harness import CANCELLED, OK

VULKAN = harness.vulkan_device()
SMALL = ["--width", "16", "--height", "16", "--frames", "1", "--steps", "1", "--dtype", "f32"]
LONG = ["--width", "64", "--height", "64", "--frames", "4", "--steps", "1000", "--dtype", "f32"]


@unittest.skipUnless(VULKAN, "no Vulkan device")
class Turns(harness.Case):
    def setUp(self):
        super().setUp()
        self.runtime = {"XDG_RUNTIME_DIR": str(self.folder / "run")}
        os.mkdir(self.folder / "run")

    def start(self, output, *arguments):
        process = subprocess.Popen([harness.PROGRAM, "render", self.photo(), "-o", output, "--model", self.model(), "--device", VULKAN, *arguments],
                                   cwd=self.folder, env=harness.environment(self.runtime), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def first(self):
        """A render that has the device."""
        process = self.start("first.mp4", *LONG, "--json")
        for line in process.stdout:
            if b'"unet"' in line and b'"progress"' in line:
                return process
        return self.fail(process.communicate()[1])

    def second(self, first):
        """One that waits for it."""
        process = self.start("second.mp4", *SMALL)
        for line in process.stderr:
            if b"waiting" in line:
                self.assertIn(b"process %d has device %s" % (first.pid, VULKAN.encode()), line)
                return process
        return self.fail("it did not wait")

    def test_the_second_waits(self):
        first = self.first()
        second = self.second(first)
        with self.assertRaises(subprocess.TimeoutExpired):
            second.wait(timeout=0.5)
        first.kill()
        self.assertIn(b"second.mp4: 16x16", second.communicate(timeout=120)[0])
        self.assertEqual(second.returncode, OK)

    def test_a_wait_can_be_stopped(self):
        second = self.second(self.first())
        second.send_signal(signal.SIGINT)
        told = second.communicate(timeout=60)[1]
        self.assertEqual(second.returncode, CANCELLED, told)
        self.assertIn(b"another had the device", told)
        self.assertNotIn("second.mp4", self.files())

    def test_others_do_not_wait(self):
        """The processor is shared as ever, and so is a device where there is no place to wait at."""
        first = self.first()
        arguments = ["render", self.photo(), "--model", self.model(), *SMALL]
        for name, device, runtime in (("cpu.mp4", "cpu", self.runtime), ("no.mp4", VULKAN, {}), ("gone.mp4", VULKAN, {"XDG_RUNTIME_DIR": str(self.folder / "gone")})):
            self.expect(OK, *arguments, "-o", name, "--device", device, env=runtime)
        self.assertIsNone(first.poll())


if __name__ == "__main__":
    harness.main()
