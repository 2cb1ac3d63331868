"""Weights from a formula.

A toy checkpoint of a few million random numbers would not fit a repository, so
none is stored. A *recipe* is a text file that names every tensor of a
safetensors file and says how its values follow from the name; fill.c writes
the same file from it in C, bit for bit, without Python.

    prefix odd/unet/
    dtype F16
    conv_in.weight 32,8,3,3 9:91:0
    |name          |shape   |part: e:K:B[:key[:T]]

Element i of a part is (B + k) / 2^e, with k uniform in [-K, K]:

    z = FNV-1a-64(prefix + key) + (i + 1) * 0x9e3779b97f4a7c15   (mod 2^64)
    z = splitmix64's output function of z
    k = (((z >> 32) * (2K + 1)) >> 32) - K

The key is the tensor's own name where none is given. |B + k| stays at or below
256, so every value is the same number in float32, float16 and bfloat16, and one
set of goldens serves all three. Several parts follow one another along the
first axis (a fused q, k, v); T says that the part is written transposed (last
two axes swapped).
"""

import math

import numpy as np
import torch

GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def integers(key, count, K):
    """count integers uniform in [-K, K], int64."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(key)) + np.arange(1, count + 1, dtype=np.uint64) * GOLDEN_RATIO
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        k = ((z >> np.uint64(32)) * np.uint64(2 * K + 1)) >> np.uint64(32)
    return k.astype(np.int64) - K


def values(key, shape, spec):
    """The float32 array of one part; spec is (e, K, B)."""
    e, K, B = spec
    k = integers(key, math.prod(shape), K)
    return np.ldexp((k + B).astype(np.float64), -e).astype(np.float32).reshape(shape)


def amplitude(A):
    """The (e, K, 0) whose values are uniform in about [-A, A], with 64 <= K < 128."""
    e = 0
    while round(A * 2.0**e) < 64:
        e += 1
    while round(A * 2.0**e) >= 128:
        e -= 1
    return (e, round(A * 2.0**e), 0)


# A gain is the standard deviation of a layer's output for unit input. The last
# layer of a residual branch has less than one, so that the sum stays bounded;
# queries and keys have more, so that attention is not a plain mean.
GAINS = (
    (("attn1.to_q", "attn1.to_k", "q_proj", "k_proj", "attentions.0.to_q", "attentions.0.to_k"), 1.5),
    (("conv2", "to_out.0", "net.2", "out_proj", "fc2", "proj_out"), 0.6),
    (("time_emb_proj",), 0.7),
)


def gain(name):
    for parts, g in GAINS:
        if any(("." + part + ".") in ("." + name) for part in parts):
            return g
    return 1.0


def is_norm(name):
    owner = name.rsplit(".", 2)[-2]
    return "norm" in owner or "layrnorm" in owner  # transformers spells pre_layrnorm so


def spec_for(name, shape):
    """How to fill a tensor so that activations keep a healthy scale."""
    if name.endswith("mix_factor"):
        return (6, 100, 0)  # both signs; sigmoid from 0.17 to 0.83
    if name.endswith("class_embedding") or name.endswith("position_embedding.weight"):
        return amplitude(0.6)
    if is_norm(name):
        return (7, 32, 128) if name.endswith("weight") else amplitude(0.2)
    if len(shape) < 2:
        return amplitude(0.15)
    std = gain(name) / math.sqrt(math.prod(shape[1:]))
    return amplitude(std * math.sqrt(3.0))  # a uniform on [-A, A] has deviation A / sqrt 3


# What writes into the residual stream, or into a norm inside a branch.
QUIET = ("conv_in", "conv1", "conv2", "proj_in", "proj_out", "to_out.0", "net.2", "time_emb_proj", "time_pos_embed.linear_2")


def quiet_spec(name, shape):
    """Weights that keep the input of every norm at a deviation of about 0.01, so
    that an epsilon of 1e-5 in place of 1e-6 moves the result by per cents. With
    unit variance, nothing would tell the two apart."""
    e, K, B = spec_for(name, shape)
    if is_norm(name) or name.endswith("mix_factor") or name.startswith(("conv_out", "decoder.conv_out", "time_embedding")):
        return (e, K, B)
    layer = name.rpartition(".")[0]
    quiet = name.endswith("bias") or any(layer == q or layer.endswith("." + q) for q in QUIET)
    return (e + 7, K, B) if quiet else (e, K, B)


def fill_module(module, prefix, rule=spec_for):
    """Sets every parameter by formula; returns {name: (shape, spec)} in the module's order."""
    table = {}
    state = {}
    for name, tensor in module.state_dict().items():
        shape = tuple(tensor.shape)
        spec = rule(name, shape)
        table[name] = (shape, spec)
        state[name] = torch.from_numpy(values(prefix + name, shape, spec)).to(tensor.dtype)
    module.load_state_dict(state, strict=True)
    module.requires_grad_(False)
    module.eval()
    return table


def part(spec, key=None, transposed=False):
    text = ":".join(str(v) for v in spec)
    if key is not None:
        text += ":" + key + (":T" if transposed else "")
    return text


def write_lines(path, prefix, dtype, lines):
    """lines: (name, shape, [part, ...])."""
    with open(path, "w", newline="\n") as f:
        f.write(f"prefix {prefix}\ndtype {dtype}\n")
        for name, shape, parts in lines:
            dims = ",".join(str(d) for d in shape) if shape else "-"
            f.write(f"{name} {dims} {' '.join(parts)}\n")


def write_table(path, prefix, dtype, table):
    write_lines(path, prefix, dtype, [(n, s, [part(spec)]) for n, (s, spec) in table.items()])
