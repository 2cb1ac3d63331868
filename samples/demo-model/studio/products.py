"""Random products: profiles and boxes with their materials and label."""
import math

import numpy as np

from labels import hsv, label, pick
from scene import Scene

LABEL, BODY, BARE, CAP, GLASS, LID = range(6)  # material slots; boxes use LABEL for the sides and BODY for the top
METALS = [(0.82, 0.82, 0.84), (0.82, 0.82, 0.84), (0.95, 0.78, 0.45), (0.9, 0.62, 0.5), (0.3, 0.3, 0.32)]


def linear(colour):
    c = np.asarray(colour, float) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def set_material(scene, slot, albedo, metal=0.0, rough=0.2, specular=0.04, glass=0.0, labelled=0):
    m = scene.material[slot]
    m.albedo[:] = [float(min(max(c, 0.0), 1.0)) for c in albedo]
    m.metal, m.rough, m.specular, m.glass, m.labelled = metal, rough, specular, glass, labelled


def rounding(r0, y0, r1, y1, steps=6):
    """Quarter ellipse that leaves (r0, y0) upwards and reaches (r1, y1) inwards."""
    t = np.linspace(0, math.pi / 2, steps + 1)
    return list(zip(r1 + (r0 - r1) * np.cos(t), y0 + (y1 - y0) * np.sin(t)))


def can(rng):
    if rng.random() < 0.6:
        r, h = rng.uniform(0.25, 0.34), rng.uniform(0.85, 1.2)
        foot = [(r * 0.78, 0, BARE), (r * 0.8, 0.02, BARE), (r * 0.97, 0.07, LABEL), (r, 0.1, LABEL)]
        neck = [(r, h - 0.14, LABEL), (r * 0.97, h - 0.1, LABEL), (r * 0.84, h - 0.03, BARE), (r * 0.86, h - 0.015, BARE)]
        lid = [(r * 0.85, h, BARE), (r * 0.8, h, BARE), (r * 0.78, h - 0.03, BARE), (0, h - 0.03, BARE)]
        return foot + neck + lid, 0.05, h - 0.05
    r, h = rng.uniform(0.3, 0.42), rng.uniform(0.55, 0.95)
    rim = [(r * 1.02, 0, BARE), (r * 1.02, 0.025, BARE), (r, 0.03, LABEL), (r, h - 0.03, BARE), (r * 1.02, h - 0.025, BARE)]
    lid = [(r * 1.02, h, BARE), (r * 0.95, h, BARE), (r * 0.93, h - 0.03, BARE), (0, h - 0.03, BARE)]
    return rim + lid, 0.03, h - 0.03


def bottle(rng):
    r, h = rng.uniform(0.19, 0.29), rng.uniform(1.0, 1.35)
    shoulder, neck, skin = rng.uniform(0.5, 0.68) * h, r * rng.uniform(0.32, 0.48), pick(rng, [GLASS, GLASS, BODY])
    low, high = 0.1, shoulder - rng.uniform(0.03, 0.12)
    points = [(r * 0.9, 0, skin), (r * 0.98, 0.02, skin), (r, 0.06, skin), (r, low, LABEL), (r, high, skin)]
    points += [(a, b, skin) for a, b in rounding(r, shoulder, neck, shoulder + rng.uniform(0.12, 0.24), 7)]
    cap = max(h - 0.14, points[-1][1] + 0.03)
    points += [(neck, cap, CAP), (neck * 1.25, cap + 0.001, CAP), (neck * 1.25, cap + 0.12, CAP)]
    return points + [(neck * 1.15, cap + 0.14, CAP), (0, cap + 0.14, CAP)], low, high


def jar(rng):
    r, h, lid, skin = rng.uniform(0.29, 0.42), rng.uniform(0.55, 0.85), rng.uniform(0.1, 0.2), pick(rng, [GLASS, GLASS, BODY])
    low, high = 0.09, h - lid - 0.12
    points = [(r * 0.88, 0, skin), (r * 0.97, 0.025, skin), (r, 0.06, skin), (r, low, LABEL), (r, high, skin)]
    points += [(r, h - lid - 0.08, skin), (r * 0.97, h - lid - 0.04, skin), (r * 0.86, h - lid - 0.015, skin)]
    points += [(r * 0.86, h - lid, CAP), (r * 0.93, h - lid + 0.001, CAP), (r * 0.93, h - 0.02, CAP)]
    return points + [(r * 0.9, h, LID), (0, h, LID)], low, high


def tube(rng):
    r, h, cap = rng.uniform(0.19, 0.28), rng.uniform(0.9, 1.2), rng.uniform(0.12, 0.2)
    points = [(r * 0.7, 0, CAP), (r * 0.72, cap, CAP), (r * 0.73, cap + 0.001, BODY), (r * 0.95, cap + 0.025, BODY)]
    points += [(r, cap + 0.06, LABEL), (r * 0.98, h - 0.05, LABEL), (r * 0.96, h - 0.01, BODY), (r * 0.9, h, BODY), (0, h, BODY)]
    return points, cap + 0.06, h - 0.03


def cosmetic(rng):
    r, h = rng.uniform(0.2, 0.3), rng.uniform(0.75, 1.2)
    cap, neck = rng.uniform(0.25, 0.42) * h, r * rng.uniform(0.7, 1.0)
    base = h - cap
    points = [(r * 0.96, 0, LABEL), (r, 0.02, LABEL), (r, base - 0.03, BODY), (r * 0.96, base, BODY)]
    points += [(neck * 0.9, base + 0.001, BARE), (neck * 0.9, base + 0.02, CAP), (neck, base + 0.021, CAP)]
    return points + [(neck, h - 0.02, CAP), (neck * 0.96, h, LID), (0, h, LID)], 0.02, base - 0.03


