#!/usr/bin/env python3
"""Renders mug.png: an enamel mug with a handle on a plank table beside a window, marched through distance fields.

    python3 mug.py mug.png

Another shape, light and table than the demo model was trained on. Needs numpy and Pillow."""
import sys

import numpy as np
from PIL import Image

WIDTH, HEIGHT, SUPER = 512, 384, 2
RADIUS, TALL, WALL = 0.42, 0.92, 0.03
EYE, LOOK = np.array([0.9, 1.45, 3.1]), np.array([0.08, 0.42, 0.0])
WINDOW = np.array([-0.62, 0.68, 0.40])  # towards the light
ENAMEL, RIM, BAND = np.array([0.90, 0.88, 0.80]), np.array([0.05, 0.10, 0.22]), np.array([0.70, 0.16, 0.10])


def length(*parts):
    return np.sqrt(sum(p * p for p in parts))


def mug(p):
    """Distance to the mug; p [n, 3]."""
    x, y, z = p.T
    round_, high = length(x, z) - RADIUS, np.abs(y - TALL / 2) - TALL / 2
    body = np.minimum(np.maximum(round_, high), 0) + length(np.maximum(round_, 0), np.maximum(high, 0)) - 0.015
    hollow = np.maximum(length(x, z) - RADIUS + WALL, 0.06 - y)
    handle = length(length((x - RADIUS) / 0.95, (y - 0.5) / 1.25) - 0.23, z) - 0.05
    return np.minimum(np.maximum(body, -hollow), np.maximum(handle, RADIUS - 0.02 - length(x, z)))


def scene(p):
    return np.minimum(mug(p), p[:, 1])


def march(start, direction, reach=9.0, steps=110):
    """Distance along each ray; more than `reach` where it meets nothing."""
    t = np.full(len(start), 0.01)
    for _ in range(steps):
        t = np.minimum(t + 0.9 * scene(start + direction * t[:, None]), reach + 1)
    return t


def normal(p):
    e = 1e-3 * np.eye(3)
    n = np.stack([scene(p + d) - scene(p - d) for d in e], 1)
    return n / np.linalg.norm(n, axis=1, keepdims=True)


def shade(p, direction):
    """How much of a light in this direction reaches p, with soft edges."""
    seen, t = np.ones(len(p)), np.full(len(p), 0.02)
    for _ in range(45):
        d = scene(p + direction * t[:, None])
        seen = np.minimum(seen, 9 * d / t)
        t = t + np.clip(d, 0.01, 0.15)
    return np.clip(seen, 0, 1)


def planks(p):
    x, _, z = p.T
    board = np.floor(z / 0.55)
    tone = 0.85 + 0.15 * np.sin(board * 12.9898) + 0.06 * np.sin(21 * x + 9 * np.sin(3 * z + board)) * np.sin(2.3 * x + board)
    gap = np.clip(np.abs(z / 0.55 - board - 0.5) * 2 - 0.97, 0, 0.03) / 0.03
    return np.array([0.46, 0.29, 0.16]) * (tone * (1 - 0.7 * gap))[:, None]


def paint(p):
    """Enamel with a dark rim and handle, a red band, hills and a sun; p on the mug."""
    x, y, z = p.T
    turn = np.arctan2(x, z)
    colour = np.broadcast_to(ENAMEL, p.shape).copy()
    hills = 0.30 + 0.13 * np.abs(np.sin(2.2 * turn + 0.6)) + 0.04 * np.sin(5 * turn)
    outside = np.abs(length(x, z) - RADIUS) < WALL
    colour[outside & (y < hills) & (y > 0.2)] = (0.16, 0.34, 0.30)
    colour[outside & (np.abs(y - 0.17) < 0.03)] = BAND
    colour[(y > TALL - 0.03) | (length(x, z) > RADIUS + 0.20)] = RIM
    colour[outside & (length(turn + 0.25, (y - 0.66) * 1.6) < 0.13)] = BAND
    return colour


def light(p, n, toward, colour, gloss):
    key = np.clip(n @ WINDOW, 0, 1) * shade(p + n * 0.01, WINDOW)
    sky = 0.5 + 0.5 * n[:, 1]
    half = WINDOW - toward
    half = half / np.linalg.norm(half, axis=1, keepdims=True)
    shine = np.clip((n * half).sum(1), 0, 1) ** 60 * gloss * (key > 0.02)
    warm, cool = np.array([1.0, 0.93, 0.82]), np.array([0.62, 0.72, 0.85])
    return colour * (1.25 * key[:, None] * warm + 0.30 * sky[:, None] * cool) + shine[:, None]


def main():
    width, height = WIDTH * SUPER, HEIGHT * SUPER
    forward = (LOOK - EYE) / np.linalg.norm(LOOK - EYE)
    right = np.cross(forward, [0, 1, 0]) / np.linalg.norm(np.cross(forward, [0, 1, 0]))
    up = np.cross(right, forward)
    v, u = np.meshgrid(0.5 - (np.arange(height) + 0.5) / height, ((np.arange(width) + 0.5) / width - 0.5) * width / height, indexing="ij")
    rays = forward + 0.62 * (u.reshape(-1, 1) * right + v.reshape(-1, 1) * up)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    t = march(np.broadcast_to(EYE, rays.shape), rays)
    wall = np.array([0.55, 0.52, 0.47]) * (0.55 + 0.5 * np.clip(0.5 - u.reshape(-1, 1) * 0.6 + v.reshape(-1, 1) * 0.3, 0, 1))
    picture = wall.copy()
    met = t < 9
    p, toward = EYE + rays[met] * t[met, None], rays[met]
    on_mug = mug(p) < 5e-3
    n = normal(p)
    colour = np.where(on_mug[:, None], paint(p), planks(p))
    far = np.clip((np.linalg.norm(p, axis=1) - 3.2) / 3, 0, 1)[:, None]
    picture[met] = light(p, n, toward, colour, np.where(on_mug, 0.7, 0.08)) * (1 - far) + wall[met] * far
    encoded = np.clip(picture, 0, 1) ** (1 / 2.2)
    small = encoded.reshape(HEIGHT, SUPER, WIDTH, SUPER, 3).mean((1, 3))
    Image.fromarray((small * 255 + 0.5).astype(np.uint8)).save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
