#!/usr/bin/env python3
"""Draws bottle.png: a lotion bottle in a light studio.

    python3 draw.py bottle.png

Every pixel is a formula, so the picture is nobody's but this repository's. Python's standard library alone.
"""
import math
import struct
import sys
import zlib

WIDTH, HEIGHT = 1024, 576

# Picture coordinates: y from 0 at the top to 1 at the bottom, x in the same unit from the bottle's axis.
FLOOR = 0.86
BODY_TOP, BODY_RADIUS, SHOULDER = 0.33, 0.135, 0.09
NECK_TOP, NECK_RADIUS = 0.27, 0.05
CAP_TOP, CAP_RADIUS = 0.13, 0.068
LABEL_TOP, LABEL_BOTTOM = 0.46, 0.74

TEAL, IVORY, BRASS, INK = (0.05, 0.36, 0.38), (0.93, 0.91, 0.86), (0.78, 0.60, 0.33), (0.10, 0.16, 0.18)


def mix(a, b, t):
    return tuple(p + (q - p) * t for p, q in zip(a, b))


def smooth(low, high, x):
    t = min(max((x - low) / (high - low), 0), 1)
    return t * t * (3 - 2 * t)


def bump(x, centre, width):
    return math.exp(-(((x - centre) / width) ** 2))


def radius(y):
    """Half the bottle's width at a height, and what it is made of there."""
    if CAP_TOP <= y < NECK_TOP - 0.012:
        edge = min(y - CAP_TOP, 0.012) / 0.012
        return CAP_RADIUS - 0.012 * (1 - math.sqrt(1 - (1 - edge) ** 2)), BRASS
    if NECK_TOP - 0.012 <= y < BODY_TOP:
        return NECK_RADIUS, TEAL
    if BODY_TOP <= y < FLOOR:
        rise = min((y - BODY_TOP) / SHOULDER, 1)
        foot = min((FLOOR - y) / 0.018, 1)
        shoulder = NECK_RADIUS + (BODY_RADIUS - NECK_RADIUS) * math.sqrt(1 - (1 - rise) ** 2)
        return shoulder - 0.018 * (1 - math.sqrt(1 - (1 - foot) ** 2)), TEAL
    return 0, None


def studio(x, y):
    """Wall, sweep and floor with the bottle's shadow and its faint mirror image."""
    wall = mix((0.80, 0.81, 0.82), (0.93, 0.93, 0.92), smooth(0.9, 0.0, math.hypot(x + 0.25, y - 0.35)))
    floor = mix((0.90, 0.895, 0.885), (0.80, 0.795, 0.79), smooth(FLOOR - 0.1, 1.0, y))
    colour = mix(wall, floor, smooth(0.62, 0.80, y))
    depth = (y - FLOOR) / 0.05
    contact = math.exp(-(depth**2)) * smooth(BODY_RADIUS * 1.35, BODY_RADIUS * 0.7, abs(x))
    cast = math.exp(-(((y - FLOOR - 0.02) / 0.06) ** 2)) * smooth(-0.1, 0.16, x) * math.exp(-max(x - 0.1, 0) / 0.16)
    colour = mix(colour, (0.16, 0.17, 0.18), min(0.75 * contact + 0.35 * cast, 0.9))
    if y > FLOOR:
        half, _ = radius(2 * FLOOR - y)
        if half:
            inside = smooth(half + 0.01, half - 0.01, abs(x)) * math.exp(-(y - FLOOR) / 0.05)
            colour = mix(colour, TEAL, 0.28 * inside)
    return colour


def label(u, y):
    """The paper around the bottle; u is the angle from the front, in radians."""
    v = (y - LABEL_TOP) / (LABEL_BOTTOM - LABEL_TOP)
    colour = IVORY
    leaf = math.hypot(u / 0.36, (v - 0.33) / 0.21)
    vein = abs(u) < 0.012 or abs(abs(u) * 0.9 - (0.52 - v) * 0.9 % 0.13) < 0.008
    if leaf < 1 and abs(u) < 0.36 * (1 - abs(v - 0.33) / 0.24):
        colour = mix(TEAL, (0.25, 0.55, 0.42), v * 2) if not vein else mix(TEAL, IVORY, 0.5)
    for top, width in ((0.66, 0.62), (0.75, 0.42)):
        if top < v < top + 0.045 and abs(u) < width and (u + 3) % 0.14 < 0.105:
            colour = INK
    if 0.87 < v < 0.885 or 0.06 < v < 0.075:
        colour = BRASS
    return colour


def bottle(x, y, half, material):
    """Colour of the round surface at height y."""
    n = max(-1.0, min(1.0, x / half))
    front = math.sqrt(1 - n * n)
    on_label = material is TEAL and LABEL_TOP < y < LABEL_BOTTOM
    base = label(math.asin(n), y) if on_label else material
    light = 0.28 + 0.62 * max(0.0, -0.45 * n + 0.85 * front) + 0.18 * max(0.0, n) ** 2
    colour = tuple(c * light for c in base)
    gloss = 0.25 if on_label else 0.85 if material is BRASS else 0.6
    # A tall softbox on the left, a strip light on the right, and the studio at the edges.
    softbox = smooth(-0.74, -0.68, n) * smooth(-0.36, -0.44, n) * smooth(CAP_TOP, CAP_TOP + 0.05, y) * smooth(FLOOR, FLOOR - 0.08, y)
    shine = 0.75 * softbox + 0.5 * bump(n, 0.80, 0.045) + 0.35 * (1 - front) ** 3
    shade = 0.35 * smooth(FLOOR - 0.10, FLOOR, y) + (0.25 * bump(y, NECK_TOP, 0.012) if material is TEAL else 0)
    return tuple(min(1.0, (c + gloss * shine * (1 - c)) * (1 - shade)) for c in colour)


def pixel(column, row):
    x, y = (column + 0.5 - WIDTH * 0.5) / HEIGHT, (row + 0.5) / HEIGHT
    colour = studio(x, y)
    half, material = radius(y)
    if half and abs(x) < half + 1 / HEIGHT:
        cover = smooth(half + 0.7 / HEIGHT, half - 0.7 / HEIGHT, abs(x))
        colour = mix(colour, bottle(x, y, half, material), cover)
    return bytes(round(255 * min(max(c, 0), 1)) for c in colour)


def png_rows(rows):
    """Each row with the filter, out of left and up, whose differences are the smaller."""
    above = bytes(WIDTH * 3)
    for row in rows:
        left = bytes((v - (row[i - 3] if i >= 3 else 0)) & 255 for i, v in enumerate(row))
        up = bytes((v - a) & 255 for v, a in zip(row, above))
        candidates = ((1, left), (2, up))
        yield min((bytes([kind]) + line for kind, line in candidates), key=lambda line: sum(min(v, 256 - v) for v in line[1:]))
        above = row


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def main():
    rows = [b"".join(pixel(column, row) for column in range(WIDTH)) for row in range(HEIGHT)]
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    with open(sys.argv[1], "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"sRGB", b"\0")
                   + chunk(b"IDAT", zlib.compress(b"".join(png_rows(rows)), 9)) + chunk(b"IEND", b""))


if __name__ == "__main__":
    main()
