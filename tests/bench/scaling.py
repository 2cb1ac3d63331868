#!/usr/bin/env python3
"""How the time of one forward grows with pixels, frames and threads: three tables of packshot bench, each with the
exponent that the operations grow with beside the one of the time.

usage: scaling.py PACKSHOT [--part unet|decoder] [--device cpu] [--dtype T] [--model PATH] [--rounds N] [--turns N]
                  [--sides N,N,...] [--frames N,N,...] [--threads N,N,...]

PACKSHOT is the program, built in release mode; without --model the weights are random. Sizes are squares of `sides`
pixels at the middle number of frames; frames are counted at the middle side. Every turn measures each point once, so that
all points see the same machine; the least time of a point over the turns counts. An exponent is the slope of the
logarithm of the time (or of the operations) over that of the size, between two neighbours and, by least squares, over all.
"""
import argparse
import json
import math
import subprocess


def numbers(text):
    return [int(word) for word in text.split(",")]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("packshot")
    parser.add_argument("--part", choices=("unet", "decoder"), default="unet")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype")
    parser.add_argument("--model")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--sides", type=numbers, default=[128, 192, 256, 384])
    parser.add_argument("--frames", type=numbers, default=[4, 7, 14, 25])
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    return parser.parse_args()


def measure(args, side, frames, threads):
    """The event of packshot bench."""
    command = [args.packshot, "bench", "--json", "--quiet", "--device", args.device, "--part", args.part, "--width", side,
               "--height", side, "--frames", frames, "--threads", threads, "--rounds", args.rounds]
    if args.dtype:
        command += ["--dtype", args.dtype]
    if args.model:
        command += ["--model", args.model]
    text = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
    return json.loads(text.splitlines()[-1])


def slope(points):
    """Of the line through (log x, log y) with the least squares."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    mean_x, mean_y = (sum(column) / len(logs) for column in zip(*logs))
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)


def table(title, rows, expected):
    """rows: (label, size, told). `expected` is the exponent, or None where the operations tell it."""
    print(f"\n{title}\n{'':>12} {'seconds':>9} {'TFLOP':>8} {'GFLOP/s':>8} {'expected':>9} {'measured':>9}")
    before = None
    for label, size, told in rows:
        exponents = ""
        if before:
            grown = [(before[1], before[2]), (size, told)]
            wanted = slope([(s, t["flops"]) for s, t in grown]) if expected is None else expected
            exponents = f"{wanted:9.2f} {slope([(s, t['seconds']) for s, t in grown]):9.2f}"
        print(f"{label:>12} {told['seconds']:9.3f} {told['flops'] * 1e-12:8.3f} {told['flops_per_second'] * 1e-9:8.1f} {exponents}")
        before = label, size, told
    if len(rows) > 1:
        wanted = slope([(s, t["flops"]) for _, s, t in rows]) if expected is None else expected
        print(f"{'all':>12} {'':27} {wanted:9.2f} {slope([(s, t['seconds']) for _, s, t in rows]):9.2f}", flush=True)


def main():
    args = arguments()
    side, frames, threads = args.sides[len(args.sides) // 2], args.frames[len(args.frames) // 2], max(args.threads)
    points = {(s, frames, threads) for s in args.sides} | {(side, f, threads) for f in args.frames} | {(side, frames, t) for t in args.threads}
    best = {}
    for _ in range(args.turns):
        for point in sorted(points):
            told = measure(args, *point)
            if point not in best or told["seconds"] < best[point]["seconds"]:
                best[point] = told
    one = best[side, frames, threads]
    print(f"{args.part} on {one['device_name']}, {one['dtype']}")
    table(f"pixels ({frames} frames, {threads} threads)", [(f"{s}x{s}", s * s, best[s, frames, threads]) for s in args.sides], None)
    table(f"frames ({side}x{side}, {threads} threads)", [(str(f), f, best[side, f, threads]) for f in args.frames], None)
    table(f"threads ({side}x{side}, {frames} frames)", [(str(t), t, best[side, frames, t]) for t in args.threads], -1.0)


if __name__ == "__main__":
    main()