def cup(rng):
    r0, r1, h = rng.uniform(0.2, 0.26), rng.uniform(0.29, 0.38), rng.uniform(0.7, 1.0)
    rim = h - 0.1
    points = [(r0, 0, LABEL), (r1, rim, CAP), (r1 * 1.06, rim + 0.001, CAP), (r1 * 1.06, rim + 0.03, CAP)]
    points += [(r1 * 0.97, rim + 0.04, CAP), (r1 * 0.93, h, CAP), (r1 * 0.85, h, CAP), (r1 * 0.83, h - 0.02, CAP)]
    return points + [(0, h - 0.02, CAP)], 0.0, rim


def vase(rng):
    """A lathe form: a smooth random profile, glazed, with the label painted on its belly."""
    h, n = rng.uniform(0.8, 1.25), 26
    t = np.linspace(0, 1, n)
    r = np.full(n, rng.uniform(0.18, 0.26))
    for k in (1, 2, 3):
        r += rng.uniform(-0.07, 0.07) * np.sin(math.pi * k * t + rng.uniform(0, 6)) / k ** 0.5
    r = np.clip(r, 0.09, 0.4)
    points = [(float(a), float(b * h), LABEL) for a, b in zip(r, t)]
    rim = float(r[-1])
    points[-1] = (rim, h, CAP)
    return points + [(rim * 0.9, h + 0.01, CAP), (rim * 0.8, h, CAP), (rim * 0.75, h - 0.04, BODY), (0, h - 0.05, BODY)], 0.0, h


ROUND = {"can": can, "bottle": bottle, "jar": jar, "tube": tube, "cosmetic": cosmetic, "cup": cup, "vase": vase}
KINDS = ["can", "bottle", "jar", "tube", "cosmetic", "cup", "vase", "carton"]
SHARES = [0.2, 0.18, 0.14, 0.09, 0.11, 0.08, 0.05, 0.15]


def materials(scene, rng, colours):
    ground, accent, ink, third = colours
    glossy = rng.random() < 0.6
    rough = rng.uniform(0.05, 0.2) if glossy else rng.uniform(0.3, 0.6)
    metal = pick(rng, METALS)
    foil = 0.6 if rng.random() < 0.12 else 0.0
    coat = rng.uniform(0.06, 0.11) if glossy else 0.03
    set_material(scene, LABEL, linear(ground), foil, 0.22 if foil else rough, coat, labelled=1)
    set_material(scene, BODY, linear(pick(rng, [ground, ground, accent, third])) * 0.9, 0, rough, 0.08 if glossy else 0.03)
    set_material(scene, BARE, metal, 1, rng.uniform(0.08, 0.25), 0.9)
    if rng.random() < 0.35:
        set_material(scene, CAP, pick(rng, METALS), 1, rng.uniform(0.08, 0.35), 0.9)
    else:
        colour = pick(rng, [accent, ground, (240, 240, 238), (25, 25, 28), ink])
        set_material(scene, CAP, linear(colour), 0, rng.uniform(0.08, 0.5), 0.07)
    clear = hsv(rng.random(), rng.uniform(0.02, 0.25), rng.uniform(0.9, 1))
    tinted = hsv(rng.random(), rng.uniform(0.4, 0.85), rng.uniform(0.5, 0.9))
    tint = pick(rng, [clear, tinted, (120, 62, 22), (60, 110, 50)])
    set_material(scene, GLASS, linear(tint), 0, 0.03, 0.06, glass=rng.uniform(0.6, 0.95))
    scene.material[LID] = scene.material[CAP]


def product(rng, kind=None):
    """A Scene with the product alone; returns it with the product's height and its widest radius."""
    scene = Scene()
    kind = kind or KINDS[int(rng.choice(len(KINDS), p=SHARES))]
    fronts = None
    if kind == "carton":
        scene.shape = 1
        scene.box_half_x, scene.box_half_z = rng.uniform(0.2, 0.42), rng.uniform(0.12, 0.38)
        scene.box_height = rng.uniform(0.5, 1.15)
        scene.box_round = rng.uniform(0.008, 0.05)
        x, z = scene.box_half_x, scene.box_half_z
        fronts = [0.0, 0.25, 0.5, 0.75]  # the middles of the four sides, whatever their widths
        scene.label_low, scene.label_high = 0.0, scene.box_height
        height, reach = scene.box_height, math.hypot(x, z)
        scene.turn = math.radians(pick(rng, [-1, 1]) * rng.uniform(12, 42))
    else:
        points, scene.label_low, scene.label_high = ROUND[kind](rng)
        scene.points = len(points)
        for i, (r, y, slot) in enumerate(points):
            scene.radius[i], scene.height[i], scene.material_of[i] = max(r, 0.0), y, slot
        height, reach = max(p[1] for p in points), max(p[0] for p in points)
        scene.turn = math.radians(rng.uniform(-25, 15))
    texture, colours = label(rng, fronts)
    scene.label, scene.label_height, scene.label_width = texture.ctypes.data, texture.shape[0], texture.shape[1]
    scene.keep_label = texture  # the scene holds a bare pointer into it
    materials(scene, rng, colours)
    return scene, height, reach
