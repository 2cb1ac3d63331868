"""Procedural labels: a ground, a pattern, bands, and lettering, as 8-bit sRGB that wraps around horizontally."""
import colorsys
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 512, 256  # about two label texels for a sample at the front of the product
DRAWN = 2                 # drawn larger and averaged down: antialiased edges
CONSONANTS, VOWELS = "BCDFGHKLMNPRSTVZ", "AEIOU"
_fonts = {}


def font(size):
    size = max(8, int(size))
    if size not in _fonts:
        _fonts[size] = ImageFont.load_default(size)
    return _fonts[size]


def pick(rng, items):
    return items[int(rng.integers(len(items)))]


def hsv(h, s, v):
    return tuple(int(round(255 * c)) for c in colorsys.hsv_to_rgb(h % 1, min(max(s, 0), 1), min(max(v, 0), 1)))


def word(rng):
    text = "".join(pick(rng, CONSONANTS) + pick(rng, VOWELS) for _ in range(int(rng.integers(1, 4))))
    if rng.random() < 0.4 or len(text) < 3:
        text += pick(rng, CONSONANTS)
    return pick(rng, [text, text, text.capitalize(), text.lower()])


def palette(rng):
    """Ground, accent, ink and third colour; the ink contrasts with ground and accent."""
    hue, kind = rng.random(), rng.random()
    if kind < 0.65:
        ground = hsv(hue, rng.uniform(0.25, 0.9), rng.uniform(0.35, 0.95))
    elif kind < 0.87:
        ground = hsv(hue, rng.uniform(0, 0.12), rng.uniform(0.85, 0.98))
    else:
        ground = hsv(hue, 0.3, rng.uniform(0.08, 0.2))
    dark = sum(ground) / 3 < 140
    accent = hsv(hue + pick(rng, [0.03, 0.5, 0.33, 0.08, 0.45]) + 0.02 * rng.normal(), rng.uniform(0.4, 0.95),
                 rng.uniform(0.25, 0.6) if dark else rng.uniform(0.6, 0.98))
    ink = (250, 248, 240) if dark else hsv(hue + 0.5, 0.5, 0.15)
    third = hsv(hue + rng.uniform(-0.1, 0.1), rng.uniform(0.1, 0.6), rng.uniform(0.6, 1) if dark else rng.uniform(0.25, 0.7))
    return ground, accent, ink, third


def stripes(d, w, h, rng, a, b):
    n = int(pick(rng, [6, 8, 12, 16, 24]))
    for i in range(0, n, 2):
        d.rectangle([i * w / n, 0, (i + 1) * w / n, h], fill=a)


def slants(d, w, h, rng, a, b):
    n = int(rng.integers(3, 9))
    step, lean = w / n, pick(rng, [-1, 1]) * h * 0.5
    for i in range(-n, 2 * n):
        x = i * step
        d.polygon([(x, 0), (x + step / 2, 0), (x + step / 2 + lean, h), (x + lean, h)], fill=a)


def waves(d, w, h, rng, a, b):
    level, rise, n, phase = rng.uniform(0.5, 0.85) * h, rng.uniform(0.03, 0.12) * h, int(rng.integers(2, 7)), rng.uniform(0, 6)
    for k, colour in enumerate((b, a)):
        edge = [(x, level + k * 0.09 * h + rise * math.sin(2 * math.pi * n * x / w + phase + k)) for x in range(0, w + 1, 4)]
        d.polygon(edge + [(w, h), (0, h)], fill=colour)


def dots(d, w, h, rng, a, b):
    n = int(rng.integers(8, 20))
    step = w / n
    r = step * rng.uniform(0.15, 0.38)
    for j in range(int(h / step) + 2):
        for i in range(-1, n + 1):
            x, y = (i + 0.5 * (j % 2)) * step, j * step
            d.ellipse([x - r, y - r, x + r, y + r], fill=a)


def discs(d, w, h, rng, a, b):
    for _ in range(int(rng.integers(4, 10))):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0.05, 0.28) * h
        colour = pick(rng, [a, b])
        for wrap in (-w, 0, w):
            d.ellipse([x + wrap - r, y - r, x + wrap + r, y + r], fill=colour)


def triangles(d, w, h, rng, a, b):
    n = int(rng.integers(6, 14))
    s = w / n
    for i in range(n):
        for j in range(int(h / s) + 1):
            if (i + j) % 2 == 0:
                d.polygon([(i * s, j * s), (i * s + s, j * s), (i * s + s / 2, j * s + s)], fill=a)


