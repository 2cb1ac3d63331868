"""Every intermediate tensor of the toy pipelines against what diffusers computed: see tests/golden/README.md."""
import sys

import harness
from harness import OK

DEVICES = harness.devices()

# Relative to the norm of the golden, or four times diffusers' own distance between float32 and float64.
TOLERANCE = 1e-4


class Taps(harness.Case):
    def compare(self, device, name, *noise, **changes):
        call = harness.run_of(name)
        self.expect(OK, "render", str(harness.PIPELINES / name / "photo.png"), "-o", "clip.mp4", "--taps", "taps.safetensors", "--model",
                    self.model(name), "--device", device, "--dtype", "f32", "--overwrite", *harness.arguments_of(name, **changes), *noise)
        found = harness.read_safetensors(self.folder / "taps.safetensors")
        goldens = harness.read_safetensors(harness.PIPELINES / name / "taps.safetensors")
        expected = {"clip.pixel_values", *goldens}
        self.assertEqual(set(found), expected)
        for tap, (shape, golden) in goldens.items():
            self.assertEqual(found[tap][0], shape, tap)
            limit = max(TOLERANCE, 4 * call["distance"].get(tap, 0))
            error = harness.distance(found[tap][1], golden)
            print("%-6s %-6s %-20s %.2e of %.2e" % (device, name, tap, error, limit), file=sys.stderr)
            with self.subTest(device=device, name=name, tap=tap):
                self.assertTrue(error <= limit, "%g is more than %g" % (error, limit))

    def on_every_device(self, name):
        for device in DEVICES:
            self.compare(device, name)

    def test_mini(self):
        self.on_every_device("mini")

    def test_odd(self):
        self.on_every_device("odd")

    def test_deep(self):
        self.on_every_device("deep")

    def test_still(self):
        self.on_every_device("still")

    def test_long(self):
        self.on_every_device("long")

    def test_sgm(self):
        self.on_every_device("sgm")

    def test_noise_from_a_file_is_the_generators(self):
        noise = str(harness.PIPELINES / "mini" / "noise.safetensors")
        self.compare(DEVICES[0], "mini", "--taps-in", noise, rng="philox", seed=99)


if __name__ == "__main__":
    harness.main()
