"""Resize goldens: the vision tower's preprocessing and PIL's Lanczos.

The photos are formulas (common.photo, noise 64), so only results are stored.
"""

import os

import torch
from diffusers.pipelines.stable_video_diffusion.pipeline_stable_video_diffusion import _resize_with_antialiasing
from diffusers.video_processor import VideoProcessor
from PIL import Image
from transformers import CLIPImageProcessor

from common import check, photo, save

# width, height: down by real-photo factors, up, one axis only, and not at all
CLIP_SIZES = [(1024, 576), (3000, 2000), (100, 80), (640, 480), (231, 500), (224, 224), (9, 300)]
ROW_STEP = 16

LANCZOS = [  # from width, height to width, height
    ((1024, 576), (128, 72)),
    ((100, 80), (176, 136)),
    ((3000, 2000), (64, 40)),
    ((37, 53), (96, 96)),
    ((123, 77), (72, 40)),
    ((260, 150), (260, 40)),
    ((64, 90), (48, 90)),
    ((5, 3), (16, 24)),
    ((1, 1), (8, 8)),
]


def clip_pixel_values(picture):
    """StableVideoDiffusionPipeline._encode_image up to the tower, [1, 3, 224, 224]."""
    x = VideoProcessor.numpy_to_pt(VideoProcessor.pil_to_numpy(picture)) * 2.0 - 1.0
    x = (_resize_with_antialiasing(x, (224, 224)) + 1.0) / 2.0
    return CLIPImageProcessor()(
        images=x, do_normalize=True, do_center_crop=False, do_resize=False, do_rescale=False, return_tensors="pt"
    ).pixel_values


def make(out):
    folder = f"{out}/image"
    os.makedirs(folder, exist_ok=True)
    tensors = {}
    for w, h in CLIP_SIZES:
        x = clip_pixel_values(Image.fromarray(photo(w, h)))[0]
        check(f"clip {w}x{h}", x)
        tensors[f"{w}x{h}.rows"] = x[:, ::ROW_STEP]
        tensors[f"{w}x{h}.row_sums"] = x.double().sum(-1)
    note = f"rows: every {ROW_STEP}th row of pixel_values [3,224,224]; row_sums: the sum of every row, [3,224]"
    save(f"{folder}/clip.safetensors", tensors, {"note": note})

    tensors = {}
    for (w, h), (to_w, to_h) in LANCZOS:
        picture = Image.fromarray(photo(w, h)).resize((to_w, to_h), Image.Resampling.LANCZOS)
        tensors[f"{w}x{h}.{to_w}x{to_h}"] = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).reshape(to_h, to_w, 3)
    save(f"{folder}/lanczos.safetensors", tensors, {"note": "FROM.TO, width x height; values [h,w,3]"})

    # A corner of each photo, so that a wrong formula is found before a wrong resize.
    tensors = {}
    for w, h in sorted(set(CLIP_SIZES) | {source for source, _ in LANCZOS}):
        tensors[f"{w}x{h}"] = torch.from_numpy(photo(w, h)[[0, -1], :8].copy())
    save(f"{folder}/photos.safetensors", tensors, {"note": "rows 0 and h-1, the first 8 columns, [2,8,3]"})
