"""One stage of the demo model's training:  python train.py vae|unet|cooldown|decoder --state DIR --steps N [--photos DIR]

vae and unet go on to step N. cooldown branches off where the UNet's trunk is now, for N steps; decoder fits the decoder
to the newest branch, in N steps."""
import argparse

import decoder
import nets
import unet
import vae
from state import State, Stopped


def main():
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("stage", choices=["vae", "unet", "cooldown", "decoder"])
    ask.add_argument("--state", required=True, help="directory of checkpoints, outside the repository")
    ask.add_argument("--steps", type=int, required=True)
    ask.add_argument("--photos", help="folder of photographs that the codec is also measured on")
    a = ask.parse_args()
    nets.settle()
    state = State(a.state)
    try:
        if a.stage == "vae":
            vae.train(state, a.steps, a.photos)
        elif a.stage == "unet":
            unet.train(state, a.steps)
        elif a.stage == "cooldown":
            unet.cool(state, state.meta("unet")["step"], a.steps)
        else:
            decoder.train(state, state.meta(state.latest("cooldown"))["trunk"], a.steps, a.photos)
    except Stopped:
        pass


if __name__ == "__main__":
    main()
