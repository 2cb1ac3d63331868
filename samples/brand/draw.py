#!/usr/bin/env python3
"""Draws logo.png, a cut-out, and end-card.png of a brand that does not exist, for trying --logo and --end-card.

    python3 draw.py FOLDER

Needs Pillow 10.1 or newer, whose built-in font (Aileron, CC0) the letters are of."""
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

IVORY, GREEN = (244, 240, 226), (38, 64, 20)
FINE = 4  # everything is drawn so many times larger


def mark(size, colour):
    """The word in an oval, on nothing."""
    width, height = (side * FINE for side in size)
    picture = Image.new("RGBA", (width, height), (*colour, 0))
    draw = ImageDraw.Draw(picture)
    line = height // 22
    draw.ellipse((line, line, width - line, height - line), outline=(*colour, 255), width=line)
    draw.text((width / 2, height / 2), "Z A F", (*colour, 255), ImageFont.load_default(height * 0.45), anchor="mm")
    return picture.resize(size, Image.LANCZOS)


def card(size):
    width, height = size
    picture = Image.new("RGB", size, GREEN)
    logo = mark((width * 9 // 20, width * 9 // 50), IVORY)
    picture.paste(logo, ((width - logo.width) // 2, (height - logo.height) // 2 - height // 16), logo)
    ImageDraw.Draw(picture).text((width / 2, height * 0.7), "in good light", IVORY, ImageFont.load_default(height / 15), anchor="mm")
    return picture


def main():
    folder = Path(sys.argv[1])
    mark((300, 120), IVORY).save(folder / "logo.png", optimize=True)
    card((640, 640)).quantize(32, dither=Image.Dither.NONE).save(folder / "end-card.png", optimize=True)


if __name__ == "__main__":
    main()
