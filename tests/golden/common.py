"""What every part of the golden generator shares: tensor files, formula photos, distances."""

import json
import platform

import numpy as np
import torch

DTYPES = {"float32": "F32", "float64": "F64", "float16": "F16", "uint8": "U8", "int64": "I64"}


def single_thread():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def save(path, tensors, metadata=None):
    """A safetensors file with a fixed order (the library orders metadata at random)."""
    header, blobs, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = {k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()}
    for name, value in tensors.items():
        if isinstance(value, torch.Tensor):
            value = value.detach().numpy()
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        blob = array.tobytes()
        header[name] = {
            "dtype": DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little"))
        f.write(text)
        for blob in blobs:
            f.write(blob)


def write_json(path, value):
    with open(path, "w", newline="\n") as f:
        json.dump(value, f, indent=2)
        f.write("\n")


def read_json(path):
    with open(path) as f:
        return json.load(f)


def distance(a, b):
    """||a - b|| / ||b|| in float64."""
    a, b = a.double(), b.double()
    return float((a - b).norm() / b.norm())


def check(name, x):
    """Refuses a golden that proves nothing."""
    x = x.float()
    if not torch.isfinite(x).all():
        raise SystemExit(f"{name}: not finite")
    if x.numel() > 16 and not 1e-3 < float(x.std()) < 1e4:
        raise SystemExit(f"{name}: degenerate, deviation {float(x.std())}")


def photo(width, height, noise=64):
    """A test photo, uint8 [height, width, 3], from integers alone:

    a triangle wave along both axes (smooth), inverted on a checkerboard of 8 x 6
    fields (hard edges), plus `noise` levels of hash noise (grain). x, y, c are
    column, row, channel; every division is integer division of naturals.
    """
    y, x, c = np.meshgrid(
        np.arange(height, dtype=np.int64), np.arange(width, dtype=np.int64), np.arange(3, dtype=np.int64), indexing="ij"
    )
    ramp = (x * (3 + c) * 256 // width + y * (5 - c) * 256 // height) % 512
    wave = np.where(ramp < 256, ramp, 511 - ramp)
    field = (x * 8 // width + y * 6 // height) % 2
    wave = np.where(field == 1, 255 - wave, wave)
    h = ((x + 8192 * y) * 3 + c).astype(np.uint32)
    with np.errstate(over="ignore"):
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
        h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
        h = h ^ (h >> np.uint32(16))
    grain = (h >> np.uint32(8)).astype(np.int64) % noise - noise // 2
    return np.clip(wave + grain, 0, 255).astype(np.uint8)


def versions():
    import diffusers
    import PIL
    import transformers

    return {
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def normal(seed, *shape):
    """Unit normal float32, from torch's CPU generator."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


