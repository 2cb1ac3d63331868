"""An exported folder, whole pipeline, against held-out clips, the still photo, and the best zoom or pan; as Markdown.

    python evaluate.py --model FOLDER [--packshot PROGRAM] [--clips 8] [--steps 1,2,4] [--photos FOLDER] [--sheet FILE]

Clips are made by diffusers, or by packshot where its program is given, which takes a fraction of the time."""
import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLTemporalDecoder
from PIL import Image, ImageOps
from safetensors.torch import load_file

import measure
import nets
from stills import best_zoom_pan
from studio import HELD_OUT, clips

FIRST = HELD_OUT + 5000  # apart from the clips of the training's gates
BUCKETS = (0, 64, 127, 191, 255)
MOVED = 0.06             # of -1..1: what changes by more in any frame of the true clip moves


class Diffusers:
    """Clips of a folder by diffusers' pipeline in float32: uint8 photo to float [25, 3, h, w] in -1..1."""

    def __init__(self, model):
        from diffusers import StableVideoDiffusionPipeline
        self.pipe = StableVideoDiffusionPipeline.from_pretrained(model, variant="fp16", torch_dtype=torch.float32)
        self.pipe.set_progress_bar_config(disable=True)

    def __call__(self, photo, bucket, steps, seed):
        made = self.pipe(Image.fromarray(photo), height=clips.HEIGHT, width=clips.WIDTH, num_frames=clips.FRAMES, fps=7,
                         motion_bucket_id=bucket, noise_aug_strength=0.02, num_inference_steps=steps, min_guidance_scale=1.0,
                         max_guidance_scale=1.0, decode_chunk_size=clips.FRAMES, generator=torch.manual_seed(seed),
                         output_type="np").frames[0]
        return torch.from_numpy(made).permute(0, 3, 1, 2).float() * 2 - 1


class Packshot:
    """The same by packshot on this machine's processor, in its default type."""

    def __init__(self, model, program):
        self.model, self.program = model, program

    def __call__(self, photo, bucket, steps, seed):
        with tempfile.TemporaryDirectory() as folder:
            photo_file, clip, taps = (str(Path(folder) / name) for name in ("photo.png", "clip.mp4", "taps.safetensors"))
            Image.fromarray(photo).save(photo_file)
            subprocess.run([self.program, "render", photo_file, "-o", clip, "--model", self.model, "--taps", taps, "--device", "cpu",
                            "--motion", str(bucket), "--steps", str(steps), "--guidance", "1:1", "--seed", str(seed),
                            "--width", str(clips.WIDTH), "--height", str(clips.HEIGHT), "--frames", str(clips.FRAMES), "--quiet"],
                           check=True)
            return load_file(taps)["decoder.frames"].float().clamp(-1, 1)


def strip(pictures):
    return np.concatenate(list(measure.to_pictures(pictures[::6])), 1)


def compare(made, true, moved):
    """SSIM and moving-region PSNR of frames 1.."""
    return float(measure.ssim(made, true)[1:].mean()), measure.psnr_where(made[1:], true[1:], moved)


def unrest(made, moved):
    """Root mean square difference of neighbouring frames where the true clip rests, in 1/255."""
    still = 1 - moved
    return float((((made[1:] - made[:-1]).square() * still).sum() / (len(made) - 1) / 3 / still.sum().clamp(min=1)).sqrt() * 127.5)


