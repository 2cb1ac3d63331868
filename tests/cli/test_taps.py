"""Every intermediate tensor of the toy pipelines against what diffusers computed: see tests/golden/README.md."""
import sys

import harness
from harness import OK

DEVICES = harness.devices()

# Relative to the norm of the golden, or four times diffusers' own distance between float32 and float64. Of mini the largest
# found were 2.7e-3 in f16 and 2.2e-2 in bf16, both of unet.v.1 and eight times apart as their last places are.
TOLERANCES = {"f32": 1e-4, "f16": 4e-3, "bf16": 3.2e-2}


class Taps(harness.Case):
    def compare(self, device, name, *noise, dtype="f32", **changes):
        call = harness.run_of(name)
        self.expect(OK, "render", str(harness.PIPELINES / name / "photo.png"), "-o", "clip.mp4", "--taps", "taps.safetensors", "--model",
                    self.model(name), "--device", device, "--dtype", dtype, "--overwrite", *harness.arguments_of(name, **changes), *noise)
        found = harness.read_safetensors(self.folder / "taps.safetensors")
        goldens = harness.read_safetensors(harness.PIPELINES / name / "taps.safetensors")
        expected = {"clip.pixel_values", *goldens}
        self.assertEqual(set(found), expected)
        for tap, (shape, golden) in goldens.items():
            self.assertEqual(found[tap][0], shape, tap)
            limit = max(TOLERANCES[dtype], 4 * call["distance"].get(tap, 0))
            error = harness.distance(found[tap][1], golden)
            print("%-6s %-6s %-4s %-20s %.2e of %.2e" % (device, name, dtype, tap, error, limit), file=sys.stderr)
            with self.subTest(device=device, name=name, dtype=dtype, tap=tap):
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

    def test_types_of_sixteen_bits(self):
        for device in DEVICES[:-1]:  # ref is the last
            for dtype in ("f16", "bf16"):
                self.compare(device, "mini", dtype=dtype)

    def test_noise_from_a_file_is_the_generators(self):
        noise = str(harness.PIPELINES / "mini" / "noise.safetensors")
        self.compare(DEVICES[0], "mini", "--taps-in", noise, rng="philox", seed=99)


if __name__ == "__main__":
    harness.main()
