"""The program on a Vulkan device that fails: see layer.c for what FAULT says."""
import json
import unittest

import harness
from harness import DEVICE, MEMORY, OK

DEVICE_LOST = 9
VULKAN = harness.vulkan_device()


@unittest.skipUnless(VULKAN, "no Vulkan device")
class Faults(harness.Case):
    def render(self, code, output, fault, *more, **options):
        return self.expect(code, "render", self.photo(), "-o", output, "--model", self.model(), "--width", "16", "--height", "16", "--frames", "1",
                           "--steps", "6", "--dtype", "f32", "--device", VULKAN, "--no-sidecar", "--reproducible", *more,
                           env={"FAULT": fault}, **options)

    def bytes(self, name):
        return (self.folder / name).read_bytes()

    def test_a_device_lost_once_is_opened_again(self):
        self.render(OK, "whole.mp4", "")
        self.render(OK, "clip.mp4", "submit=30", says="trying once more")
        self.assertEqual(self.bytes("clip.mp4"), self.bytes("whole.mp4"))

    def test_a_device_lost_twice_is_the_end(self):
        """And with a state not of what was sampled."""
        self.render(OK, "whole.mp4", "")
        result = self.render(DEVICE_LOST, "clip.mp4", "submit=30,31+", "--json", says=["trying once more", "stopped answering"])
        self.assertEqual(json.loads(result.stdout.splitlines()[-1])["name"], "device-lost")
        self.assertEqual(self.files(), ["photo.png", "whole.mp4"])
        self.render(DEVICE_LOST, "clip.mp4", "submit=30,31+", "--state", "state", says="goes on after step ")
        self.render(OK, "clip.mp4", "", "--state", "state", says="going on after step ")
        self.assertEqual(self.bytes("clip.mp4"), self.bytes("whole.mp4"))
        self.assertEqual(self.files(), ["clip.mp4", "photo.png", "whole.mp4"])

    def test_no_memory(self):
        self.render(MEMORY, "clip.mp4", "allocate=1+", says="has too little memory")
        self.render(OK, "clip.mp4", "allocate=5", says="has too little memory")

    def test_no_shader(self):
        self.render(DEVICE, "clip.mp4", "pipeline=3", says="the shader ")
        self.assertEqual(self.files(), ["photo.png"])


if __name__ == "__main__":
    harness.main()
