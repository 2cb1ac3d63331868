"""Full-size goldens: SVD-XT's shapes with formula weights. Usage: python make_fullsize.py FOLDER

Writes FOLDER as a diffusers checkpoint in float16 (4.5 GB, not for the
repository) and, into full/ beside this script, its recipes and what diffusers
computes from those weights in float32 at 128x128 pixels and two frames. With
the recipes, `fill full FOLDER` makes the same checkpoint without Python.
Needs about 11 GB of memory; one model is in memory at a time.
"""

import gc
import os
import sys
import time

import torch
from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, UNetSpatioTemporalConditionModel
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

import recipe
from blocks import tower_input
from common import check, normal, save, write_json
from configs import SCHEDULER, unet, vae

HERE = os.path.dirname(os.path.abspath(__file__))
ROW_STEP = 8  # of the decoded frames, 393 kB otherwise

UNET = unet([320, 640, 1280, 1280], [1, 1, 1, 0], [0, 1, 1, 1], 2, [5, 10, 20, 20], 1024, 25, add_dim=256)
VAE = vae([128, 256, 512, 512], 2)
CLIP = dict(
    hidden_size=1280,
    intermediate_size=5120,
    num_hidden_layers=32,
    num_attention_heads=16,
    patch_size=14,
    image_size=224,
    projection_dim=1024,
    hidden_act="gelu",
)


def run_unet(model):
    inputs = {
        "sample": normal(1, 1, 2, 8, 16, 16),
        "timestep": torch.tensor(0.25) * torch.tensor(54.5).log(),
        "encoder_hidden_states": normal(2, 1, 1, 1024),
        "added_time_ids": torch.tensor([[6.0, 127.0, 0.02]]),
    }
    y = model(**inputs, return_dict=False)[0]
    return {"unet": {**{"input." + k: v for k, v in inputs.items()}, "output": y}}


def encoder_input():
    """[1, 3, 128, 128] in [-1, 1): a formula, to keep it out of the file."""
    i = torch.arange(3 * 128 * 128, dtype=torch.int64).reshape(1, 3, 128, 128)
    return ((i * 7919) % 1009).float() / 512 - 1


def run_vae(model):
    latents = model.encode(encoder_input()).latent_dist.mode()
    z = normal(3, 2, 4, 16, 16) * 3
    frames = model.decode(z, num_frames=2).sample
    return {"encoder": {"output": latents}, "decoder": {"input.z": z, "output.rows": frames[:, :, ::ROW_STEP]}}


def run_clip(model):
    return {"clip": {"output": model(pixel_values=tower_input()).image_embeds}}


PARTS = (
    ("unet", lambda: UNetSpatioTemporalConditionModel(**UNET), run_unet, "diffusion_pytorch_model"),
    ("vae", lambda: AutoencoderKLTemporalDecoder(**VAE), run_vae, "diffusion_pytorch_model"),
    ("image_encoder", lambda: CLIPVisionModelWithProjection(CLIPVisionConfig(**CLIP)), run_clip, "model"),
)


def main(folder):
    goldens = f"{HERE}/full"
    torch.set_num_threads(2)
    for name, build, run, file in PARTS:
        began = time.monotonic()
        model = build()
        table = recipe.fill_module(model, f"full/{name}/")
        os.makedirs(f"{goldens}/{name}", exist_ok=True)
        recipe.write_table(f"{goldens}/{name}/{file}.recipe", f"full/{name}/", "F16", table)
        with torch.no_grad():
            for part, tensors in run(model).items():
                for key, value in tensors.items():
                    check(f"full {part} {key}", value)
                    print(f"{part:8s} {key:28s} {list(value.shape)} std {float(value.std()) if value.numel() > 1 else 0:.4f}")
                save(f"{goldens}/{part}.safetensors", tensors)
        model.half()
        if name == "image_encoder":
            model.config.architectures = [type(model).__name__]
        model.save_pretrained(f"{folder}/{name}", max_shard_size="20GB")
        for place in (folder, goldens):
            write_config(model, name, place)
        print(f"{name}: {sum(p.numel() for p in model.parameters()):,} parameters, {time.monotonic() - began:.0f} s")
        del model
        gc.collect()
    for place in (folder, goldens):
        EulerDiscreteScheduler(**SCHEDULER).save_config(f"{place}/scheduler")
        CLIPImageProcessor().save_pretrained(f"{place}/feature_extractor")
        write_json(f"{place}/model_index.json", INDEX)


def write_config(model, name, place):
    (model.config.save_pretrained if name == "image_encoder" else model.save_config)(f"{place}/{name}")


INDEX = {
    "_class_name": "StableVideoDiffusionPipeline",
    "feature_extractor": ["transformers", "CLIPImageProcessor"],
    "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "unet": ["diffusers", "UNetSpatioTemporalConditionModel"],
    "vae": ["diffusers", "AutoencoderKLTemporalDecoder"],
}

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
