"""The model that comes with packshot: what a newcomer's first command makes, and diffusers' numbers."""
import json
import math
import pathlib
import shutil
import subprocess

import harness
from harness import OK

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "samples" / "demo-model"
PHOTOS = ROOT / "samples" / "photos"
GOLDEN = ROOT / "tests" / "golden" / "demo"
WIDTH, HEIGHT, FRAMES = 256, 192, 25
LIMIT = 32_000_000  # bytes of weights


def pixels(path, *filters):
    """Every frame of a clip or picture as RGB bytes."""
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", path, *filters, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                         check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
    size = WIDTH * HEIGHT * 3
    return [raw[k:k + size] for k in range(0, len(raw), size)]


def mean_square(a, b):
    return sum((p - q) ** 2 for p, q in zip(a, b)) / len(a)


class Demo(harness.Case):
    def test_the_first_command(self):
        if not shutil.which("ffmpeg"):
            self.skipTest("no ffmpeg")
        photo = str(PHOTOS / "jar.png")
        told = self.events(self.expect(OK, "render", photo, "-o", "clip.mp4", "--device", "cpu", "--json", says="no --model"))[-1]
        self.assertEqual(pathlib.Path(told["model"]), MODEL)
        self.assertEqual((told["width"], told["height"], told["frames"]), (WIDTH, HEIGHT, FRAMES))
        # A light that travels is what this model shows; the product keeps its colour.
        print("drift %.2f, colour %.1f" % (told["quality"]["drift"], told["quality"]["colour_drift"]))
        self.assertNotIn("quality.colour", [finding["id"] for finding in told["quality"]["findings"]])
        clip = pixels(self.folder / "clip.mp4")
        self.assertEqual(len(clip), FRAMES)
        shown = pixels(photo, "-vf", "scale=%d:%d:flags=lanczos" % (WIDTH, HEIGHT))[0]
        likeness = 10 * math.log10(255 ** 2 / mean_square(clip[0], shown))
        print("frame 0 against the photo: %.1f dB" % likeness)
        self.assertGreater(likeness, 26)
        moved = [mean_square(clip[0], frame) ** 0.5 for frame in clip]
        print("distance from frame 0, of 255:", *("%.1f" % m for m in moved[::6]))
        self.assertGreater(moved[24], 4)
        self.assertGreater(moved[24], moved[8])
        self.assertGreater(moved[8], moved[2])
        steps = [mean_square(a, b) ** 0.5 for a, b in zip(clip, clip[1:])]
        self.assertLess(max(steps), moved[24] / 2, "it jumps")

    def test_diffusers_computes_the_same(self):
        call = json.loads((GOLDEN / "run.json").read_text())
        options = {"--model": MODEL, "--device": "cpu", "--dtype": "f32", "--fit": "stretch", "--rng": "torch-cpu", "--seed": call["seed"],
                   "--taps": "taps.safetensors", "--guidance": "%s:%s" % (call["guidance_min"], call["guidance_max"])}
        options.update({"--" + key: call[key] for key in ("width", "height", "frames", "fps", "motion", "steps")})
        self.expect(OK, "render", str(PHOTOS / call["photo"]), "-o", "clip.mp4", *[str(part) for pair in options.items() for part in pair])
        found = harness.read_safetensors(self.folder / "taps.safetensors")
        for tap, (shape, golden) in harness.read_safetensors(GOLDEN / "taps.safetensors").items():
            self.assertEqual(found[tap][0], shape, tap)
            error = math.sqrt(mean_square(found[tap][1], golden) / mean_square(golden, [0.0] * len(golden)))
            print("%-20s %.2e" % (tap, error))
            self.assertLessEqual(error, 1e-4, tap)

    def test_weights_are_small(self):
        self.assertLess(sum(path.stat().st_size for path in MODEL.rglob("*.safetensors")), LIMIT)

    def test_sample_photos(self):
        photos = sorted(PHOTOS.glob("*.png"))
        self.assertGreaterEqual(len(photos), 6)
        for photo in photos:
            self.assertLess(photo.stat().st_size, 150_000, photo.name)
            self.assertIn("`%s`" % photo.name, (PHOTOS / "README.md").read_text())


if __name__ == "__main__":
    harness.main()
