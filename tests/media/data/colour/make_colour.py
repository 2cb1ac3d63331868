"""Photos in other colour spaces than sRGB, and what lcms2 makes of them.

NAME.{png,jpg,webp,tif}: the photos. NAME.ref.png: their pixels in sRGB by lcms2 without its optimisations, relative
colorimetric with black point compensation (through Pillow), or by a formula where the file has no profile.

    python3 tests/media/data/colour/make_colour.py
"""

import io
import os
import struct
import zlib

import icc
import numpy as np
from PIL import Image, ImageCms

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, HEIGHT = 48, 32
UNOPTIMISED = 0x0100

P3 = icc.rgb("packshot test P3", icc.DISPLAY_P3, icc.curve_tag(icc.srgb_curve, 256))
ADOBE = icc.rgb("packshot test wide", icc.ADOBE_RGB, icc.gamma_tag(563 / 256))
SRGB = icc.rgb("packshot test sRGB", icc.SRGB, icc.curve_tag(icc.srgb_curve))
GREY = icc.grey("packshot test grey", 1.8)
INKS = icc.cmyk("packshot test inks")


def path(name):
    return os.path.join(HERE, name)


def patches(channels, top, side=4):
    """[h, w, channels]: squares of one colour each, from a fixed generator."""
    random = np.random.default_rng(7)
    small = random.integers(0, top + 1, (HEIGHT // side, WIDTH // side, channels))
    return small.repeat(side, 0).repeat(side, 1)


def convert(array, mode, profile):
    """[h, w, c] of 8 bits through lcms2."""
    image = Image.frombytes(mode, (array.shape[1], array.shape[0]), array.astype(np.uint8).tobytes())
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION | UNOPTIMISED
    return ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"),
                                     ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB", flags=flags)


def reference(name, image):
    image.save(path(name + ".ref.png"), optimize=True)


def png(name, array, bits, chunks=()):
    """Grey, RGB or RGBA, rows unfiltered."""
    height, width, channels = array.shape
    raw = array.astype(">u2" if bits == 16 else ">u1").reshape(height, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in raw)
    header = struct.pack(">IIBBBBB", width, height, bits, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n"
    for kind, data in [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]:
        body += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path(name + ".png"), "wb") as file:
        file.write(body)


def iccp(profile):
    return [(b"iCCP", b"test\0\0" + zlib.compress(profile, 9))]


def tiff(name, array, bits, photometric, profile):
    """Little-endian, one strip, uncompressed."""
    height, width, channels = array.shape
    data = array.astype("<u2" if bits == 16 else "<u1").tobytes()
    depths = struct.pack("<%dH" % channels, *[bits] * channels)
    entries, extra, at = [], b"", 8 + 2 + 12 * 11 + 4

    def entry(tag, kind, count, value):
        nonlocal extra
        if len(value) > 4:
            entries.append(struct.pack("<HHII", tag, kind, count, at + len(extra)))
            extra += value + bytes(len(value) % 2)
        else:
            entries.append(struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0"))

    def number(tag, value):
        entry(tag, 4, 1, struct.pack("<I", value))

    number(256, width)
    number(257, height)
    entry(258, 3, channels, depths)
    number(259, 1)
    entry(262, 3, 1, struct.pack("<H", photometric))
    offset_at = len(entries)
    number(273, 0)
    number(277, channels)
    number(278, height)
    number(279, len(data))
    number(284, 1)
    entry(34675, 7, len(profile), profile)
    entries[offset_at] = struct.pack("<HHII", 273, 4, 1, at + len(extra))
    with open(path(name + ".tif"), "wb") as file:
        file.write(struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + b"".join(entries) + bytes(4) + extra + data)


def jpeg_parts(plane):
    """The segments of a grey JPEG before its frame, its tables, and its coded data."""
    out = io.BytesIO()
    Image.fromarray(plane.astype(np.uint8)).save(out, "JPEG", quality=95)
    data, at, tables = out.getvalue(), 2, b""
    while data[at + 1] != 0xDA:
        size = 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        if data[at + 1] in (0xDB, 0xC4):
            tables += data[at : at + size]
        at += size
    size = 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return tables, data[at + size : -2]


def ycck_subsampled(name, inks, profile):
    """YCCK with halved chroma, as Photoshop writes it below its best qualities: a scan for each component."""
    y, cb, cr = np.moveaxis(ycc(inks[..., :3]), -1, 0)
    planes = [y, *(p.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3)).round() for p in (cb, cr)), 255 - inks[..., 3]]
    body = b"\xff\xd8" + segment(0xEE, b"Adobe\0\x64\0\0\0\0\x02") + segment(0xE2, b"ICC_PROFILE\0\x01\x01" + profile)
    parts = [jpeg_parts(plane) for plane in planes]
    body += parts[0][0]
    frame = struct.pack(">BHHB", 8, HEIGHT, WIDTH, 4)
    for number, sampling in enumerate((0x22, 0x11, 0x11, 0x22), 1):
        frame += bytes([number, sampling, 0])
    body += segment(0xC0, frame)
    for number, (_, coded) in enumerate(parts, 1):
        body += segment(0xDA, bytes([1, number, 0, 0, 63, 0])) + coded
    with open(path(name + ".jpg"), "wb") as file:
        file.write(body + b"\xff\xd9")


def segment(marker, payload):
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def ycc(colours):
    """JFIF's Y'CbCr of [h, w, 3]."""
    matrix = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return np.clip((colours @ matrix.T + [0, 128, 128]).round(), 0, 255)


def save_cmyk(name, stored, **options):
    """Pillow writes 255 less what it is given, with Adobe's marker and transform 0."""
    image = Image.frombytes("CMYK", (WIDTH, HEIGHT), (255 - stored).astype(np.uint8).tobytes())
    image.save(path(name + ".jpg"), quality=95, **options)


def from_jpeg(name, profile):
    image = Image.open(path(name + ".jpg"))
    reference(name, convert(np.asarray(image).reshape(HEIGHT, WIDTH, -1), image.mode, profile))


def main():
    rgb8, rgb16, grey8 = patches(3, 255), patches(3, 65535), patches(1, 255)
    inks8 = patches(4, 255)

    png("p3", rgb8, 8, iccp(P3))
    reference("p3", convert(rgb8, "RGB", P3))
    alpha = np.concatenate([rgb8, patches(1, 255)], axis=2)
    png("p3-alpha", alpha, 8, iccp(P3))
    flat = np.asarray(convert(rgb8, "RGB", P3)).astype(int) * alpha[..., 3:] + 255 * (255 - alpha[..., 3:])
    reference("p3-alpha", Image.fromarray(((flat + 127) // 255).astype(np.uint8)))
    png("wide-deep", rgb16, 16, iccp(ADOBE))
    reference("wide-deep", convert((rgb16 + 128) // 257, "RGB", ADOBE))
    png("grey", grey8, 8, iccp(GREY))
    reference("grey", convert(grey8, "L", GREY))
    png("srgb", rgb8, 8, iccp(SRGB))
    reference("srgb", Image.fromarray(rgb8.astype(np.uint8)))

    # Light itself, 16 bits: eight would show bands in the shadows.
    chrm = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    light = (icc.srgb_curve(rgb8 / 255) * 65535).round().astype(int)
    png("linear-deep", light, 16, [(b"gAMA", struct.pack(">I", 100000)), (b"cHRM", chrm)])
    reference("linear-deep", Image.fromarray(rgb8.astype(np.uint8)))
    png("cicp-p3", rgb8, 8, [(b"cICP", bytes([12, 13, 0, 1]))])
    reference("cicp-p3", convert(rgb8, "RGB", P3))

    tiff("wide", rgb8, 8, 2, ADOBE)
    reference("wide", convert(rgb8, "RGB", ADOBE))
    tiff("grey-tiff", grey8, 8, 1, GREY)
    reference("grey-tiff", convert(grey8, "L", GREY))
    tiff("inks", inks8, 8, 5, INKS)
    reference("inks", convert(inks8, "CMYK", INKS))
    tiff("inks-deep", inks8 * 257, 16, 5, INKS)
    reference("inks-deep", convert(inks8, "CMYK", INKS))

    # A block of JPEG is 8 x 8. Within one colour its decoders agree; where they do not, a level can become five near the
    # edge of a gamut.
    squares, inks8 = patches(3, 255, 8).astype(np.uint8), patches(4, 255, 8)
    Image.fromarray(squares).save(path("wide-jpeg.jpg"), quality=95, subsampling="4:4:4", icc_profile=ADOBE)
    from_jpeg("wide-jpeg", ADOBE)
    Image.fromarray(grey8[..., 0].astype(np.uint8)).save(path("grey-jpeg.jpg"), quality=95, icc_profile=GREY)
    from_jpeg("grey-jpeg", GREY)
    Image.fromarray(rgb8.astype(np.uint8)).save(path("p3-webp.webp"), lossless=True, icc_profile=P3)
    reference("p3-webp", convert(rgb8, "RGB", P3))

    save_cmyk("cmyk", 255 - inks8, icc_profile=INKS)
    from_jpeg("cmyk", INKS)
    planes = np.concatenate([ycc(inks8[..., :3]), 255 - inks8[..., 3:]], axis=2)
    save_cmyk("ycck", planes, icc_profile=INKS)
    with open(path("ycck.jpg"), "r+b") as file:
        data = file.read()
        file.seek(data.index(b"Adobe\0") + 11)
        file.write(b"\x02")
    from_jpeg("ycck", INKS)
    ycck_subsampled("ycck420", inks8, INKS)
    from_jpeg("ycck420", INKS)


main()
