"""An exported folder through diffusers' own pipeline against held-out clips, the still photo, and the best zoom or pan.

    python evaluate.py --model FOLDER [--family sweep] [--clips 8] [--steps 1,2,4] [--sheet FILE]"""
import argparse
import itertools

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import StableVideoDiffusionPipeline
from PIL import Image

import measure
import nets
from studio import HELD_OUT, clips

FIRST = HELD_OUT + 5000  # apart from the clips of the training's gates


def figures(made, true, moved):
    """SSIM and moving-region PSNR of frames 1.."""
    return float(measure.ssim(made, true)[1:].mean()), measure.psnr_where(made[1:], true[1:], moved)


def zoom_pan(photo, zoom, dx, dy, frames):
    """The still moved to a zoom and a shift (in half pictures) that the last frame reaches."""
    e = torch.tensor([clips.ease(f / (clips.FRAMES - 1)) for f in frames])
    scale = 1 / (1 + (zoom - 1) * e)
    zero = torch.zeros_like(e)
    theta = torch.stack([torch.stack([scale, zero, -dx * e], 1), torch.stack([zero, scale, -dy * e], 1)], 1)
    grid = F.affine_grid(theta, (len(e), *photo.shape[1:]), align_corners=False)
    return F.grid_sample(photo.expand(len(e), -1, -1, -1), grid, padding_mode="border", align_corners=False)


def best_zoom_pan(true):
    some = list(range(0, clips.FRAMES, 6))
    choices = itertools.product((0.97, 1.0, 1.03, 1.06, 1.12, 1.2), (-0.06, -0.03, 0, 0.03, 0.06), (-0.02, 0, 0.02))
    best = min(choices, key=lambda c: float((zoom_pan(true[:1], *c, some) - true[some]).square().mean()))
    return zoom_pan(true[:1], *best, range(clips.FRAMES))


def main():
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", required=True)
    ask.add_argument("--family", default="sweep", choices=clips.FAMILIES)
    ask.add_argument("--clips", type=int, default=8)
    ask.add_argument("--steps", default="1,2,4")
    ask.add_argument("--bucket", type=int, default=127)
    ask.add_argument("--sheet")
    a = ask.parse_args()
    nets.settle()
    pipe = StableVideoDiffusionPipeline.from_pretrained(a.model, variant="fp16", torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    rows, strips = {}, []
    for seed in range(FIRST, FIRST + a.clips):
        pixels = clips.clip(seed, a.family, a.bucket)
        true = measure.to_tensor(pixels)
        still = true[:1].expand_as(true)
        moved = ((true - still).abs().amax((0, 1)) > 0.06).float()
        rows.setdefault("still", []).append(figures(still, true, moved))
        rows.setdefault("zoom/pan", []).append(figures(best_zoom_pan(true), true, moved))
        strips.append(np.concatenate(list(pixels[::6]), 1))
        for n in [int(s) for s in a.steps.split(",")]:
            made = pipe(Image.fromarray(pixels[0]), height=clips.HEIGHT, width=clips.WIDTH, num_frames=clips.FRAMES, fps=7,
                        motion_bucket_id=a.bucket, noise_aug_strength=0.02, num_inference_steps=n, min_guidance_scale=1.0,
                        max_guidance_scale=1.0, decode_chunk_size=clips.FRAMES, generator=torch.manual_seed(seed),
                        output_type="np").frames[0]
            strips.append(np.concatenate(list((made[::6] * 255 + 0.5).astype(np.uint8)), 1))
            y = torch.from_numpy(made).permute(0, 3, 1, 2).float() * 2 - 1
            rows.setdefault(f"{n} steps", []).append((*figures(y, true, moved), float(measure.psnr(y[:1], true[:1]))))
    bar = np.maximum(np.array(rows["still"]), np.array(rows["zoom/pan"]))
    print("clip made by  SSIM    moving dB  better in both  first frame dB")
    for name, values in rows.items():
        v = np.array(values)
        wins = f"{np.mean((v[:, :2] > bar).all(1)):14.0%}" if v.shape[1] > 2 else " " * 14
        first = f"{v[:, 2].mean():15.1f}" if v.shape[1] > 2 else ""
        print(f"{name:12s}  {v[:, 0].mean():.4f}  {v[:, 1].mean():9.2f}  {wins}  {first}")
    if a.sheet:
        Image.fromarray(np.concatenate(strips)).save(a.sheet)


if __name__ == "__main__":
    main()
