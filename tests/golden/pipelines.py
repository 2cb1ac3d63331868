"""Toy pipelines: builds them, runs diffusers' StableVideoDiffusionPipeline on
them with hooks, and writes the folder, the noise and the taps."""

import os

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLTemporalDecoder,
    EulerDiscreteScheduler,
    StableVideoDiffusionPipeline,
    UNetSpatioTemporalConditionModel,
)
from diffusers.schedulers import scheduling_euler_discrete
from PIL import Image
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

import recipe
from common import check, distance, photo, read_json, save, write_json
from configs import PIPELINES, SCHEDULER

PARTS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "image_encoder": "model"}


def build(name):
    """The pipeline with formula weights, and {part: {tensor: (shape, spec)}}."""
    config = PIPELINES[name]
    if config.get("image_decoder"):
        vae = AutoencoderKL(up_block_types=["UpDecoderBlock2D"] * len(config["vae"]["block_out_channels"]), **config["vae"])
    else:
        vae = AutoencoderKLTemporalDecoder(**config["vae"])
    pipe = StableVideoDiffusionPipeline(
        vae=vae,
        image_encoder=CLIPVisionModelWithProjection(CLIPVisionConfig(attn_implementation="sdpa", **config["clip"])),
        unet=UNetSpatioTemporalConditionModel(**config["unet"]),
        scheduler=EulerDiscreteScheduler(**SCHEDULER),
        feature_extractor=CLIPImageProcessor(),
    )
    pipe.set_progress_bar_config(disable=True)
    tables = {part: recipe.fill_module(getattr(pipe, part), f"{name}/{part}/") for part in PARTS}
    return pipe, tables


class _Torch64:
    """Stands in for torch inside the scheduler module: its float32 is float64."""

    float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


def _hooked(pipe, taps):
    """Wraps what the pipeline calls so that taps fills up; returns the undo."""
    vae, scheduler = pipe.vae, pipe.scheduler
    encode, step, decode = vae.encode, scheduler.step, pipe.decode_latents
    double = pipe.unet.dtype == torch.float64

    def clip_hook(module, args, kwargs, output):
        taps["clip.pixel_values"] = (args[0] if args else kwargs["pixel_values"]).clone()
        taps["clip.image_embeds"] = output.image_embeds.clone()

    def tapped_encode(x, *args, **kwargs):
        taps["vae.image"] = x.clone()
        out = encode(x, *args, **kwargs)
        taps["vae.image_latents"] = out.latent_dist.mode().clone()
        return out

    def tapped_step(v, t, x, *args, **kwargs):
        n = scheduler.step_index
        taps[f"unet.v.{n}"] = v.clone()
        # step() rounds the sample to float32; the float64 run must not.
        if double:
            scheduling_euler_discrete.torch = _Torch64()
        try:
            out = step(v, t, x, *args, **kwargs)
        finally:
            scheduling_euler_discrete.torch = torch
        taps[f"latents.{n}"] = out.prev_sample.clone()
        return out

    def tapped_decode(latents, num_frames, chunk):
        frames = decode(latents, num_frames, chunk)
        taps["decoder.frames"] = frames[0].permute(1, 0, 2, 3).contiguous()
        return frames

    handle = pipe.image_encoder.register_forward_hook(clip_hook, with_kwargs=True)
    vae.encode, scheduler.step, pipe.decode_latents = tapped_encode, tapped_step, tapped_decode

    def undo():
        handle.remove()
        vae.encode, scheduler.step, pipe.decode_latents = encode, step, decode

    return undo


def run(pipe, image, params, latents=None):
    """One call of the pipeline; returns the taps in diffusers' layout and order."""
    taps = {}
    undo = _hooked(pipe, taps)
    try:
        pipe(
            image,
            height=params["height"],
            width=params["width"],
            num_frames=params["frames"],
            num_inference_steps=params["steps"],
            sigmas=params["sigmas"],
            min_guidance_scale=params["guidance_min"],
            max_guidance_scale=params["guidance_max"],
            fps=params["fps"],
            motion_bucket_id=params["motion"],
            noise_aug_strength=params["noise_aug"],
            decode_chunk_size=params["decode_chunk"],
            generator=torch.Generator().manual_seed(params["seed"]),
            latents=latents,
            output_type="pt",
        )
    finally:
        undo()
    return taps


