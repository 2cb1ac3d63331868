"""Scenes with camera, light and backdrop, and the four motion families. Everything follows from a seed."""
import math

import numpy as np

from labels import hsv, pick
from products import linear, product
from scene import Pose, render

WIDTH, HEIGHT, FRAMES = 256, 192, 25
FAMILIES = ["sweep", "turntable", "orbit", "push"]
# What motion bucket 255 stands for; the amount is proportional, so bucket 127 gives half and 0 a still.
FULL = {"sweep": math.radians(160), "turntable": math.radians(24), "orbit": math.radians(24), "push": 0.4}


def aim(box, azimuth, elevation):
    """Points a softbox: azimuth 0 is the camera's side, positive to its right; degrees."""
    a, e = math.radians(azimuth), math.radians(elevation)
    d = np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])
    across = np.cross([0, 1, 0], d)
    across /= np.linalg.norm(across)
    box.direction[:], box.across[:], box.up[:] = d, across, np.cross(d, across)


def add_softbox(scene, rng, azimuth, elevation, half_across, half_up, power):
    box = scene.softbox[scene.softboxes]
    scene.softboxes += 1
    aim(box, azimuth, elevation)
    box.half_across, box.half_up, box.power = half_across, half_up, power
    warm = rng.uniform(-0.06, 0.06)
    box.tint[:] = [1 + warm, 1, 1 - warm]


def light(scene, rng, family):
    u = rng.uniform
    if family == "sweep":
        # The key starts at the left, so that the light always travels to the right, and is most of the light. Its place
        # varies little: what follows must be readable from the photo.
        side, fill = -1, 0.22
        add_softbox(scene, rng, u(-75, -60), u(25, 42), u(0.3, 0.5), u(0.8, 1.3), u(3.6, 4.4))
    else:
        side, fill = pick(rng, [-1, 1]), 1.0
        add_softbox(scene, rng, side * u(40, 75), u(15, 45), u(0.25, 0.6), u(0.7, 1.6), u(1.6, 2.6))
    add_softbox(scene, rng, -side * u(55, 100), u(5, 35), u(0.12, 0.4), u(0.7, 1.8), fill * u(0.7, 1.6))
    add_softbox(scene, rng, u(-30, 30), u(65, 85), u(0.5, 0.9), u(0.5, 0.9), fill * u(0.5, 1.2))
    if rng.random() < 0.5:
        add_softbox(scene, rng, side * u(100, 150), u(0, 25), u(0.1, 0.3), 1.5, fill * u(0.8, 2))
    scene.ambient = u(0.18, 0.32) * (0.4 if family == "sweep" else 1)


def stage(scene, rng):
    kind, hue = rng.random(), rng.random()
    if kind < 0.3:
        floor = np.full(3, rng.uniform(0.6, 0.85))
        wall = floor * rng.uniform(0.6, 1.05)
    elif kind < 0.65:
        floor = linear(hsv(hue, rng.uniform(0.1, 0.45), rng.uniform(0.75, 0.97)))
        wall = floor * rng.uniform(0.55, 1.0)
    elif kind < 0.8:
        floor = linear(hsv(hue, rng.uniform(0.3, 0.75), rng.uniform(0.3, 0.65)))
        wall = floor * rng.uniform(0.4, 0.9)
    elif kind < 0.88:
        floor = np.full(3, rng.uniform(0.03, 0.1))
        wall = floor * rng.uniform(0.4, 1.0)
    else:
        floor = linear(hsv(rng.uniform(0.05, 0.11), rng.uniform(0.25, 0.65), rng.uniform(0.4, 0.85)))
        wall = linear(hsv(hue, rng.uniform(0, 0.35), rng.uniform(0.4, 0.9)))
        scene.backdrop, scene.grain, scene.grain_seed = 1, rng.uniform(0.0, 0.55), rng.uniform(0, 90)
    scene.floor[:], scene.wall[:] = floor, wall
    scene.mirror = rng.uniform(0.06, 0.35) if rng.random() < 0.5 else 0.0
    scene.shadow, scene.vignette, scene.exposure = rng.uniform(0.5, 0.85), rng.uniform(0.05, 0.25), rng.uniform(0.85, 1.1)


def frame_camera(scene, rng, height, reach):
    scene.field, scene.pitch = math.radians(rng.uniform(20, 28)), math.radians(rng.uniform(3, 14))
    tangent = 2 * math.tan(scene.field / 2)
    scene.distance = max(height / rng.uniform(0.62, 0.84), 1.9 * reach / rng.uniform(0.75, 1.0)) / tangent + reach
    scene.target = 0.5 * height
    scene.shift_x, scene.shift_y = rng.uniform(-0.1, 0.1), rng.uniform(-0.08, 0.03)


def make(seed, family="sweep", kind=None):
    """The scene of a seed, at rest."""
    rng = np.random.default_rng(seed)
    scene, height, reach = product(rng, kind)
    stage(scene, rng)
    light(scene, rng, family)
    frame_camera(scene, rng, height, reach)
    return scene


def ease(t):
    """0..1 to 0..1: half a smooth step, half linear."""
    return 0.5 * t * t * (3 - 2 * t) + 0.5 * t


def poses(family, bucket, frames=range(FRAMES)):
    """Poses of the given frame numbers of a 25-frame clip."""
    full = FULL[family] * bucket / 255
    field = {"sweep": "swing", "turntable": "turn", "orbit": "orbit", "push": "push"}[family]
    return [Pose(**{field: full * ease(f / (FRAMES - 1))}) for f in frames]


def clip(seed, family="sweep", bucket=127, frames=range(FRAMES), kind=None):
    """uint8 [frames, HEIGHT, WIDTH, 3]; frame 0 is the photo."""
    return render(make(seed, family, kind), poses(family, bucket, frames), WIDTH, HEIGHT)


def picture(seed):
    """A single frame, uint8 [HEIGHT, WIDTH, 3], of any family at any moment."""
    rng = np.random.default_rng(seed)
    return clip(seed, pick(rng, FAMILIES), rng.uniform(0, 255), [int(rng.integers(FRAMES))])[0]
