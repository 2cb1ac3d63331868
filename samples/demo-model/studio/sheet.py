"""Contact sheet of the studio: one row a seed, five frames of each clip. Also times the families."""
import argparse
import sys
import time

import numpy as np
from PIL import Image

import clips


def main():
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("family", choices=clips.FAMILIES)
    ask.add_argument("out")
    ask.add_argument("--rows", type=int, default=6)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--bucket", type=int, default=127)
    ask.add_argument("--kind")
    a = ask.parse_args()
    rows, spent = [], 0.0
    for k in range(a.rows):
        start = time.perf_counter()
        clip = clips.clip(a.seed + k, a.family, a.bucket, kind=a.kind)
        spent += time.perf_counter() - start
        rows.append(np.concatenate(list(clip[::6]), 1))
    Image.fromarray(np.concatenate(rows)).save(a.out)
    print(f"{a.family}: {spent / a.rows:.3f} s a clip", file=sys.stderr)


if __name__ == "__main__":
    main()
