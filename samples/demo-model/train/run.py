"""The whole recipe, stage after stage, from where it was:  python run.py --state DIR [--photos DIR]

SIGTERM saves and ends it; the same command goes on. While STATE/pause exists it waits."""
import argparse

import decoder
import nets
import unet
import vae
from state import State, Stopped

# Each round takes the codec and the UNet's trunk to a step, branches a UNet off there whose learning rate falls to zero,
# and fits the decoder to it: a model to export. The next round goes on with the trunk as if nothing had happened.
ROUNDS = [{"vae": 1446, "unet": 2127, "cooldown": 600, "decoder": 150},
          {"vae": 3000, "unet": 6000, "cooldown": 1200, "decoder": 600},
          {"vae": 3000, "unet": 16000, "cooldown": 3000, "decoder": 3000}]


def main():
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--state", required=True, help="directory of checkpoints, outside the repository")
    ask.add_argument("--photos", help="folder of photographs that the codec is also measured on")
    a = ask.parse_args()
    nets.settle()
    state = State(a.state)
    try:
        for part in ROUNDS:
            vae.train(state, part["vae"], a.photos)
            unet.train(state, part["unet"])
            unet.cool(state, part["unet"], part["cooldown"])
            decoder.train(state, part["unet"], part["decoder"], a.photos)
    except Stopped:
        state.log("stopped, saved")


if __name__ == "__main__":
    main()
