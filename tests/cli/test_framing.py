"""What of the photo a clip shows: the VAE's input, as --taps writes it, pixel by pixel."""
import harness
from harness import OK

SIDE = 32


def unique(x, y):
    return (3 * x + 5) % 256, (7 * y + 11) % 256, (x * y) % 256


class Framing(harness.Case):
    def seen(self, width, height, pixel, *options):
        """The photo as a clip of SIDE x SIDE shows it: rows of pixels."""
        photo = self.write("photo.png", harness.png(width, height, pixel))
        self.expect(OK, "render", photo, "-o", "clip.mp4", "--model", self.model(), "--device", "cpu", "--dtype", "f32", "--width", str(SIDE),
                    "--height", str(SIDE), "--frames", "1", "--steps", "1", "--noise-aug", "0", "--taps", "taps.safetensors", "--overwrite",
                    *options)
        shape, values = harness.read_safetensors(self.folder / "taps.safetensors")["vae.image"]
        self.assertEqual(shape, [1, 3, SIDE, SIDE])
        area = SIDE * SIDE
        return [[tuple(round((values[c * area + y * SIDE + x] + 1) * 127.5) for c in range(3)) for x in range(SIDE)] for y in range(SIDE)]

    def part(self, pixel, left, top, width=SIDE, height=SIDE):
        return [[pixel(left + x, top + y) for x in range(width)] for y in range(height)]

    def test_crop_is_about_the_focus(self):
        for focus, left in ((None, 16), ("0.5:0.5", 16), ("0:0.5", 0), ("1:0", 32), ("0.375:1", 8)):
            with self.subTest(focus=focus):
                seen = self.seen(64, SIDE, unique, *(["--focus", focus] if focus else []))
                self.assertEqual(seen, self.part(unique, left, 0))
        self.assertEqual(self.seen(SIDE, 64, unique, "--focus", "0.2:0.75"), self.part(unique, 0, 32))

    def test_automatic_focus_keeps_the_product(self):
        def photo(x, y):
            return (20, 60, 90) if 100 <= x < 116 and 8 <= y < 28 else (230, 230, 225)

        seen = self.seen(128, SIDE, photo, "--focus", "auto")
        self.assertEqual(seen, self.part(photo, 92, 0))
        self.assertNotIn((20, 60, 90), sum(self.seen(128, SIDE, photo), []))

    def test_pad_shows_all_of_the_photo(self):
        seen = self.seen(16, SIDE, unique, "--fit", "pad", "--pad-colour", "102030")
        self.assertEqual([row[8:24] for row in seen], self.part(unique, 0, 0, 16))
        self.assertEqual({pixel for row in seen for pixel in row[:8] + row[24:]}, {(16, 32, 48)})

    def test_extend_has_no_bars(self):
        seen = self.seen(16, SIDE, unique, "--fit", "extend")
        self.assertEqual([row[8:24] for row in seen], self.part(unique, 0, 0, 16))
        for x in (0, 7, 24, 31):
            self.assertGreater(len({row[x] for row in seen}), SIDE // 2)


if __name__ == "__main__":
    harness.main()
