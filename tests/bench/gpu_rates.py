#!/usr/bin/env python3
"""Rates of every variant of linear and conv at the shapes of SVD, and their share of a matrix product through PyTorch.

usage: gpu_rates.py BENCH_KERNELS [--device NAME] [--frames N] [--divide N] [--rounds N] [--type f16|f32]
                    [--variants A,B,...] [--tiles N] [--torch-device D] [--case PART OF A NAME]

One command for a machine with a GPU: builds need nothing more than the preset release. BENCH_KERNELS is the program of
tests/bench. For each variant it is run with --tsv, and around each run PyTorch multiplies bfloat16 matrices of the same rows,
columns and terms, so that both see the card in the same state; the share is of the median of both. The first line is what
the card reaches in PyTorch at 8192 x 8192 x 8192. --tiles N also tries each of N tiles of a variant alone. Needs torch; on a
machine without CUDA it multiplies on the processor (try --divide 64 --frames 1 --rounds 1).
"""
import argparse
import statistics
import subprocess
import time

import torch


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("--case", default="", help="a part of a case's name")
    parser.add_argument("--device")
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--divide", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--type", choices=("f16", "f32"), default="f16")
    parser.add_argument("--variants", default="own,portable,coop")
    parser.add_argument("--tiles", type=int, default=0)
    parser.add_argument("--torch-device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def product_rate(device, rows, columns, terms, rounds):
    """TFLOP/s of a bf16 product, the median of the rounds; each lasts some 20 ms or one product."""
    a = torch.randn(rows, terms, device=device, dtype=torch.bfloat16)
    b = torch.randn(terms, columns, device=device, dtype=torch.bfloat16)
    work = 2e-12 * rows * columns * terms
    repeats, rates = 1, []
    for _ in range(rounds + 2):
        wait(device)
        begin = time.perf_counter()
        for _ in range(repeats):
            a @ b
        wait(device)
        seconds = time.perf_counter() - begin
        rates.append(work * repeats / seconds)
        repeats = max(1, min(1000, int(0.02 * repeats / seconds)))
    return statistics.median(rates[2:])


def variant_rows(args, variant, tile):
    """What bench_kernels measures: (case, rows, columns, terms, TFLOP/s); empty where the device cannot run the variant."""
    command = [args.bench, "--tsv", "--type", args.type, "--rounds", str(args.rounds), "--frames", str(args.frames),
               "--divide", str(args.divide), "--variant", variant, "--tile", str(tile)]
    command += ["--device", args.device] if args.device else []
    result = subprocess.run(command + [args.case], capture_output=True, text=True)
    if result.returncode:
        print(f"{variant}: {result.stderr.strip()}")
    for line in result.stdout.splitlines():
        name, _, rows, columns, terms, rate = line.split("\t")
        yield name, int(rows), int(columns), int(terms), float(rate) / 1000


def main():
    args = arguments()
    size = 8192 if args.torch_device == "cuda" else 512
    ceiling = product_rate(args.torch_device, size, size, size, args.rounds)
    print(f"PyTorch {torch.__version__} on {args.torch_device}, bf16 {size} x {size} x {size}: {ceiling:.2f} TFLOP/s")
    before = {}
    print(f"{'variant':12} {'case':44} {'rows x columns, terms':24} {'TFLOP/s':>9} {'PyTorch':>9} {'share':>6} {'of 8192':>8}")
    for variant in args.variants.split(","):
        for tile in range(args.tiles + 1):
            for name, rows, columns, terms, rate in list(variant_rows(args, variant, tile)):
                after = product_rate(args.torch_device, rows, columns, terms, args.rounds)
                peer = statistics.median([before.get(name, after), after])
                before[name] = after
                shape = f"{rows} x {columns}, {terms}"
                label = variant if not tile else f"{variant} tile {tile}"
                print(f"{label:12} {name:44} {shape:24} {rate:9.3f} {peer:9.3f} {rate / peer:6.0%} {rate / ceiling:8.0%}",
                      flush=True)


if __name__ == "__main__":
    main()
