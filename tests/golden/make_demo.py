"""Goldens of the model that is shipped: diffusers' taps of one sample photo, small, in demo/.

    python make_demo.py

Run it when the weights are replaced. See README.md for the versions."""
import os

import torch
from diffusers import StableVideoDiffusionPipeline
from PIL import Image

import pipelines
from common import save, write_json

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = f"{HERE}/../../samples/demo-model"
PHOTO = "jar.png"
CALL = {"width": 96, "height": 64, "frames": 3, "fps": 7, "motion": 127, "noise_aug": 0.02, "steps": 1, "sigmas": None,
        "guidance_min": 1.0, "guidance_max": 1.0, "decode_chunk": 3, "seed": 4}


def main():
    torch.set_num_threads(1)
    pipe = StableVideoDiffusionPipeline.from_pretrained(MODEL, variant="fp16", torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    with torch.no_grad():
        taps = pipelines.run(pipe, Image.open(f"{HERE}/../../samples/photos/{PHOTO}").convert("RGB"), CALL)
    del taps["clip.pixel_values"], taps["vae.image"]
    os.makedirs(f"{HERE}/demo", exist_ok=True)
    save(f"{HERE}/demo/taps.safetensors", taps)
    write_json(f"{HERE}/demo/run.json", {**CALL, "photo": PHOTO})


if __name__ == "__main__":
    main()
