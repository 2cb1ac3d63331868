"""Small ICC profiles (version 2.1) made from published primaries and a model of four inks; no profile is copied."""

import struct

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
D65 = (0.3127, 0.3290)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

SRGB = [(0.640, 0.330), (0.300, 0.600), (0.150, 0.060)]
DISPLAY_P3 = [(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)]
ADOBE_RGB = [(0.640, 0.330), (0.210, 0.710), (0.150, 0.060)]


def xyz(x, y):
    return np.array([x / y, 1, (1 - x - y) / y])


def colorants(primaries, white=D65):
    """Columns: XYZ of red, green and blue, adapted to D50."""
    columns = np.stack([xyz(*p) for p in primaries], axis=1)
    columns = columns * np.linalg.solve(columns, xyz(*white))
    scale = np.diag((BRADFORD @ D50) / (BRADFORD @ xyz(*white)))
    return np.linalg.inv(BRADFORD) @ scale @ BRADFORD @ columns


def fixed(value):
    return struct.pack(">i", round(value * 65536))


def xyz_tag(value):
    return b"XYZ \0\0\0\0" + b"".join(fixed(v) for v in value)


def gamma_tag(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def curve_tag(function, count=1024):
    values = np.round(function(np.linspace(0, 1, count)) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", count) + values.tobytes()


def srgb_curve(x):
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def text_tags(name):
    name = name.encode()
    description = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + b"\0" + bytes(4 + 4 + 2 + 1 + 67)
    return [(b"desc", description), (b"cprt", b"text\0\0\0\0none\0")]


def profile(kind, space, pcs, tags):
    """kind: b"mntr" or b"prtr"; tags: (signature, data), where the same data is stored once."""
    tags = [(name, data + bytes(-len(data) % 4)) for name, data in tags]
    at, offsets, body = 128 + 4 + 12 * len(tags), {}, b""
    for _, data in tags:
        if data not in offsets:
            offsets[data] = at + len(body)
            body += data
    table = struct.pack(">I", len(tags)) + b"".join(
        name + struct.pack(">II", offsets[data], len(data)) for name, data in tags)
    size = 128 + len(table) + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"none", 0x02100000, kind, space, pcs) + bytes(12) + b"acsp" + bytes(28)
    header += b"".join(fixed(v) for v in D50) + bytes(48)
    return header + table + body


def rgb(name, primaries, curve):
    columns = colorants(primaries)
    tags = text_tags(name) + [(b"wtpt", xyz_tag(D50))]
    for i, letter in enumerate((b"r", b"g", b"b")):
        tags += [(letter + b"XYZ", xyz_tag(columns[:, i])), (letter + b"TRC", curve)]
    return profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey(name, gamma):
    return profile(b"mntr", b"GRAY", b"XYZ ", text_tags(name) + [(b"wtpt", xyz_tag(D50)), (b"kTRC", gamma_tag(gamma))])


# ---- four inks ----

INKS = {"c": (0, 158, 224), "m": (226, 0, 122), "y": (255, 237, 0), "k": (35, 31, 32)}  # as sRGB
N = 2  # Yule and Nielsen's


def linear(colour):
    return srgb_curve(np.array(colour) / 255)


def lab_of(reflectance):
    """[..., 3] linear sRGB to Lab under D50."""
    t = reflectance @ colorants(SRGB).T / D50
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def reflectance_of(cmyk):
    """Neugebauer's sixteen areas, an overprint being the product of its inks."""
    total = 0
    for area in range(16):
        weight, colour = 1, np.ones(3)
        for i, ink in enumerate("cmyk"):
            on = area >> i & 1
            weight = weight * (cmyk[..., i] if on else 1 - cmyk[..., i])
            if on:
                colour = colour * linear(INKS[ink])
        total = total + weight[..., None] * colour ** (1 / N)
    return total**N


def lut8(grid, channels_in, table):
    """mft1 with straight curves; table [grid^in, out] in 0 to 255."""
    channels_out = table.shape[1]
    curve = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes([channels_in, channels_out, grid, 0])
    head += b"".join(fixed(v) for v in np.eye(3).ravel())
    return head + curve * channels_in + np.clip(np.round(table), 0, 255).astype(np.uint8).tobytes() + curve * channels_out


def lattice(grid, channels):
    axes = np.meshgrid(*[np.linspace(0, 1, grid)] * channels, indexing="ij")
    return np.stack(axes, axis=-1).reshape(-1, channels)


def cmyk(name):
    """Forward tables from the model; backward ones, which only the search for black uses, from plain undercolour removal."""
    lab = lab_of(reflectance_of(lattice(5, 4)))
    forward = lut8(5, 4, np.stack([lab[:, 0] * 2.55, lab[:, 1] + 128, lab[:, 2] + 128], axis=1))
    back = lattice(7, 3)
    light, a, b = back[:, 0] * 100, back[:, 1] * 255 - 128, back[:, 2] * 255 - 128
    fy = (light + 16) / 116
    f = np.stack([fy + a / 500, fy, fy - b / 200], axis=1)
    white = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * D50
    paper = np.clip(np.linalg.solve(colorants(SRGB), white.T).T, 0, 1) ** (1 / 2.2)
    black = 1 - paper.max(axis=1)
    rest = np.where(black[:, None] < 1, (1 - paper - black[:, None]) / np.maximum(1 - black[:, None], 1e-6), 0)
    backward = lut8(7, 3, np.concatenate([rest, black[:, None]], axis=1) * 255)
    tags = text_tags(name) + [(b"wtpt", xyz_tag(D50))]
    tags += [(b"A2B0", forward), (b"A2B1", forward), (b"B2A0", backward), (b"B2A1", backward)]
    return profile(b"prtr", b"CMYK", b"Lab ", tags)
