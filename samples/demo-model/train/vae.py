"""Stage 1: the codec, picture by picture. The encoder is the linear codec, so latents are fixed from the first step on;
the decoder learns, its temporal layers stay identities until stage 3.

The gate is the linear codec itself, on held-out renders (whole frame and product) and on photographs."""
import math
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

import linear
import measure
import nets
import start
from feed import Feed
from master import Master, averages
from state import Stopped
from studio import EVAL_PICTURES, clips, textures

CROPS = 4               # a step
CROP, SMALL = 96, 64    # pixels; the first SMALL_SHARE of the steps is done on small crops, which cost half
SMALL_SHARE = 0.4
TEXTURE_SHARE = 0.4
NOISE = 0.05            # on the latents, whose mean square is 1
EVAL_EVERY = 300
STEPS = 3000            # of the schedule, on one CPU core
LR, LR_LAST, WARM = 1e-3, 2e-5, 20


def batch(step, scale, size):
    """uint8 [n, h, w, 3]: crops of renders and of textures, every fifth time (among large ones) whole frames."""
    rng = np.random.default_rng((7, step))
    if step % 5 == 0 and size == CROP:
        return np.stack([clips.picture(step * 64 + k) for k in range(scale)])
    out = []
    for k in range(scale * CROPS // 2):
        source = textures.texture(rng) if rng.random() < TEXTURE_SHARE else clips.picture(step * 64 + k)
        for _ in range(2):
            y = int(rng.integers(0, (clips.HEIGHT - size) // 8 + 1)) * 8  # whole patches
            x = int(np.clip(round(rng.normal((clips.WIDTH - size) / 16, 6)), 0, (clips.WIDTH - size) // 8)) * 8
            crop = source[y:y + size, x:x + size]
            out.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    return np.stack(out)


def photographs(folder):
    """float [n, 3, h, w] of the pictures in a folder, cropped to the clip's size; None without a folder."""
    if not folder:
        return None
    found = [ImageOps.fit(Image.open(p).convert("RGB"), (clips.WIDTH, clips.HEIGHT)) for p in sorted(Path(folder).iterdir())
             if p.suffix.lower() in (".png", ".jpg", ".jpeg")]
    return measure.to_tensor(np.stack([np.asarray(p) for p in found])) if found else None


class Gate:
    """Held-out pictures and what the linear codec makes of them."""

    def __init__(self, codec, photos):
        self.renders = measure.to_tensor(np.stack([clips.picture(s) for s in EVAL_PICTURES]))
        self.photos = photographs(photos)
        self.linear = self.figures(codec.round_trip)

    def figures(self, codec):
        made = codec(self.renders)
        box = measure.PRODUCT_BOX
        out = {"whole": float(measure.psnr(made, self.renders).mean()),
               "product": float(measure.psnr(made[box], self.renders[box]).mean()),
               "ssim": float(measure.ssim(made, self.renders).mean())}
        if self.photos is not None:
            out["photos"] = float(measure.psnr(codec(self.photos), self.photos).mean())
        return out

    def passed(self, figures):
        return all(figures[k] > v for k, v in self.linear.items())

    def sheet(self, state, codec):
        """STATE/vae.png: held-out pictures above what the codec makes of them."""
        shown = self.renders[:6] if self.photos is None else torch.cat([self.renders[:4], self.photos[:2]])
        rows = [np.concatenate(list(measure.to_pictures(x)), 1) for x in (shown, codec(shown))]
        Image.fromarray(np.concatenate(rows)).save(state.path / "vae.png")


@torch.no_grad()
def round_trip(vae, x):
    """Through encoder and decoder as networks, the encoder in float32."""
    device, dtype = vae.quant_conv.weight.device, vae.decoder.conv_in.weight.dtype
    made = [nets.decode_frames(vae, nets.encode(vae, p.to(device)).to(dtype)) for p in x.split(2)]
    return torch.cat(made).float().clamp(-1, 1).cpu()


def learning_rate(step, total):
    warm = min(1.0, (step + 1) / WARM)
    return LR_LAST + (LR * warm - LR_LAST) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))


def build(codec, kept=None):
    """The codec as a network: as it starts, or with the decoder of a checkpoint."""
    torch.manual_seed(0)
    vae = nets.make_vae()
    start.straight(vae, codec)
    if kept:
        vae.decoder.load_state_dict({**vae.decoder.state_dict(), **averages(kept, "decoder")})
    return vae


def load(state):
    """The newest codec, float32."""
    return build(linear.load(state), state.load("vae")).requires_grad_(False).eval()


def train(state, until, photos=None, scale=None, steps=STEPS):
    """Goes on to step `until` of a schedule of `steps`."""
    meta = state.meta("vae")
    step, before = meta.get("step", 0), meta.get("seconds", 0.0) - time.process_time()
    if step >= until:
        return
    cuda = nets.device().type == "cuda"
    scale = scale or (8 if cuda else 1)
    codec = linear.load(state)
    vae = build(codec).to(nets.device())
    for p in [*vae.encoder.parameters(), *vae.quant_conv.parameters(), *nets.temporal_parameters(vae)]:
        p.requires_grad_(False)
    master = Master({"decoder": vae.decoder}, betas=(0.9, 0.99), muon=True)
    kept = state.load("vae")
    if kept:
        master.restore(kept, step)
    gate = Gate(codec, photos)
    state.log(f"vae: {nets.count(vae) / 1e6:.2f} M parameters, from step {step}; linear codec {gate.linear}")
    losses = []

    def make(n):
        return batch(n, scale, SMALL if n < SMALL_SHARE * steps else CROP)

    with Feed(make, step, threads=8 if cuda else 1, state=state) as feed:
        while step < until:
            state.wait()
            x = measure.to_tensor(feed.take())
            z = codec.encode(x)
            z = z + NOISE * torch.randn(z.shape, generator=torch.Generator().manual_seed(step))
            x, z = x.to(nets.device()), z.to(nets.device(), torch.bfloat16)
            loss = measure.picture_loss(nets.decode_frames(vae, z).float(), x, 0.1 if step > steps // 2 else 0.0)
            loss.backward()
            master.step(learning_rate(step, steps))
            losses.append(loss.item())
            step += 1
            seconds = before + time.process_time()
            if step % 50 == 0:
                state.log(f"vae {step}/{steps} {seconds:.0f} s loss {np.mean(losses[-50:]):.4f}")
            if step % EVAL_EVERY == 0 or step == until:
                with master.averaged():
                    figures = gate.figures(lambda p: round_trip(vae, p))
                    gate.sheet(state, lambda p: round_trip(vae, p))
                state.gate("vae", step, seconds, **figures, passed=gate.passed(figures))
            if state.save_due() or step == until:
                state.save("vae", step, master.tensors(), seconds=seconds)
                if state.stop_asked:
                    raise Stopped
