"""The whole recipe, stage after stage, from where it was:  python run.py --state DIR [--photos DIR]

SIGTERM saves and ends it; the same command goes on. While STATE/pause exists it waits."""
import argparse

import nets
from state import State, Stopped
from train import run_stage

# Stage and the step to take it to. Latents are fixed from the start, so decoder and UNet can take turns: the UNet is the
# long stage and is begun early.
TURNS = [("vae", 300), ("unet", 2500), ("vae", 3000), ("unet", 24000), ("decoder", 4000)]


def main():
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--state", required=True, help="directory of checkpoints, outside the repository")
    ask.add_argument("--photos", help="folder of photographs that the codec is also measured on")
    a = ask.parse_args()
    nets.settle()
    state = State(a.state)
    try:
        for stage, until in TURNS:
            run_stage(stage, state, until=until, photos=a.photos)
    except Stopped:
        state.log("stopped, saved")


if __name__ == "__main__":
    main()
