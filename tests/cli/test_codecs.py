"""Every codec through the program: what ffprobe reads back from one short clip at 24000/1001 frames a second."""
import json
import shutil
import struct
import subprocess
from fractions import Fraction

import harness
from harness import OK

# 3 frames at 7 a second last as long as 10 at 24000/1001; SVT-AV1 takes 64 pixels a side and more.
SIZE = ["--width", "64", "--height", "64", "--frames", "3", "--steps", "1", "--device", "cpu"]
RATE = Fraction(24000, 1001)
FRAMES = 10
LABEL = b"trainedAlgorithmicMedia"


class Codecs(harness.Case):
    def setUp(self):
        super().setUp()
        self.ffprobe = shutil.which("ffprobe")
        if not self.ffprobe:
            self.skipTest("no ffprobe")

    def render(self, output, *more):
        self.expect(OK, "render", self.photo(), "-o", output, "--model", self.model(), *SIZE, "--rate", "24000/1001", *more,
                    env={"SVT_LOG": "1"})

    def probe(self, name):
        told = subprocess.run([self.ffprobe, "-v", "error", "-count_frames", "-show_streams", "-of", "json", self.folder / name],
                              capture_output=True, check=True, stdin=subprocess.DEVNULL)
        (stream,) = json.loads(told.stdout)["streams"]
        return stream

    def test_video(self):
        for name, option, codec, pixels in (("a.mp4", None, "h264", "yuv420p"), ("b.mp4", "hevc", "hevc", "yuv420p"),
                                            ("c.mp4", "av1", "av1", "yuv420p"), ("d.mov", None, "prores", "yuv422p10le"),
                                            ("e.mov", "prores-4444", "prores", "yuv444p1"), ("f.webm", None, "vp9", "yuv420p")):
            with self.subTest(codec=option or codec):
                self.render(name, *(["--codec", option] if option else []))
                stream = self.probe(name)
                self.assertEqual(stream["codec_name"], codec)
                # Decoders of ProRes 4444 give 10 or 12 bits.
                self.assertTrue(stream["pix_fmt"].startswith(pixels), stream["pix_fmt"])
                self.assertEqual((stream["width"], stream["height"], int(stream["nb_read_frames"])), (64, 64, FRAMES))
                self.assertEqual(Fraction(stream["r_frame_rate"]), RATE)
                tags = [stream.get(key) for key in ("color_range", "color_space", "color_transfer", "color_primaries")]
                self.assertEqual(tags, ["tv", "bt709", "bt709", "bt709"])
                self.assertIn(LABEL, (self.folder / name).read_bytes())

    def test_gif(self):
        self.render("clip.gif")
        stream = self.probe("clip.gif")
        self.assertEqual((stream["codec_name"], stream["width"], stream["height"]), ("gif", 64, 64))
        self.assertEqual(int(stream["nb_read_frames"]), FRAMES)
        # A GIF counts hundredths of a second.
        self.assertAlmostEqual(float(stream["duration"]), FRAMES / float(RATE), delta=0.02)

    def test_webp(self):
        """ffprobe 5.1 reads no animation: the chunks are walked here."""
        self.render("clip.webp")
        content = (self.folder / "clip.webp").read_bytes()
        self.assertEqual((content[:4], content[8:16], struct.unpack("<I", content[4:8])[0]), (b"RIFF", b"WEBPVP8X", len(content) - 8))
        self.assertEqual([int.from_bytes(content[at:at + 3], "little") + 1 for at in (24, 27)], [64, 64])
        at, times, packet = 30, [], b""
        while at < len(content):
            kind, (size,) = content[at:at + 4], struct.unpack("<I", content[at + 4:at + 8])
            if kind == b"ANMF":
                times.append(int.from_bytes(content[at + 20:at + 23], "little"))
            if kind == b"XMP ":
                packet = content[at + 8:at + 8 + size]
            at += 8 + size + size % 2
        self.assertEqual(at, len(content))
        # What stands for several frames is stored once; each time is rounded to a millisecond.
        self.assertTrue(2 <= len(times) <= FRAMES, times)
        self.assertAlmostEqual(sum(times), 1000 * FRAMES / float(RATE), delta=FRAMES)
        self.assertIn(LABEL, packet)

    def test_png_sequence(self):
        self.render("frames/")
        names = sorted(path.name for path in (self.folder / "frames").iterdir())
        self.assertEqual(names, ["frame_%05d.png" % (i + 1) for i in range(FRAMES)])
        for name in names:
            picture = (self.folder / "frames" / name).read_bytes()
            self.assertEqual(struct.unpack(">IIBB", picture[16:26]), (64, 64, 8, 2))
            self.assertIn(LABEL, picture)


if __name__ == "__main__":
    harness.main()
