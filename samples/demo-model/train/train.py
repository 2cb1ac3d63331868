"""One stage of the demo model's training:  python train.py vae|unet|decoder --state DIR [--steps N] [--photos DIR]"""
import argparse

import nets
from state import State, Stopped

# Steps of each stage's schedule on one CPU core.
STEPS = {"vae": 3000, "unet": 24000, "decoder": 4000}


def run_stage(name, state, steps=None, until=None, photos=None):
    """Goes on with a stage up to step `until` (all of it by default) of a schedule of `steps`."""
    steps = steps or STEPS[name]
    until = min(until or steps, steps)
    if name == "vae":
        import vae
        vae.train(state, steps, until, photos)
    elif name == "unet":
        import unet
        unet.train(state, steps, until)
    else:
        import decoder
        decoder.train(state, steps, until, photos)


def main():
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("stage", choices=list(STEPS))
    ask.add_argument("--state", required=True, help="directory of checkpoints, outside the repository")
    ask.add_argument("--steps", type=int, help="steps of the stage's schedule")
    ask.add_argument("--until", type=int, help="stop at this step of it")
    ask.add_argument("--photos", help="folder of photographs that the codec is also measured on")
    a = ask.parse_args()
    nets.settle()
    try:
        run_stage(a.stage, State(a.state), a.steps, a.until, a.photos)
    except Stopped:
        pass


if __name__ == "__main__":
    main()
