"""The linear codec: the principal components of 8x8 patches. The encoder is made to be this codec, exactly enough that
training takes its latents from here, at the price of one matrix product; the decoder has to do better than its inverse."""
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import measure
import nets
from studio import clips, textures

RENDERS, TEXTURES, FIRST = 150, 30, 100_000_000  # pictures that the components are fitted to, and their seeds


class Linear:
    """mean [192], basis [192, CHANNELS], scale [CHANNELS]; a patch is unrolled as channel, row, column."""

    def __init__(self, mean, basis, scale):
        self.mean, self.basis, self.scale = mean, basis, scale

    def encode(self, x):
        """Latents [n, CHANNELS, h/8, w/8] of pictures [n, 3, h, w] in -1..1."""
        patches = F.pixel_unshuffle(x, nets.SHRINK).permute(0, 2, 3, 1) - self.mean
        return ((patches @ self.basis) * self.scale).permute(0, 3, 1, 2).contiguous()

    def decode(self, z):
        patches = (z.permute(0, 2, 3, 1) / self.scale) @ self.basis.T + self.mean
        return F.pixel_shuffle(patches.permute(0, 3, 1, 2), nets.SHRINK).clamp(-1, 1)

    def round_trip(self, x):
        return self.decode(self.encode(x))


def fit(pictures):
    """Latents have mean square 1 over all. A component's spread is the square root of its spread in the pictures:
    between equal weight for all and equal error in pixels."""
    x = F.pixel_unshuffle(pictures, nets.SHRINK).permute(0, 2, 3, 1).reshape(-1, 3 * nets.SHRINK ** 2).double()
    mean = x.mean(0)
    value, vector = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    value, vector = value.flip(0)[:nets.CHANNELS], vector.flip(1)[:, :nets.CHANNELS]
    vector = vector * torch.sign(vector.sum(0))
    spread = value ** 0.25
    scale = spread / spread.square().mean().sqrt() / value.sqrt()
    return Linear(mean.float(), vector.float().contiguous(), scale.float())


def load(state):
    """The codec of a state directory; fitted on first use."""
    path = state.path / "linear.safetensors"
    if path.exists():
        return Linear(**load_file(path))
    rng = np.random.default_rng(FIRST)
    some = [clips.picture(FIRST + k) for k in range(RENDERS)] + [textures.texture(rng) for _ in range(TEXTURES)]
    codec = fit(measure.to_tensor(np.stack(some)))
    part = path.with_suffix(".part")
    save_file({"mean": codec.mean, "basis": codec.basis, "scale": codec.scale}, part)
    part.rename(path)
    return codec
