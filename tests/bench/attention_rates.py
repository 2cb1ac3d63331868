#!/usr/bin/env python3
"""Rates of every variant of attention at the shapes of SVD at 1024 x 576, beside PyTorch's scaled_dot_product_attention.

usage: attention_rates.py BENCH_KERNELS [--device NAME] [--frames N] [--divide N] [--rounds N] [--variants A,B,...]
                          [--tiles N] [--torch-device D] [--case PART OF A NAME]

One command for a machine with a GPU: builds need nothing more than the preset release. BENCH_KERNELS is the program of
tests/bench. For each variant it is run with --tsv, and around each run PyTorch works on float16 of the same sizes, in the
same memory layout (queries, keys and values are views of one tensor [frames, pixels, 3, heads, channels]), so that both see
the card in the same state; the share is of the median of both. "own" is the kernel's own shader, which is made for
processors; as "attention" it also runs what a variant does not take. --tiles N also tries each of the first N shapes of a
variant alone (pipeline/vk/flash.c). Needs torch; on a machine without CUDA it works on the processor (try --divide 72
--frames 1 --rounds 1).
"""
import argparse
import statistics
import subprocess
import time

import torch
from torch.nn.functional import scaled_dot_product_attention


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("--case", default="svd attention", help="a part of a case's name")
    parser.add_argument("--device")
    parser.add_argument("--frames", type=int, default=25, help="of a spatial case")
    parser.add_argument("--divide", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--variants", default="own,portable,coop,coop2")
    parser.add_argument("--tiles", type=int, default=0)
    parser.add_argument("--torch-device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def torch_rate(device, problems, heads, tokens, channels, over_time, rounds):
    """TFLOP/s, the median of the rounds; each lasts some 20 ms or one call."""
    frames, pixels = (tokens, problems) if over_time else (problems, tokens)
    qkv = torch.randn(frames, pixels, 3, heads, channels, device=device, dtype=torch.float16)
    q, k, v = (part.permute(1, 2, 0, 3) if over_time else part.permute(0, 2, 1, 3) for part in qkv.unbind(2))
    work = 4e-12 * problems * heads * tokens * tokens * channels
    repeats, rates = 1, []
    for _ in range(rounds + 2):
        wait(device)
        begin = time.perf_counter()
        for _ in range(repeats):
            scaled_dot_product_attention(q, k, v)
        wait(device)
        seconds = time.perf_counter() - begin
        rates.append(work * repeats / seconds)
        repeats = max(1, min(1000, int(0.02 * repeats / seconds)))
    return statistics.median(rates[2:])


def variant_rows(args, variant, tile):
    """What bench_kernels measures: (case, problems, heads, tokens, channels, shader, TFLOP/s)."""
    command = [args.bench, "--tsv", "--type", "f16", "--rounds", str(args.rounds), "--frames", str(args.frames),
               "--divide", str(args.divide), "--variant", variant, "--tile", str(tile)]
    command += ["--device", args.device] if args.device else []
    result = subprocess.run(command + [args.case], capture_output=True, text=True)
    if result.returncode:
        print(f"{variant}: {result.stderr.strip()}")
    for line in result.stdout.splitlines():
        name, _, *sizes, shader, rate = line.split("\t")
        yield name, *(int(size) for size in sizes), shader, float(rate) / 1000


def main():
    args = arguments()
    print(f"PyTorch {torch.__version__} on {args.torch_device}")
    before = {}
    print(f"{'variant':14} {'shader that ran':18} {'case':46} {'problems x heads, tokens x channels':38} {'TFLOP/s':>9} "
          f"{'PyTorch':>9} {'share':>6}")
    for variant in args.variants.split(","):
        for tile in range(args.tiles + 1):
            for name, problems, heads, tokens, channels, shader, rate in list(variant_rows(args, variant, tile)):
                after = torch_rate(args.torch_device, problems, heads, tokens, channels, "pixels" in name, args.rounds)
                peer = statistics.median([before.get(name, after), after])
                before[name] = after
                shape = f"{problems} x {heads}, {tokens} x {channels}"
                label = variant if not tile else f"{variant} tile {tile}"
                print(f"{label:14} {shader:18} {name:46} {shape:38} {rate:9.3f} {peer:9.3f} {rate / peer:6.0%}",
                      flush=True)


if __name__ == "__main__":
    main()
