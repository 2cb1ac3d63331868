"""What the UNet is trained on: windows of fresh clips as latents, with the photo and how the vision tower is shown it."""
import numpy as np
import torch
from diffusers.pipelines.stable_video_diffusion.pipeline_stable_video_diffusion import _resize_with_antialiasing

import edm
import measure
from studio import clips

COLUMNS = 16                       # latent columns of a crop (all rows)
CROPS, WIDE, LONG = (5, 2), (2, 2), (1, 10)  # clips of a step and frames of each: crops, whole pictures, long crops
STILLS, DEFAULT = 0.08, 0.35       # shares of clips with motion bucket 0 and 127; the rest is uniform
SEEDS = 1_000_000                  # of the first step's clips


def look(photo):
    """The picture as the vision tower is shown it, uint8 [3, 224, 224]; photo [3, h, w] in -1..1."""
    small = _resize_with_antialiasing(photo[None], (224, 224))[0]
    return ((small * 0.5 + 0.5).clamp(0, 1) * 255).round().byte()


def window(codec, family, seed, bucket, frames):
    """z [k, c, h, w], photo [c, h, w] with the pipeline's noise, look, frames [k], bucket of one clip."""
    x = measure.to_tensor(clips.clip(seed, family, bucket, [0, *frames]))
    noise = torch.randn(x[:1].shape, generator=torch.Generator().manual_seed(seed))
    photo = codec.encode(x[:1] + edm.NOISE_AUG * noise)[0]
    return {"z": codec.encode(x[1:]), "photo": photo, "look": look(x[0]), "frames": torch.tensor(list(frames)),
            "bucket": torch.tensor(float(bucket))}


def draw_bucket(rng):
    kind = rng.random()
    return 0.0 if kind < STILLS else 127.0 if kind < STILLS + DEFAULT else float(round(rng.uniform(8, 255)))


def draw_frames(rng, length):
    """Frame numbers: neighbours would show nearly the same picture, so half of the windows are spread over the clip."""
    if rng.random() < 0.5:
        return sorted(int(f) for f in rng.choice(clips.FRAMES, length, replace=False))
    first = int(np.clip(rng.integers(-2, clips.FRAMES - length + 3), 0, clips.FRAMES - length))
    return list(range(first, first + length))


def batch(codec, family, step, scale, long=False):
    """The windows of a step, stacked: crops, every fourth time whole pictures; with `long`, every other time one clip's
    crop over many frames."""
    rng = np.random.default_rng((13, step))
    (count, length), columns = CROPS, COLUMNS
    if step % 4 == 0:
        (count, length), columns = WIDE, None
    elif long and step % 2:
        count, length = LONG
    items = []
    for k in range(count * scale):
        item = window(codec, family, SEEDS + step * 64 + k, draw_bucket(rng), draw_frames(rng, length))
        if columns:
            width = item["z"].shape[-1]
            left = int(np.clip(round(rng.normal((width - columns) / 2, width / 12)), 0, width - columns))
            item["z"], item["photo"] = item["z"][..., left:left + columns], item["photo"][..., left:left + columns]
        items.append(item)
    return {name: torch.stack([i[name] for i in items]) for name in items[0]}