def held_out(make, count, steps):
    """Prints the table of held-out clips; returns strips: true, then one for each number of steps."""
    rows, strips, resting = {"still photo": [], "best zoom or pan": []}, [], []
    for seed in range(FIRST, FIRST + count):
        pixels = clips.clip(seed, "sweep", 127)
        true = measure.to_tensor(pixels)
        still = true[:1].expand_as(true)
        moved = ((true - still).abs().amax((0, 1)) > MOVED).float()
        rows["still photo"].append(compare(still, true, moved))
        rows["best zoom or pan"].append(compare(best_zoom_pan(true), true, moved))
        resting.append(unrest(true, moved))
        strips.append(strip(true))
        for n in steps:
            made = make(pixels[0], 127, n, seed)
            strips.append(strip(made))
            rows.setdefault(f"{n} step" + "s" * (n > 1), []).append(
                (*compare(made, true, moved), float(measure.psnr(made[:1], true[:1])), unrest(made, moved),
                 *(float(measure.psnr(made[k:k + 1], true[k:k + 1])) for k in (6, 12, 24))))
    bar = np.maximum(np.array(rows["still photo"]), np.array(rows["best zoom or pan"]))
    print(f"{count} held-out clips, bucket 127; mean over clips. PSNR in dB.\n")
    print("| clip made by | SSIM | PSNR where it moves | better than both in both | frame 0 | frame 6 | frame 12 | frame 24 | unrest, /255 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, values in rows.items():
        v, shown = np.array(values), ["", "", "", "", "", ""]
        mean = v.mean(0)
        if v.shape[1] > 2:
            shown = [f"{np.mean((v[:, :2] > bar).all(1)):.0%}", *(f"{mean[k]:.1f}" for k in (2, 4, 5, 6)), f"{mean[3]:.2f}"]
        print(f"| {name} | {mean[0]:.4f} | {mean[1]:.2f} | {' | '.join(shown)} |")
    print(f"\nUnrest of the true clips: {np.mean(resting):.2f}/255.")
    return strips


def far(frames):
    """Root mean square difference of the last frame from the first, in 1/255."""
    return float((frames[-1] - frames[0]).square().mean().sqrt() * 127.5)


def way(frames):
    """The same from each sixth frame to the next, added up: light that comes back after its largest effect adds to it."""
    return sum(far(frames[k:k + 7:6]) for k in range(0, clips.FRAMES - 6, 6))


def amounts(make, count):
    """Prints how far a clip goes by bucket, beside the true one: its last frame from the first, and all the way."""
    made, true = [], []
    for k in range(count):
        pixels = [clips.clip(FIRST + 100 + k, "sweep", b) for b in BUCKETS]
        true.append([measure.to_tensor(p) for p in pixels])
        made.append([make(pixels[0][0], b, 1, k) for b in BUCKETS])
    for name, measured in (("Last frame from the first", far), ("Each sixth frame from the one before, added up", way)):
        print(f"\n{name}, root mean square in 1/255, by motion bucket:\n")
        print("| photo | " + " | ".join(f"{b}, true" for b in BUCKETS) + " |\n" + "|---" * (len(BUCKETS) + 1) + "|")
        for k in range(count):
            pairs = [f"{measured(m):.1f}, {measured(t):.1f}" for m, t in zip(made[k], true[k])]
            print(f"| {k} | {' | '.join(pairs)} |")


def codec_alone(model):
    """The folder's codec in float32, as a function of a photo [1, 3, h, w] in -1..1: a still clip's first frame."""
    vae = AutoencoderKLTemporalDecoder.from_pretrained(model, subfolder="vae", variant="fp16", torch_dtype=torch.float32)

    def through(photo):
        with torch.no_grad():
            z = vae.encode(photo).latent_dist.mean.expand(5, -1, -1, -1)
            return vae.decode(z, num_frames=len(z)).sample[:1].clamp(-1, 1)
    return through


def photographs(make, model, folder):
    """Prints the first frame's PSNR of pictures that the studio has not made, and what the codec alone leaves of them;
    returns strips."""
    strips, through, rows = [], codec_alone(model), []
    print("\n| picture | frame 0 against the picture, dB | codec alone |\n|---|---|---|")
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
            continue
        pixels = np.asarray(ImageOps.fit(Image.open(path).convert("RGB"), (clips.WIDTH, clips.HEIGHT), Image.Resampling.LANCZOS))
        made, photo = make(pixels, 127, 1, 0), measure.to_tensor(pixels[None])
        strips.append(strip(made))
        rows.append([float(measure.psnr(p, photo)) for p in (made[:1], through(photo))])
        print(f"| {path.stem} | {rows[-1][0]:.1f} | {rows[-1][1]:.1f} |")
    print("| mean | {:.1f} | {:.1f} |".format(*np.mean(rows, 0)))
    return strips


def main():
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", required=True)
    ask.add_argument("--packshot", help="packshot's program, to make the clips with instead of diffusers")
    ask.add_argument("--clips", type=int, default=8)
    ask.add_argument("--steps", default="1,2,4")
    ask.add_argument("--amounts", type=int, default=2, help="photos that motion buckets are tried on")
    ask.add_argument("--photos", help="folder of pictures")
    ask.add_argument("--sheet", help="contact sheet to write: five frames a row")
    a = ask.parse_args()
    nets.settle()
    make = Packshot(a.model, a.packshot) if a.packshot else Diffusers(a.model)
    strips = held_out(make, a.clips, [int(n) for n in a.steps.split(",")])
    if a.amounts:
        amounts(make, a.amounts)
    if a.photos:
        strips += photographs(make, a.model, a.photos)
    if a.sheet:
        Image.fromarray(np.concatenate(strips)).save(a.sheet)


if __name__ == "__main__":
    main()
