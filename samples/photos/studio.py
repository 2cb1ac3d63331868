#!/usr/bin/env python3
"""Renders the sample photos that show the demo model's own studio, from seeds that are held out of its training.

    python3 studio.py FOLDER

Needs what the studio needs: numpy, Pillow and gcc."""
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "demo-model" / "studio"))

import clips  # noqa: E402

WIDTH, HEIGHT = 512, 384
FIRST = 2_000_000_000  # the training and its gates use seeds below
PHOTOS = {"can": ("can", 2), "lotion": ("bottle", 1), "jar": ("jar", 7), "tube": ("tube", 1), "carton": ("carton", 5),
          "serum": ("cosmetic", 5)}


def main():
    for name, (kind, seed) in PHOTOS.items():
        scene = clips.make(FIRST + seed, "sweep", kind)
        photo = clips.render(scene, clips.poses("sweep", 0, [0]), WIDTH, HEIGHT)[0]
        Image.fromarray(photo).save(Path(sys.argv[1]) / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
