#!/usr/bin/env python3
"""Forwards of one part of the model by diffusers on PyTorch and by packshot on the processor: seconds of each, and the
ratio.

usage: vs_pytorch.py PACKSHOT MODEL [--part unet|decoder|encoder|vision] [--size WxH] [--frames N] [--dtype bf16|f32]
                     [--threads N] [--rounds N] [--turns N] [--cold] [--channels-last]

PACKSHOT is the program, built in release mode; MODEL a diffusers folder (any weights will do: only the time is compared).
Needs torch, diffusers and transformers. The two take turns, so that both see the same machine: in each turn PyTorch and
then packshot run as many rounds, after a forward that warms up (PyTorch's once, and not with --cold, for forwards of
minutes). The ratio is the median over the turns.
"""
import argparse
import json
import statistics
import subprocess
import time

import torch


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("packshot")
    parser.add_argument("model")
    parser.add_argument("--part", choices=("unet", "decoder", "encoder", "vision"), default="unet")
    parser.add_argument("--size", default="256x256")
    parser.add_argument("--frames", type=int, default=14)
    parser.add_argument("--dtype", choices=("bf16", "f32"), default="bf16")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3, help="forwards of each in a turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--channels-last", action="store_true", help="PyTorch's weights in that memory format")
    args = parser.parse_args()
    args.width, args.height = (int(side) for side in args.size.split("x"))
    args.torch_device = "cpu"
    return args


DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}


def channels_last(model):
    """Its convolutions' weights in that memory format, over time and space alike."""
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.to(memory_format=torch.channels_last)
        elif isinstance(module, torch.nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)


def load(args, kind, folder):
    """The model in PyTorch, and what makes noise of its type."""
    dtype = DTYPES[args.dtype]
    model = kind.from_pretrained(args.model, subfolder=folder, torch_dtype=dtype).eval().to(args.torch_device)
    if args.channels_last:
        channels_last(model)
    return model, lambda *shape: torch.randn(*shape, dtype=dtype, device=args.torch_device)


def unet(args, backend=None):
    """`backend` is torch.compile's; without one nothing is compiled."""
    from diffusers import UNetSpatioTemporalConditionModel

    model, noise = load(args, UNetSpatioTemporalConditionModel, "unet")
    if backend:
        model.compile(backend=backend, dynamic=False)
    x = noise(1, args.frames, model.config.in_channels, args.height // 8, args.width // 8)
    context = noise(1, 1, model.config.cross_attention_dim)
    ids = torch.tensor([[6, 127, 0.02]], dtype=model.dtype, device=model.device)
    time = torch.tensor(0.5, dtype=model.dtype, device=model.device)
    return lambda: model(x, time, context, ids).sample


def decoder(args):
    from diffusers import AutoencoderKLTemporalDecoder

    model, noise = load(args, AutoencoderKLTemporalDecoder, "vae")
    z = noise(args.frames, model.config.latent_channels, args.height // 8, args.width // 8)
    return lambda: model.decode(z, num_frames=args.frames).sample


def encoder(args):
    from diffusers import AutoencoderKLTemporalDecoder

    model, noise = load(args, AutoencoderKLTemporalDecoder, "vae")
    image = noise(1, 3, args.height, args.width)
    return lambda: model.encode(image).latent_dist.mode()


def vision(args):
    from transformers import CLIPVisionModelWithProjection

    model, noise = load(args, CLIPVisionModelWithProjection, "image_encoder")
    pixels = noise(1, 3, model.config.image_size, model.config.image_size)
    return lambda: model(pixel_values=pixels).image_embeds


def time_torch(forward, rounds):
    seconds = []
    with torch.inference_mode():
        for _ in range(rounds):
            begin = time.perf_counter()
            forward()
            seconds.append(time.perf_counter() - begin)
    return seconds


def time_packshot(args):
    """The event of packshot bench."""
    command = [args.packshot, "bench", "--json", "--quiet", "--device", "cpu", "--model", args.model, "--part", args.part,
               "--width", args.width, "--height", args.height, "--frames", args.frames, "--dtype", args.dtype,
               "--threads", args.threads, "--rounds", args.rounds]
    text = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
    return json.loads(text.splitlines()[-1])


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    forward = globals()[args.part](args)
    if not args.cold:
        time_torch(forward, 1)
    theirs, ours = [], []
    for turn in range(args.turns):
        theirs.append(statistics.median(time_torch(forward, args.rounds)))
        told = time_packshot(args)
        ours.append(told["seconds"])
        print(f"turn {turn + 1}: PyTorch {theirs[-1]:.3f} s, packshot {ours[-1]:.3f} s, ratio {theirs[-1] / ours[-1]:.2f}; "
              f"{told['flops_per_second'] * 1e-9:.0f} GFLOP/s of {told['ceiling_flops_per_second'] * 1e-9:.0f}", flush=True)
    ratio = statistics.median(a / b for a, b in zip(theirs, ours))
    print(f"{args.part}, {args.size}, {args.frames} frames, {args.dtype}, {args.threads} threads: PyTorch {torch.__version__} "
          f"{statistics.median(theirs):.3f} s (least {min(theirs):.3f}), packshot {statistics.median(ours):.3f} s "
          f"(least {min(ours):.3f}), ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
