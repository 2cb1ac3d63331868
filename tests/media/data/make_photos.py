"""Small photos in every container, and what Pillow decodes them to.

NAME.jpg, NAME.webp: the photos. NAME.png: Pillow's pixels, upright, composited
on white (RGB) by Pillow. resized.png: jpeg444.png, resized. `versions.txt` says which Pillow made them.

    python3 tests/media/data/make_photos.py
"""

import os

import PIL
from PIL import Image, ImageOps, features

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, HEIGHT = 61, 43  # odd, so that subsampled planes have a tail
RESIZED = (80, 16)
ORIENTATION = 0x0112


def picture():
    """Smooth ramps with a hard-edged, saturated bar and a dark disc."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            colour = (x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), (x + y) * 255 // (WIDTH + HEIGHT - 2))
            if 40 <= x < 50:
                colour = (220, 30, 40)
            if (x - 20) ** 2 + (y - 20) ** 2 < 100:
                colour = (20, 25, 60)
            image.putpixel((x, y), colour)
    return image


def cut_out():
    """The picture with an alpha ramp; its transparent corner hides black."""
    image = picture().convert("RGBA")
    for y in range(HEIGHT):
        for x in range(WIDTH):
            alpha = max(0, min(255, (x + y - 20) * 6))
            r, g, b, _ = image.getpixel((x, y))
            image.putpixel((x, y), (r, g, b, alpha) if alpha else (0, 0, 0, 0))
    return image


def decoded(path):
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def save(name, image, **options):
    path = os.path.join(HERE, name)
    image.save(path, **options)
    return path


def with_reference(name, image, **options):
    path = save(name, image, **options)
    decoded(path).save(os.path.splitext(path)[0] + ".png", optimize=True)


def exif(orientation):
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block


def main():
    rgb = picture()
    with_reference("jpeg420.jpg", rgb, quality=90, subsampling="4:2:0")
    with_reference("jpeg422.jpg", rgb, quality=90, subsampling="4:2:2")
    with_reference("jpeg444.jpg", rgb, quality=90, subsampling="4:4:4")
    with_reference("jpeg-progressive.jpg", rgb, quality=90, progressive=True)
    with_reference("jpeg-grey.jpg", rgb.convert("L"), quality=90)
    with_reference("jpeg-rgb.jpg", rgb, quality=90, keep_rgb=True)
    with_reference("jpeg-turned.jpg", rgb, quality=90, exif=exif(6))
    with_reference("webp-lossy.webp", rgb, quality=90)
    with_reference("webp-lossless.webp", rgb, lossless=True)
    with_reference("webp-lossy-alpha.webp", cut_out(), quality=90)
    with_reference("webp-lossless-alpha.webp", cut_out(), lossless=True, exact=True)
    with_reference("webp-turned.webp", rgb, quality=90, exif=exif(8))
    for compression in ("lzw", "adobe_deflate", "packbits"):
        with_reference("tiff-%s.tif" % compression.split("_")[-1], rgb, compression=compression if compression == "packbits" else "tiff_" + compression)
    with_reference("tiff-group4.tif", rgb.convert("1"), compression="group4")
    with_reference("tiff-palette.tif", rgb.quantize(16), compression="tiff_lzw")
    save("tiff-jpeg.tif", rgb, compression="jpeg")
    save("tiff-pages.tif", rgb, save_all=True, append_images=[ImageOps.flip(rgb)], compression="tiff_lzw")
    # Fewer rows and more columns: Pillow 13 does the columns first.
    decoded(os.path.join(HERE, "jpeg444.png")).resize(RESIZED, Image.Resampling.LANCZOS).save(os.path.join(HERE, "resized.png"))
    save("cmyk.jpg", rgb.convert("CMYK"), quality=80)
    save("animated.webp", rgb, save_all=True, append_images=[ImageOps.flip(rgb)], quality=50)
    save("animated.png", rgb.resize((16, 12)), save_all=True, append_images=[rgb.resize((16, 12)).rotate(180)])
    with open(os.path.join(HERE, "versions.txt"), "w") as f:
        for name in ("libjpeg_turbo", "webp"):
            f.write(f"{name} {features.version(name)}\n")
        f.write(f"pillow {PIL.__version__}\n")


main()