def plain(d, w, h, rng, a, b):
    pass


PATTERNS = [stripes, slants, waves, dots, discs, triangles, plain, plain]


def mark(d, x, y, size, rng_style, text, accent, ink):
    """A word with its badge, centred at x, y."""
    half = font(size).getlength(text) / 2
    if rng_style == 0:
        d.rounded_rectangle([x - half - size * 0.3, y - size * 0.75, x + half + size * 0.3, y + size * 0.75],
                            radius=int(size * 0.3), fill=accent, outline=ink, width=max(2, int(size * 0.07)))
    elif rng_style == 1:
        r = max(half + size * 0.3, size)
        d.ellipse([x - r, y - r, x + r, y + r], fill=accent, outline=ink, width=max(2, int(size * 0.08)))
    elif rng_style == 2:
        d.rectangle([x - half - size * 0.5, y - size * 1.3, x + half + size * 0.5, y + size * 1.9], fill=accent)
    elif rng_style == 3:
        r = size * 0.55
        tips = [(r if k % 2 == 0 else r * 0.5, math.pi * k / 6) for k in range(12)]
        d.polygon([(x + q * math.sin(t), y - size * 1.3 - q * math.cos(t)) for q, t in tips], fill=accent)
    d.text((x, y), text, font=font(size), fill=ink, anchor="mm")


def small_print(d, x, y, width, rng, ink, size):
    d.text((x, y), " ".join(word(rng).upper() for _ in range(2))[:14], font=font(size * 0.34), fill=ink, anchor="mm")
    for line in range(int(rng.integers(0, 4))):
        half, top = width * rng.uniform(0.12, 0.3), y + size * (0.45 + 0.28 * line)
        d.rectangle([x - half, top, x + half, top + size * 0.08], fill=ink)


def barcode(d, x, y, size, rng):
    d.rectangle([x - size, y - size * 0.6, x + size, y + size * 0.6], fill=(245, 245, 245))
    for k in range(-8, 9):
        if rng.random() < 0.6:
            left = x + size * 0.1 * k
            d.rectangle([left, y - size * 0.5, left + size * rng.uniform(0.02, 0.07), y + size * 0.4], fill=(20, 20, 20))


def lettering(d, w, h, rng, accent, ink, fronts):
    """Words at the given centres (in turns of the label); `fronts` are as far apart as one side is wide."""
    gap = w / len(fronts)
    text, style, size = word(rng), int(rng.integers(6)), rng.uniform(0.16, 0.34) * h
    room = min(gap * 0.78, w * 0.3)
    while font(size).getlength(text) > room and size > 14:
        size *= 0.9
    y = rng.uniform(0.3, 0.5) * h
    twin = np.random.default_rng(int(rng.integers(1 << 31)))
    state = twin.bit_generator.state
    for u in fronts:
        for wrap in (-w, 0, w):
            twin.bit_generator.state = state
            x = u * w + wrap
            mark(d, x, y, size, style, text, accent, ink)
            if style != 1:
                small_print(d, x, y + size * 1.05, room, twin, ink, size)


def label(rng, fronts=None):
    """HEIGHT x WIDTH x 3 and its palette. Column 0 is the front; `fronts` places the words, else they repeat evenly."""
    w, h = WIDTH * DRAWN, HEIGHT * DRAWN
    ground, accent, ink, third = palette(rng)
    picture = Image.new("RGB", (w, h), ground)
    if rng.random() < 0.3:
        t = np.linspace(0, 1, h)[:, None, None]
        ramp = np.array(ground) * (1 - t) + np.array(third) * t
        picture = Image.fromarray(np.broadcast_to(ramp, (h, w, 3)).astype(np.uint8).copy())
    d = ImageDraw.Draw(picture)
    pick(rng, PATTERNS)(d, w, h, rng, third, accent)
    for _ in range(int(rng.integers(0, 4))):
        top, height = rng.uniform(0, 1) * h, pick(rng, [0.015, 0.03, 0.06, 0.14]) * h
        d.rectangle([0, top, w, top + height], fill=pick(rng, [accent, ink, third]))
    if fronts is None:
        n = pick(rng, [1, 2, 2, 3])
        fronts = [k / n for k in range(n)]
        if n < 3 and rng.random() < 0.6:
            barcode(d, (fronts[0] + 0.25) * w, 0.7 * h, 0.12 * h, rng)
    lettering(d, w, h, rng, accent, ink, fronts)
    return np.ascontiguousarray(np.asarray(picture.reduce(DRAWN))), (ground, accent, ink, third)
