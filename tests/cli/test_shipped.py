"""Each preset that comes with packshot, rendered with the model that comes with it, against what its name promises."""
import json
import pathlib
import shutil
import subprocess
from fractions import Fraction

import harness
from harness import OK

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHOTO = ROOT / "samples" / "photos" / "jar.png"
FRAMES = 5
# What is rendered in a few seconds: frames, and where a preset asks for a large size one of the same aspect.
SMALL = ["--frames", str(FRAMES), "--steps", "2", "--device", "cpu"]
SIZES = {Fraction(9, 16): (144, 256), Fraction(1): (128, 128), None: (256, 144)}


class Shipped(harness.Case):
    def setUp(self):
        super().setUp()
        self.ffprobe = shutil.which("ffprobe")
        if not self.ffprobe or not shutil.which("ffmpeg"):
            self.skipTest("no ffmpeg")

    def settings(self, preset):
        """What a preset sets."""
        shown = self.events(self.expect(OK, "presets", "show", preset, "--json"))
        return {event["key"]: event["value"] for event in shown if event["event"] == "setting" and event["value"] is not None}

    def render(self, preset, clip, size):
        self.expect(OK, "render", str(PHOTO), "-o", clip, "--preset", preset, "--width", str(size[0]), "--height", str(size[1]), *SMALL)
        told = subprocess.run([self.ffprobe, "-v", "error", "-count_frames", "-show_streams", "-of", "json", self.folder / clip],
                              capture_output=True, check=True, stdin=subprocess.DEVNULL)
        (stream,) = json.loads(told.stdout)["streams"]
        self.assertEqual((stream["width"], stream["height"]), size)
        self.assertEqual([stream.get(key) for key in ("color_range", "color_space", "color_transfer", "color_primaries")],
                         ["tv", "bt709", "bt709", "bt709"])
        self.assertEqual(Fraction(stream["r_frame_rate"]), 7)
        return stream, json.loads((self.folder / (clip + ".json")).read_text())["parameters"]

    def frames(self, clip, size):
        raw = subprocess.run(["ffmpeg", "-v", "error", "-i", self.folder / clip, "-f", "rawvideo", "-pix_fmt", "gray", "-"],
                             check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
        step = size[0] * size[1]
        return [raw[at:at + step] for at in range(0, len(raw), step)]

    def test_there_are_no_others(self):
        names = {event["name"] for event in self.events(self.expect(OK, "presets", "--json")) if "name" in event}
        self.assertEqual(names, {"hero", "lively", "still-life", "social-vertical", "square-loop", "draft", "master"})

    def test_amounts_of_motion(self):
        """Rendered, and in the order that their names promise; a plain render has 127."""
        told = {}
        for preset in ("still-life", "hero", "lively"):
            stream, told[preset] = self.render(preset, preset + ".mp4", SIZES[None])
            self.assertEqual((stream["codec_name"], int(stream["nb_read_frames"])), ("h264", FRAMES))
        self.assertLess(told["still-life"]["motion"], told["hero"]["motion"])
        self.assertLess(told["hero"]["motion"], 127)
        self.assertGreater(told["lively"]["motion"], 127)
        self.assertEqual(told["still-life"]["noise_aug"], 0)

    def test_social_vertical(self):
        settings = self.settings("social-vertical")
        aspect = Fraction(int(settings["width"]), int(settings["height"]))
        self.assertEqual(aspect, Fraction(9, 16))
        stream, told = self.render("social-vertical", "clip.mp4", SIZES[aspect])
        self.assertEqual((stream["codec_name"], int(stream["nb_read_frames"])), ("h264", FRAMES))
        self.assertEqual(told["motion"], float(self.settings("hero")["motion"]))

    def test_square_loop(self):
        settings = self.settings("square-loop")
        aspect = Fraction(int(settings["width"]), int(settings["height"]))
        self.assertEqual(aspect, 1)
        stream, _ = self.render("square-loop", "clip.mp4", SIZES[aspect])
        self.assertEqual((stream["codec_name"], int(stream["nb_read_frames"])), ("h264", 2 * FRAMES - 2))
        frames = self.frames("clip.mp4", SIZES[aspect])
        for there, back in ((1, 7), (2, 6), (3, 5)):
            difference = sum(abs(a - b) for a, b in zip(frames[there], frames[back])) / len(frames[there])
            self.assertLess(difference, 1, "frame %d is not frame %d again" % (back, there))

    def test_draft(self):
        settings = self.settings("draft")
        self.assertEqual(Fraction(int(settings["width"]), int(settings["height"])), Fraction(16, 9))
        self.assertLess(int(settings["width"]) * int(settings["height"]), 1024 * 576 / 3)
        self.assertLess(int(settings["steps"]), 10)
        stream, _ = self.render("draft", "clip.mp4", SIZES[None])
        self.assertEqual((stream["codec_name"], int(stream["nb_read_frames"])), ("h264", FRAMES))

    def test_master(self):
        stream, _ = self.render("master", "clip.mov", SIZES[None])
        self.assertEqual((stream["codec_name"], stream["profile"], stream["pix_fmt"], int(stream["nb_read_frames"])),
                         ("prores", "HQ", "yuv422p10le", FRAMES))
        self.expect(harness.USAGE, "render", str(PHOTO), "-o", "clip.mp4", "--preset", "master", "--overwrite", says=["ProRes 422 HQ", "mp4 file"])


if __name__ == "__main__":
    harness.main()
