#!/usr/bin/env python3
"""One UNet forward by diffusers on PyTorch and by packshot's cpu interpreter: seconds of each, and their ratio.

usage: unet_vs_pytorch.py BENCH_CPU_UNET MODEL [--size WxH] [--frames N] [--dtype bf16|f32] [--threads N] [--repeat N]

BENCH_CPU_UNET is the program of that name, built in release mode; MODEL a diffusers folder (any weights will do: only
the time is compared). Needs torch and diffusers. The two take turns, so that both see the same machine.
"""
import argparse
import re
import statistics
import subprocess
import time

import torch
from diffusers import UNetSpatioTemporalConditionModel


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("model")
    parser.add_argument("--size", default="256x256")
    parser.add_argument("--frames", type=int, default=14)
    parser.add_argument("--dtype", choices=("bf16", "f32"), default="bf16")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeat", type=int, default=3, help="forwards of each, in each of two turns")
    return parser.parse_args()


def load(args):
    dtype = torch.bfloat16 if args.dtype == "bf16" else torch.float32
    unet = UNetSpatioTemporalConditionModel.from_pretrained(args.model, subfolder="unet", torch_dtype=dtype)
    return unet.eval()


def forward_of(unet, args):
    width, height = (int(side) for side in args.size.split("x"))
    torch.manual_seed(0)
    x = torch.randn(1, args.frames, 8, height // 8, width // 8, dtype=unet.dtype)
    context = torch.randn(1, 1, 1024, dtype=unet.dtype)
    ids = torch.tensor([[6, 127, 0.02]], dtype=unet.dtype)
    return lambda: unet(x, torch.tensor(0.5, dtype=unet.dtype), context, ids).sample


def time_torch(forward, repeat):
    seconds = []
    with torch.inference_mode():
        for _ in range(repeat):
            begin = time.perf_counter()
            forward()
            seconds.append(time.perf_counter() - begin)
    return seconds


def time_packshot(args):
    command = [args.bench, args.model, "--size", args.size, "--frames", str(args.frames), "--dtype", args.dtype,
               "--threads", str(args.threads), "--repeat", str(args.repeat), "--shapes", "0"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(text.strip().splitlines()[-1])
    return float(re.search(r"median of \d+ ([0-9.]+) s", text).group(1))


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    unet = load(args)
    forward = forward_of(unet, args)
    time_torch(forward, 1)
    theirs, ours = [], []
    for _ in range(2):
        theirs += time_torch(forward, args.repeat)
        ours.append(time_packshot(args))
    median = statistics.median(theirs)
    print(f"PyTorch {torch.__version__} {args.dtype}, {args.threads} threads: median of {len(theirs)} {median:.3f} s, "
          f"least {min(theirs):.3f} s")
    print(f"packshot {args.dtype}: {statistics.median(ours):.3f} s; ratio {median / statistics.median(ours):.2f}")


if __name__ == "__main__":
    main()
