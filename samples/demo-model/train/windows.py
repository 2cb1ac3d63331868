"""What the UNet is trained on: windows of fresh clips as latents, with the photo and how the vision tower is shown it."""
import numpy as np
import torch
from diffusers.pipelines.stable_video_diffusion.pipeline_stable_video_diffusion import _resize_with_antialiasing

import edm
import measure
from studio import clips

CLIPS, FRAMES, COLUMNS = 3, 3, 16  # a step: clips, frames of each, latent columns of a crop (all rows)
WIDE_CLIPS, WIDE_FRAMES = 2, 2     # every fourth step: whole pictures, for nearly as many cells
WHOLE_FROM, WHOLE_EVERY = 0.9, 4   # whole 25-frame clips: from this share of the steps, every so many steps
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


def batch(codec, family, step, total, scale):
    """The windows of a step, stacked: crops, every fourth time whole pictures, late in the stage also whole clips."""
    rng = np.random.default_rng((13, step))
    count, length, columns = CLIPS * scale, FRAMES, COLUMNS
    if step >= WHOLE_FROM * total and step % WHOLE_EVERY == 1:
        count, length, columns = max(1, scale // 4), clips.FRAMES, None
    elif step % 4 == 0:
        count, length, columns = WIDE_CLIPS * scale, WIDE_FRAMES, None
    items = []
    for k in range(count):
        first = int(np.clip(rng.integers(-2, clips.FRAMES - length + 3), 0, clips.FRAMES - length))
        item = window(codec, family, SEEDS + step * 64 + k, draw_bucket(rng), range(first, first + length))
        if columns:
            width = item["z"].shape[-1]
            left = int(np.clip(round(rng.normal((width - columns) / 2, width / 12)), 0, width - columns))
            item["z"], item["photo"] = item["z"][..., left:left + columns], item["photo"][..., left:left + columns]
        items.append(item)
    return {name: torch.stack([i[name] for i in items]) for name in items[0]}
