"""Several clips of one render: their names, sizes and sidecars, and that the product is in each."""
import json
import shutil
import subprocess

import harness
from harness import INPUT, OK, OUTPUT, USAGE

SIZE = ["--width", "128", "--height", "72", "--frames", "3", "--steps", "1", "--device", "cpu"]


def bottle(x, y):
    """Tall and narrow, right of the middle."""
    return (30, 60, 50) if 84 <= x < 100 and 10 <= y < 64 else (225, 225, 220)


class Deliver(harness.Case):
    def render(self, code, output, *more, **options):
        photo = self.write("photo.png", harness.png(128, 72, bottle))
        return self.expect(code, "render", photo, "-o", output, "--model", self.model(), *SIZE, *more, **options)

    def probe(self, name):
        probe = shutil.which("ffprobe")
        if not probe:
            self.skipTest("no ffprobe")
        told = subprocess.run([probe, "-v", "error", "-count_frames", "-show_streams", "-of", "json", self.folder / name],
                              capture_output=True, check=True, stdin=subprocess.DEVNULL)
        (stream,) = json.loads(told.stdout)["streams"]
        return stream["width"], stream["height"], int(stream["nb_read_frames"])

    def first_frame(self, name, width, height):
        raw = subprocess.run(["ffmpeg", "-v", "error", "-i", self.folder / name, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-"],
                             capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout
        self.assertEqual(len(raw), width * height)
        return [raw[y * width:(y + 1) * width] for y in range(height)]

    def test_one_command_many_clips(self):
        """Four aspects, a logo, an end card and a loop from one render."""
        self.write("logo.png", harness.png(16, 8))
        self.write("card.png", harness.png(64, 64))
        result = self.render(OK, "clip.mp4", "--deliver", "16:9,9:16,1:1,21:9,90x120", "--logo", "logo.png", "--end-card", "card.png",
                             "--end-card-hold", "1", "--loop", "boomerang", "--poster", "poster.png", "--json")
        summary = self.events(result)[-1]
        expected = {"16x9": (128, 72), "9x16": (72, 128), "1x1": (72, 72), "21x9": (168, 72), "90x120": (90, 120)}
        self.assertEqual([output["output"] for output in summary["outputs"]], ["clip-%s.mp4" % mark for mark in expected])
        for (mark, size), output in zip(expected.items(), summary["outputs"]):
            # The boomerang's 4 frames and 7 of the card.
            self.assertEqual(self.probe("clip-%s.mp4" % mark), (*size, 11))
            self.assertEqual((output["saved"]["width"], output["saved"]["height"]), size)
            self.assertEqual((output["sidecar"], output["poster"]), ("clip-%s.mp4.json" % mark, "poster-%s.png" % mark))
        self.assertEqual(self.files(), sorted(["photo.png", "logo.png", "card.png"] + [
            name for mark in expected for name in ("clip-%s.mp4" % mark, "clip-%s.mp4.json" % mark, "poster-%s.png" % mark)]))

    def test_a_visible_label(self):
        """Bright letters at the bottom on the left, recorded and repeated."""
        if not shutil.which("ffmpeg"):
            self.skipTest("no ffmpeg")
        self.render(OK, "plain.mp4", "--product-lock", "1", "--crf", "5")
        self.render(OK, "clip.mp4", "--product-lock", "1", "--crf", "5", "--visible-label", "auto")
        plain, frame = (self.first_frame(name, 128, 72) for name in ("plain.mp4", "clip.mp4"))
        changed = [(x, y) for y in range(72) for x in range(128) if abs(frame[y][x] - plain[y][x]) > 40]
        self.assertGreater(len(changed), 40)
        self.assertLess(max(x for x, _ in changed), 84)
        self.assertGreater(min(y for _, y in changed), 55)
        self.assertEqual(json.loads((self.folder / "clip.mp4.json").read_text())["options"]["visible-label"], "auto")
        self.expect(OK, "render", "--from", "clip.mp4.json", "-o", "again.mp4", "--model", self.model(), "--device", "cpu")
        self.assertEqual((self.folder / "again.mp4").read_bytes(), (self.folder / "clip.mp4").read_bytes())

    def test_a_picture_that_cannot_be_used_is_named_with_its_option(self):
        self.write("text.png", b"not a picture at all\n")
        for option in ("--logo", "--end-card"):
            self.render(INPUT, "clip.mp4", option, "none.png", says=[option + ": none.png: no such photo"])
            self.render(INPUT, "clip.mp4", option, "text.png", says=[option + ": text.png: ", "hint: "])
        self.assertEqual(self.files(), ["photo.png", "text.png"])

    def test_the_product_is_in_every_clip(self):
        """Frame 0 is the photo itself; a row in the middle of the product must go down and up again within the frame."""
        if not shutil.which("ffmpeg"):
            self.skipTest("no ffmpeg")
        self.render(OK, "clip.mp4", "--deliver", "9:16,1:1,16:9", "--product-lock", "1", "--crf", "5")
        for mark, width, height in (("9x16", 72, 128), ("1x1", 72, 72), ("16x9", 128, 72)):
            row = self.first_frame("clip-%s.mp4" % mark, width, height)[height // 2]
            dark = [x for x in range(width) if row[x] < 128]
            scale = height / 72
            self.assertAlmostEqual(len(dark), 16 * scale, delta=4)
            self.assertGreater(min(dark), 0)
            self.assertLess(max(dark), width - 1)
            self.assertGreater(row[0], 180)
            self.assertGreater(row[-1], 180)

    def test_the_focus_of_the_render_is_that_of_its_clips(self):
        if not shutil.which("ffmpeg"):
            self.skipTest("no ffmpeg")
        for focus, seen in (("0.1:0.5", False), ("0.72:0.5", True)):
            self.render(OK, "clip.mp4", "--deliver", "9:16", "--safe", "0", "--focus", focus, "--product-lock", "1", "--crf", "5",
                        "--overwrite")
            self.assertEqual(min(self.first_frame("clip.mp4", 72, 128)[64]) < 128, seen, focus)

    def test_no_bars_where_the_product_is_wide(self):
        """A margin of twice the product does not fit a narrow crop of a product 100 columns wide."""
        if not shutil.which("ffmpeg"):
            self.skipTest("no ffmpeg")
        wide = harness.png(128, 72, lambda x, y: (30, 60, 50) if 14 <= x < 114 and 20 <= y < 50 else (225, 225, 220))
        photo = self.write("wide.png", wide)
        for safe, dark_rows in (("1", 30 * 72 / 100), ("0", 30 * 128 / 72)):
            self.expect(OK, "render", photo, "-o", "clip.mp4", "--model", self.model(), *SIZE, "--deliver", "9:16", "--safe", safe,
                        "--product-lock", "1", "--crf", "5", "--overwrite")
            frame = self.first_frame("clip.mp4", 72, 128)
            self.assertAlmostEqual(sum(row[36] < 128 for row in frame), dark_rows, delta=4)
            for y in (0, 127):
                self.assertGreater(min(frame[y]), 150)

    def test_one_format_has_the_clips_own_name(self):
        self.render(OK, "clip.mp4", "--deliver", "1:1")
        self.assertEqual(self.files(), ["clip.mp4", "clip.mp4.json", "photo.png"])
        self.assertEqual(self.probe("clip.mp4"), (72, 72, 3))

    def test_each_sidecar_repeats_its_own_clip(self):
        self.render(OK, "clip.mp4", "--deliver", "9:16,1:1")
        self.expect(OK, "render", "--from", "clip-9x16.mp4.json", "-o", "again.mp4", "--model", self.model(), "--device", "cpu")
        self.assertEqual((self.folder / "again.mp4").read_bytes(), (self.folder / "clip-9x16.mp4").read_bytes())
        self.assertFalse((self.folder / "again-9x16.mp4").exists())

    def test_folders_of_frames(self):
        self.render(OK, "frames/", "--deliver", "1:1,4:5")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir() if path.is_dir()), ["frames-1x1", "frames-4x5"])
        self.assertEqual(len(list((self.folder / "frames-4x5").iterdir())), 3)

    def test_names_are_checked_before_the_render(self):
        self.write("clip-1x1.mp4", b"older")
        result = self.render(OUTPUT, "clip.mp4", "--deliver", "9:16,1:1", says=["clip-1x1.mp4", "--overwrite"])
        self.assertNotIn(b"plan:", result.stderr)
        self.assertEqual(self.files(), ["clip-1x1.mp4", "photo.png"])
        self.write("photo-1x1.png", harness.png())
        self.expect(USAGE, "render", "photo-1x1.png", "-o", "x.mp4", "--poster", "photo.png", "--model", self.model(), *SIZE, "--deliver",
                    "9:16,1:1", "--overwrite", says="photo-1x1.png")
        self.render(USAGE, "clip.mp4", "--deliver", "1:1", "--size", "64x64", says=["--deliver", "--size"])

    def test_dry_run_names_every_clip(self):
        result = self.render(OK, "clip.mp4", "--deliver", "9:16,1:1", "--dry-run", "--json")
        self.assertEqual([(output["output"], output["saved"]["width"]) for output in self.events(result)[-1]["outputs"]],
                         [("clip-9x16.mp4", 72), ("clip-1x1.mp4", 72)])
        self.assertEqual(self.files(), ["photo.png"])


if __name__ == "__main__":
    harness.main()
