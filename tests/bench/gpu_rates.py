#!/usr/bin/env python3
"""Rates of every variant of linear, conv and attention at the shapes of SVD, beside PyTorch on the same card.

usage: gpu_rates.py BENCH_KERNELS [--case PART OF A NAME] [--device NAME] [--frames N] [--divide N] [--rounds N]
                    [--type f16|f32] [--variants A,B,...] [--tiles N] [--large GFLOP] [--torch-device D]

One command for a machine with a GPU: builds need nothing more than the preset release. BENCH_KERNELS is the program of
tests/bench. For each variant it is run with --tsv, and around each run PyTorch computes the same sizes, so that both see the
card in the same state; the share is of the median of both. Beside a product PyTorch multiplies bfloat16 matrices of the same
rows, columns and terms; beside attention it is scaled_dot_product_attention on float16 in the same memory layout (queries,
keys and values are views of one tensor [frames, pixels, 3, heads, channels]). The last columns are shares of what the card
reaches at best: of PyTorch's product of 8192 x 8192 x 8192, and of multiply-adds without loads in float32 (bench_kernels
--ceilings), which no variant with matrix units is bound by. The first lines say what those are, and what multiply-adds in
pairs of float16 reach, which no variant uses: all sum in float32.

At the end stand the goals, each met or not met: on every product of at least --large GFLOP (100) the best of coop and coop2
reaches 55 % of PyTorch's ceiling, and portable 50 % of the multiply-adds'.

"own" is a kernel's own shader, which is made for processors; the table says which shader ran, since "own" also runs what a
variant does not take. --tiles N also tries each of the first N tiles of a variant alone. --case "svd attention" runs the
shapes of attention at 1024 x 576 alone, --case "" all others. Exit 1 where a run of bench_kernels failed; a variant that the
card cannot run is told and passed over. Needs torch; on a machine without CUDA it works on the processor (try
--divide 72 --frames 1 --rounds 1 --large 0).
"""
import argparse
import statistics
import subprocess
import sys
import time

import torch
from torch.nn.functional import scaled_dot_product_attention

CANNOT = 77  # bench_kernels' exit status where the device cannot run a variant


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("--case", help="a part of a case's name; without it all run, those for GPUs too")
    parser.add_argument("--device")
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--divide", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--type", choices=("f16", "f32"), default="f16")
    parser.add_argument("--variants", default="own,portable,coop,coop2")
    parser.add_argument("--tiles", type=int, default=0)
    parser.add_argument("--large", type=float, default=100, help="GFLOP of a product that the goals are for")
    parser.add_argument("--torch-device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def rate_of(device, call, flops, rounds):
    """TFLOP/s, the median of the rounds; each lasts some 20 ms or one call."""
    def wait():
        if device == "cuda":
            torch.cuda.synchronize()

    repeats, rates = 1, []
    for _ in range(rounds + 2):
        wait()
        begin = time.perf_counter()
        for _ in range(repeats):
            call()
        wait()
        seconds = time.perf_counter() - begin
        rates.append(1e-12 * flops * repeats / seconds)
        repeats = max(1, min(1000, int(0.02 * repeats / seconds)))
    return statistics.median(rates[2:])


def product_rate(device, rounds, rows, columns, terms):
    a = torch.randn(rows, terms, device=device, dtype=torch.bfloat16)
    b = torch.randn(terms, columns, device=device, dtype=torch.bfloat16)
    return rate_of(device, lambda: a @ b, 2 * rows * columns * terms, rounds)


def attention_rate(device, rounds, problems, heads, tokens, channels, over_time):
    frames, pixels = (tokens, problems) if over_time else (problems, tokens)
    qkv = torch.randn(frames, pixels, 3, heads, channels, device=device, dtype=torch.float16)
    q, k, v = (part.permute(1, 2, 0, 3) if over_time else part.permute(0, 2, 1, 3) for part in qkv.unbind(2))
    return rate_of(device, lambda: scaled_dot_product_attention(q, k, v), 4 * problems * heads * tokens * tokens * channels,
                   rounds)


def peer_rate(args, name, sizes):
    if len(sizes) == 3:
        return product_rate(args.torch_device, args.rounds, *sizes)
    return attention_rate(args.torch_device, args.rounds, *sizes, "pixels" in name)


def text_of(sizes):
    if len(sizes) == 3:
        return "%d x %d, %d" % sizes
    return "%d x %d, %d x %d" % sizes


def variant_rows(args, case, variant, tile):
    """What bench_kernels measures, (case, sizes, shader, TFLOP/s) each, none where the device cannot run the variant; and whether
    it ran to its end."""
    command = [args.bench, "--tsv", "--type", args.type, "--rounds", str(args.rounds), "--frames", str(args.frames),
               "--divide", str(args.divide), "--variant", variant, "--tile", str(tile)]
    command += ["--device", args.device] if args.device else []
    result = subprocess.run(command + [case], capture_output=True, text=True)
    if result.returncode:
        print(f"{variant}: {'' if result.returncode == CANNOT else 'FAILED: '}{result.stderr.strip()}", flush=True)
    rows = []
    for line in result.stdout.splitlines():
        name, _, *sizes, shader, rate = line.split("\t")
        rows.append((name, tuple(int(size) for size in sizes), shader, float(rate) / 1000))
    return rows, result.returncode in (0, CANNOT)


def multiply_adds(args):
    """TFLOP/s of multiply-adds without loads, by type; one that the device lacks is missing."""
    command = [args.bench, "--ceilings"] + (["--device", args.device] if args.device else [])
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name: float(rate) / 1000 for name, rate in (line.split("\t") for line in result.stdout.splitlines())}


