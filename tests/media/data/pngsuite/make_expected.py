"""The pixels of PngSuite, read by a PNG reader that shares nothing with libpng. Writes expected.txt and expected.z.

    python3 tests/media/data/pngsuite/make_expected.py
"""

import glob
import os
import struct
import zlib

from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunks(data):
    at, found = 8, {}
    while at < len(data):
        size = struct.unpack(">I", data[at : at + 4])[0]
        name = data[at + 4 : at + 8]
        found[name] = found.get(name, b"") + data[at + 8 : at + 8 + size]
        at += size + 12
    return found


def paeth(a, b, c):
    distances = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    return (a, b, c)[distances.index(min(distances))]


def unfilter(kind, row, above, step):
    for i in range(len(row)):
        left, up, corner = (row[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
        row[i] = (row[i] + (0, left, up, (left + up) // 2, paeth(left, up, corner))[kind]) % 256


def samples(row, depth, count):
    if depth == 16:
        return list(struct.unpack(">%dH" % count, bytes(row)))
    return [row[i * depth // 8] >> (8 - depth - i * depth % 8) & ((1 << depth) - 1) for i in range(count)]


def pixel(values, colour, depth, found):
    """8-bit RGBA, rounded."""
    top = (1 << depth) - 1

    def byte(value):
        return (value * 255 * 2 + top) // (top * 2)

    clear = found.get(b"tRNS", b"")
    if colour == 3:
        alpha = clear[values[0]] if values[0] < len(clear) else 255
        return (*found[b"PLTE"][values[0] * 3 : values[0] * 3 + 3], alpha)
    if colour in (0, 4):
        alpha = byte(values[1]) if colour == 4 else 0 if clear and struct.unpack(">H", clear)[0] == values[0] else 255
        return (byte(values[0]),) * 3 + (alpha,)
    alpha = byte(values[3]) if colour == 6 else 0 if clear and list(struct.unpack(">3H", clear)) == values else 255
    return (*map(byte, values[:3]), alpha)


def read(path):
    with open(path, "rb") as file:
        found = chunks(file.read())
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", found[b"IHDR"])
    data, at = zlib.decompress(found[b"IDAT"]), 0
    channels = CHANNELS[colour]
    step = max(1, channels * depth // 8)
    rgba = [None] * (width * height)
    for x0, y0, dx, dy in PASSES if interlaced else [(0, 0, 1, 1)]:
        columns = range(x0, width, dx)
        size = (len(columns) * channels * depth + 7) // 8
        above = bytearray(size)
        for y in range(y0, height, dy) if columns else ():
            row = bytearray(data[at + 1 : at + 1 + size])
            unfilter(data[at], row, above, step)
            at, above = at + 1 + size, row
            values = samples(row, depth, len(columns) * channels)
            for i, x in enumerate(columns):
                rgba[y * width + x] = pixel(values[i * channels : (i + 1) * channels], colour, depth, found)
    # Pillow keeps 8 bits, and takes the one clear level of grey for one of 8 bits.
    as_pillow = depth == 8 or (depth < 8 and not (colour == 0 and b"tRNS" in found))
    return width, height, as_pillow, bytes(v for p in rgba for v in p)


def main():
    lines, everything = [], b""
    names = [os.path.basename(p) for p in glob.glob(os.path.join(HERE, "*.png"))]
    for name in sorted(n for n in names if not n.startswith("invalid")):
        width, height, as_pillow, rgba = read(os.path.join(HERE, name))
        if as_pillow:
            assert Image.open(os.path.join(HERE, name)).convert("RGBA").tobytes() == rgba, name
        lines.append(f"{name} {width} {height}\n")
        everything += rgba
    with open(os.path.join(HERE, "expected.txt"), "w") as file:
        file.writelines(lines)
    with open(os.path.join(HERE, "expected.z"), "wb") as file:
        file.write(zlib.compress(everything, 9))


main()
