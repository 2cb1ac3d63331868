"""What a made clip has to beat: the photo moved to the best zoom and pan."""
import itertools

import torch
import torch.nn.functional as F

from studio import clips

ZOOMS, ACROSS, DOWN = (0.97, 1.0, 1.03, 1.06, 1.12, 1.2), (-0.06, -0.03, 0, 0.03, 0.06), (-0.02, 0, 0.02)


def zoom_pan(photo, zoom, dx, dy, frames):
    """The still moved to a zoom and a shift (in half pictures) that the last frame reaches."""
    e = torch.tensor([clips.ease(f / (clips.FRAMES - 1)) for f in frames])
    scale = 1 / (1 + (zoom - 1) * e)
    zero = torch.zeros_like(e)
    theta = torch.stack([torch.stack([scale, zero, -dx * e], 1), torch.stack([zero, scale, -dy * e], 1)], 1)
    grid = F.affine_grid(theta, (len(e), *photo.shape[1:]), align_corners=False)
    return F.grid_sample(photo.expand(len(e), -1, -1, -1), grid, padding_mode="border", align_corners=False)


def best_zoom_pan(true):
    """The nearest to a true clip [25, 3, h, w]."""
    some = list(range(0, clips.FRAMES, 6))
    choices = itertools.product(ZOOMS, ACROSS, DOWN)
    best = min(choices, key=lambda c: float((zoom_pan(true[:1], *c, some) - true[some]).square().mean()))
    return zoom_pan(true[:1], *best, range(clips.FRAMES))
