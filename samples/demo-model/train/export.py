"""Writes the newest weights as a diffusers folder in half precision:  python export.py --state DIR --out FOLDER

Works at any time: with the moving averages of the moment, and without the decoder stage where it has not begun."""
import argparse
import json
from pathlib import Path

import diffusers
import torch
from diffusers import EulerDiscreteScheduler
from transformers import CLIPImageProcessor

import decoder
import edm
import unet
from state import State
from studio import clips

# What packshot takes where the caller says nothing; the model is trained for one step without guidance, and its last
# decoder steps in float32.
DEFAULTS = {"width": clips.WIDTH, "height": clips.HEIGHT, "frames": clips.FRAMES, "motion": 127, "steps": 1, "guidance": [1, 1],
            "bf16": False}
LIMIT = 32_000_000  # bytes of weights in all
NAMES = {"vae": ["diffusers", "AutoencoderKLTemporalDecoder"],
         "unet": ["diffusers", "UNetSpatioTemporalConditionModel"],
         "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
         "scheduler": ["diffusers", "EulerDiscreteScheduler"],
         "feature_extractor": ["transformers", "CLIPImageProcessor"]}


def scheduler():
    """SVD's published settings, but for the lowest sigma: a branch has never seen less noise than edm.HIGH, so that a
    schedule of several steps ends there."""
    return EulerDiscreteScheduler(
        num_train_timesteps=1000, prediction_type="v_prediction", use_karras_sigmas=True, sigma_min=edm.HIGH, sigma_max=edm.SIGMA_MAX,
        timestep_spacing="leading", timestep_type="continuous", steps_offset=1, beta_schedule="scaled_linear",
        beta_start=0.00085, beta_end=0.012)


def main():
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--state", required=True)
    ask.add_argument("--out", required=True)
    a = ask.parse_args()
    state, out = State(a.state, hold=False), Path(a.out)
    model = unet.load(state)
    for part, module in (("vae", decoder.load(state)), ("unet", model.unet), ("image_encoder", model.vision)):
        module.to("cpu", torch.float16).save_pretrained(out / part, safe_serialization=True)
        if part != "image_encoder":
            written = out / part / "diffusion_pytorch_model.safetensors"
            written.rename(written.with_name("diffusion_pytorch_model.fp16.safetensors"))
        else:
            (out / part / "model.safetensors").rename(out / part / "model.fp16.safetensors")
    scheduler().save_pretrained(out / "scheduler")
    CLIPImageProcessor().save_pretrained(out / "feature_extractor")
    index = {"_class_name": "StableVideoDiffusionPipeline", "_diffusers_version": diffusers.__version__, **NAMES}
    (out / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    (out / "packshot.json").write_text(json.dumps(DEFAULTS) + "\n")
    size = sum(p.stat().st_size for p in out.rglob("*.safetensors"))
    print(f"{out}: {size / 1e6:.2f} MB of weights")
    if size > LIMIT:
        raise SystemExit(f"more than {LIMIT / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
