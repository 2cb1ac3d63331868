"""What the UNet is trained on: windows of fresh clips as latents, with the photo and how the vision tower is shown it."""
import numpy as np
import torch
from diffusers.pipelines.stable_video_diffusion.pipeline_stable_video_diffusion import _resize_with_antialiasing

import edm
import measure
from studio import clips, textures

COLUMNS = 16                       # latent columns of a crop (all rows)
CROPS, WIDE, LONG = (5, 2), (2, 2), (1, 10)  # clips of a step and frames of each: crops, whole pictures, long crops
# Shares of clips with motion bucket 0, 127, and a large one, which moves most and is learnt last; the rest is uniform.
STILLS, DEFAULT, LARGE, LARGE_FROM = 0.06, 0.35, 0.1, 160
# Pictures that the studio would not make, so that an unknown photo is copied whole: this share of the clips is textures.
# At bucket 0 every frame is the texture. At any other only frame 0 is known, and the others do not count.
TEXTURE_SHARE, TEXTURE_STILLS, TEXTURE_WEIGHT = 0.18, 0.5, 3.0
SEEDS = 1_000_000                  # of the first step's clips


def look(photo):
    """The picture as the vision tower is shown it, uint8 [3, 224, 224]; photo [3, h, w] in -1..1."""
    small = _resize_with_antialiasing(photo[None], (224, 224))[0]
    return ((small * 0.5 + 0.5).clamp(0, 1) * 255).round().byte()


def item_of(codec, x, z, seed, bucket, frames, counts):
    """One clip's photo x [1, 3, h, w] as the pipeline shows it, with the frames' latents z and how much each counts."""
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))
    return {"z": z, "photo": codec.encode(x + edm.NOISE_AUG * noise)[0], "look": look(x[0]),
            "frames": torch.tensor(list(frames)), "counts": counts, "bucket": torch.tensor(float(bucket))}


def window(codec, family, seed, bucket, frames):
    """z [k, c, h, w], photo [c, h, w] with the pipeline's noise, look, frames [k], counts [k], bucket of one clip."""
    x = measure.to_tensor(clips.clip(seed, family, bucket, [0, *frames]))
    return item_of(codec, x[:1], codec.encode(x[1:]), seed, bucket, frames, torch.ones(len(frames)))


def texture_window(codec, picture, seed, bucket, frames):
    """The same of a picture uint8 [h, w, 3] that nobody has seen move: what is not known does not count."""
    x = measure.to_tensor(picture[None])
    frames = list(frames) if bucket == 0 or 0 in frames else [0, *list(frames)[1:]]
    counts = TEXTURE_WEIGHT * torch.tensor([float(bucket == 0 or f == 0) for f in frames])
    return item_of(codec, x, codec.encode(x).expand(len(frames), -1, -1, -1), seed, bucket, frames, counts)


def draw_bucket(rng):
    kind = rng.random()
    if kind < STILLS:
        return 0.0
    if kind < STILLS + DEFAULT:
        return 127.0
    return float(round(rng.uniform(LARGE_FROM if kind < STILLS + DEFAULT + LARGE else 8, 255)))


def draw(codec, family, rng, seed, length):
    """A clip's window of so many frames, with its bucket: a render, or a texture."""
    if rng.random() >= TEXTURE_SHARE:
        return window(codec, family, seed, draw_bucket(rng), draw_frames(rng, length))
    bucket = 0.0 if rng.random() < TEXTURE_STILLS else draw_bucket(rng)
    return texture_window(codec, textures.texture(rng), seed, bucket, draw_frames(rng, length))


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
        item = draw(codec, family, rng, SEEDS + step * 64 + k, length)
        if columns:
            width = item["z"].shape[-1]
            left = int(np.clip(round(rng.normal((width - columns) / 2, width / 12)), 0, width - columns))
            item["z"], item["photo"] = item["z"][..., left:left + columns], item["photo"][..., left:left + columns]
        items.append(item)
    return {name: torch.stack([i[name] for i in items]) for name in items[0]}
