"""Pictures that are not products, so that the codec also carries real photographs: overlapping leaves of many sizes
(their edges and scales follow natural pictures), noise with a natural spectrum, print, gradients."""
import math

import numpy as np
from PIL import Image, ImageDraw

from labels import PATTERNS, font, hsv, palette, pick, word

WIDTH, HEIGHT = 256, 192


def spectrum(rng, slope, channels=3):
    """float HEIGHT x WIDTH x channels in about -3..3: amplitude falls with frequency to the power `slope`."""
    fy, fx = np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None]
    fall = 1 / np.maximum(np.hypot(fx * rng.uniform(0.4, 2.5), fy), 1 / WIDTH) ** slope
    out = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(channels, HEIGHT, WIDTH))) * fall, (HEIGHT, WIDTH))
    out -= out.mean((1, 2), keepdims=True)
    return (out / out.std((1, 2), keepdims=True)).transpose(1, 2, 0)


def colour(rng):
    return np.array(hsv(rng.random(), 0.9 * rng.random() ** 2.5, rng.uniform(0.05, 1)), float)


def clouds(rng):
    grey = spectrum(rng, rng.uniform(0.7, 2.0), 1)
    tint = spectrum(rng, rng.uniform(1.2, 2.2), 3)
    return colour(rng) + rng.uniform(15, 60) * grey + rng.uniform(0, 25) * tint


def leaves(rng):
    scale = 2
    picture = Image.new("RGB", (WIDTH * scale, HEIGHT * scale), tuple(int(c) for c in colour(rng)))
    d = ImageDraw.Draw(picture)
    low, high = rng.uniform(1.5, 6), rng.uniform(30, 90)
    base = [colour(rng) for _ in range(6)]
    for _ in range(int(rng.integers(80, 500))):
        r = scale * (low ** -1 + rng.random() * (high ** -1 - low ** -1)) ** -1  # areas follow a power law
        r = r if rng.random() < 0.5 else scale * rng.uniform(low, high) * 0.5
        x, y = rng.uniform(0, WIDTH * scale), rng.uniform(0, HEIGHT * scale)
        fill = tuple(int(c) for c in np.clip(pick(rng, base) * rng.uniform(0.5, 1.2) + rng.normal(size=3) * 12, 0, 255))
        shape, turn, thin = int(rng.integers(3)), rng.uniform(0, math.pi), rng.uniform(0.1, 1)
        if shape == 0:
            d.ellipse([x - r, y - r * thin, x + r, y + r * thin], fill=fill)
        else:
            n = 4 if shape == 1 else int(rng.integers(3, 8))
            angles = [2 * math.pi * k / n for k in range(n)]
            corners = [(r * math.cos(t), r * thin * math.sin(t)) for t in angles]
            c, s = math.cos(turn), math.sin(turn)
            d.polygon([(x + a * c - b * s, y + a * s + b * c) for a, b in corners], fill=fill)
    out = np.asarray(picture.reduce(scale), float)
    if rng.random() < 0.5:
        out = out * (1 + 0.15 * spectrum(rng, rng.uniform(1, 2), 1)) + rng.uniform(0, 8) * spectrum(rng, rng.uniform(0.2, 1), 1)
    return out


def printed(rng):
    scale = 2
    ground, accent, ink, third = palette(rng)
    picture = Image.new("RGB", (WIDTH * scale, HEIGHT * scale), ground)
    d = ImageDraw.Draw(picture)
    if rng.random() < 0.5:
        pick(rng, PATTERNS)(d, WIDTH * scale, HEIGHT * scale, rng, third, accent)
    y = rng.uniform(-20, 20)
    while y < HEIGHT * scale:
        size = scale * pick(rng, [8, 10, 12, 16, 24, 40])
        line = " ".join(word(rng) for _ in range(int(rng.integers(1, 8))))
        d.text((rng.uniform(-40, 200), y), line, font=font(size), fill=pick(rng, [ink, ink, accent]))
        y += size * rng.uniform(1.0, 1.7)
    out = picture.rotate(rng.uniform(-25, 25) if rng.random() < 0.5 else 0, Image.BILINEAR, fillcolor=ground)
    return np.asarray(out.reduce(scale), float)


def gradient(rng):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / HEIGHT
    turn = rng.uniform(0, 2 * math.pi)
    t = (np.cos(turn) * x + np.sin(turn) * y - rng.uniform(-1, 1)) * rng.uniform(0.3, 2)
    if rng.random() < 0.5:
        t = np.hypot(x - rng.uniform(0, 1.3), y - rng.uniform(0, 1)) * rng.uniform(0.5, 2)
    t = np.clip(t, 0, 1)[..., None]
    return colour(rng) * (1 - t) + colour(rng) * t + rng.uniform(0, 4) * spectrum(rng, 0.0, 1)


def texture(rng):
    """uint8 HEIGHT x WIDTH x 3."""
    kind = rng.random()
    if kind < 0.5:
        out = leaves(rng)
    elif kind < 0.65:
        out = clouds(rng)
    elif kind < 0.8:
        out = printed(rng)
    elif kind < 0.87:
        out = gradient(rng)
    else:
        mask = np.clip(spectrum(rng, 1.8, 1) * 4 + 0.5, 0, 1)
        out = leaves(rng) * mask + clouds(rng) * (1 - mask)
    return np.clip(out + 0.5, 0, 255).astype(np.uint8)