def is_large(args, sizes):
    return len(sizes) == 3 and 2e-9 * sizes[0] * sizes[1] * sizes[2] >= args.large


def judge(what, shares, goal):
    """shares: {case: share}; the goal is for the least of them."""
    if not shares:
        print(f"goal: {what} at least {goal:.0%}: not measured")
        return
    worst = min(shares, key=shares.get)
    print(f"goal: {what} at least {goal:.0%}: {'met' if shares[worst] >= goal else 'not met'}, median "
          f"{statistics.median(shares.values()):.1%}, least {shares[worst]:.1%} ({worst}), of {len(shares)}")


def judge_all(args, rates, ceiling, fma):
    """rates: {(variant, case): TFLOP/s} of large products with the tile that packshot chooses."""
    matrices, portable = {}, {}
    for (variant, case), rate in rates.items():
        if variant in ("coop", "coop2"):
            matrices[case] = max(matrices.get(case, 0), rate / ceiling)
        elif variant == "portable":
            portable[case] = rate / fma
    judge(f"{args.type}, matrix units on large products, of PyTorch's ceiling", matrices, 0.55)
    judge(f"{args.type}, portable on large products, of float32 multiply-adds", portable, 0.50)


def main():
    args = arguments()
    # bench_kernels runs what is for GPUs only where it is named.
    cases = ["", "svd"] if args.case is None else [args.case]
    size = 8192 if args.torch_device == "cuda" else 512
    ceiling = product_rate(args.torch_device, args.rounds, size, size, size)
    print(f"PyTorch {torch.__version__} on {args.torch_device}, bf16 {size} x {size} x {size}: {ceiling:.3f} TFLOP/s")
    adds = multiply_adds(args)
    print("multiply-adds without loads: " + ", ".join(f"{name} {rate:.3f} TFLOP/s" for name, rate in adds.items()))
    before, rates, whole = {}, {}, True
    print(f"{'variant':14} {'shader that ran':18} {'case':46} {'rows x columns, terms':30} {'TFLOP/s':>9} {'PyTorch':>9} "
          f"{'share':>6} {'of ' + str(size):>8} {'of adds':>8}")
    for variant in args.variants.split(","):
        for tile in range(args.tiles + 1):
            runs = [variant_rows(args, case, variant, tile) for case in cases]
            whole = whole and all(ended for _, ended in runs)
            for name, sizes, shader, rate in (row for rows, _ in runs for row in rows):
                after = peer_rate(args, name, sizes)
                peer = statistics.median([before.get(name, after), after])
                before[name] = after
                label = variant if not tile else f"{variant} tile {tile}"
                print(f"{label:14} {shader:18} {name:46} {text_of(sizes):30} {rate:9.3f} {peer:9.3f} {rate / peer:6.0%} "
                      f"{rate / ceiling:8.0%} {rate / adds['f32']:8.0%}", flush=True)
                # "own" runs what a variant does not take.
                if not tile and is_large(args, sizes) and variant in shader.split("_"):
                    rates[variant, name] = rate
    judge_all(args, rates, ceiling, adds["f32"])
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