def draw_noise(pipe, params):
    """What the pipeline draws from its generator, in its order."""
    g = torch.Generator().manual_seed(params["seed"])
    w, h, f = params["width"], params["height"], pipe.vae_scale_factor
    image = torch.randn((1, 3, h, w), generator=g)
    latents = torch.randn((1, params["frames"], pipe.unet.config.out_channels, h // f, w // f), generator=g)
    return {"noise.image": image, "noise.latents": latents}


def judge(name, pipe, picture, params, taps):
    """Stops on goldens that could not catch a mistake."""
    for tap, value in taps.items():
        check(f"{name} {tap}", value)
    frames = taps["decoder.frames"]
    if frames.shape[0] > 1 and float((frames[1:] - frames[:-1]).std()) < 1e-2:
        raise SystemExit(f"{name}: all frames are alike")
    if not 0.1 < float(frames.std()) < 2 or float((frames.abs() > 1).float().mean()) > 0.5:
        raise SystemExit(f"{name}: frames out of range, deviation {float(frames.std())}")
    other = run(pipe, picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), params)
    for tap in ("clip.image_embeds", "vae.image_latents", "unet.v.0", "decoder.frames"):
        if distance(other[tap], taps[tap]) < 1e-3:
            raise SystemExit(f"{name}: {tap} does not depend on the photo")


def write_folder(folder, name, pipe, tables):
    pipe.save_config(folder)
    index = read_json(f"{folder}/model_index.json")
    index["feature_extractor"][1] = "CLIPImageProcessor"  # not the name of its torchvision-free variant
    write_json(f"{folder}/model_index.json", index)
    for part, table in tables.items():
        os.makedirs(f"{folder}/{part}", exist_ok=True)
        model = getattr(pipe, part)
        save_config = model.config.save_pretrained if part == "image_encoder" else model.save_config
        if part == "image_encoder":
            model.config.architectures = [type(model).__name__]
        save_config(f"{folder}/{part}")
        dtype = PIPELINES[name]["dtype"]
        recipe.write_table(f"{folder}/{part}/{PARTS[part]}.recipe", f"{name}/{part}/", dtype, table)
    pipe.scheduler.save_config(f"{folder}/scheduler")
    pipe.feature_extractor.save_pretrained(f"{folder}/feature_extractor")


def make(name, out):
    folder = f"{out}/pipelines/{name}"
    os.makedirs(folder, exist_ok=True)
    pipe, tables = build(name)
    params = PIPELINES[name]["run"]
    write_folder(folder, name, pipe, tables)
    picture = Image.fromarray(photo(*params["photo"], noise=4))
    picture.save(f"{folder}/photo.png", optimize=True)

    taps = run(pipe, picture, params)
    noise = draw_noise(pipe, params)
    again = run(pipe, picture, params, latents=noise["noise.latents"])
    assert all(torch.equal(again[k], taps[k]) for k in taps), "the noise file is not what the seed draws"
    judge(name, pipe, picture, params, taps)

    pipe.unet.double(), pipe.vae.double(), pipe.image_encoder.double()
    exact = run(pipe, picture, params, latents=noise["noise.latents"].double())
    distances = {k: distance(taps[k], exact[k]) for k in taps}

    save(f"{folder}/noise.safetensors", noise)
    if not PIPELINES[name].get("pixel_values"):
        del taps["clip.pixel_values"]  # 602 kB each; one of them and image/ are enough
    save(f"{folder}/taps.safetensors", taps)
    record = {k: v for k, v in params.items() if v is not None}
    record["photo"] = "photo.png"
    record["distance"] = distances
    write_json(f"{folder}/run.json", record)
    for k in taps:
        print(f"{name:6s} {k:20s} {str(list(taps[k].shape)):24s} std {float(taps[k].std()):9.4f}  f32-f64 {distances[k]:.1e}")
    return pipe, tables
