"""Stage 3: the decoder on what the UNet really makes, against the true frames, with its temporal layers. The encoder
and the UNet stay as they are. Part of the batches are true latents, and textures with and without the UNet, so that
photographs keep their decoding."""
import math
import time

import numpy as np
import torch
from PIL import Image

import linear
import measure
import nets
import unet as motion
import vae as stills
import windows
from feed import Feed
from master import Master, averages
from state import Stopped
from studio import EVAL_CLIPS, clips, textures

CHUNK, CELLS = 5, 12        # frames and latent cells of a step's block
REUSE = 4                   # steps for each clip that the UNet has made
TRUE_SHARE = 0.3            # of the steps: encoded pictures instead of made ones, half of them textures
TEXTURE_SHARE = 0.25        # of the clips that the UNet has made: a texture is the photo
FIRST = 50_000_000          # seed of the first clip
LR, LR_LAST, WARM = 3e-4, 1e-5, 0.1  # warm-up: share of the steps
# The last steps run in float32, as the model is shown: bfloat16 rounds so coarsely that the decoder learns to make up for
# it, which is a tint in float32 (0.04 of -1..1 in blue), and SSIM of true latents is 0.970 instead of 0.981.
EXACT_SHARE, EXACT_LR, EXACT_EMA = 0.1, 1e-4, 0.95
STRUCTURE, CHANGE = 1.0, 1.0  # weights of 1 - SSIM, and of how the picture changes from frame to frame
EVAL_EVERY = 500


class Source:
    """Clips with the UNet's one-step latents."""

    def __init__(self, state, coarse):
        """coarse: so many clips for training are made in bfloat16, those after them in float32."""
        self.codec, self.family, self.coarse = linear.load(state), state.meta("unet")["family"], coarse
        self.model, self.exact = motion.load(state), motion.load(state)
        for module in self.exact.modules().values():
            module.float()

    def clip(self, seed, bucket, model):
        """Pixels uint8 [frames, h, w, 3] and made latents [frames, c, h, w]."""
        item = windows.window(self.codec, self.family, seed, bucket, [0])
        return clips.clip(seed, self.family, bucket), motion.predict(model, item, 1)

    def still(self, seed, bucket, model, picture):
        """The same of a picture whose clip is known at bucket 0, and in its first frame at any other."""
        item = windows.texture_window(self.codec, picture, seed, bucket, [0])
        return np.stack([picture] * (1 if bucket else clips.FRAMES)), motion.predict(model, item, 1)

    def training(self, n):
        rng = np.random.default_rng((17, n))
        bucket = 127.0 if rng.random() < 0.4 else float(round(rng.uniform(1, 255)))
        model, texture = self.model if n < self.coarse else self.exact, textures.texture(rng)
        if rng.random() < TEXTURE_SHARE:
            pixels, made = self.still(FIRST + n, bucket * int(rng.integers(2)), model, texture)
        else:
            pixels, made = self.clip(FIRST + n, bucket, model)
        return {"pixels": pixels, "made": made, "texture": np.stack([texture] * CHUNK)}


def block(codec, item, rng):
    """One block of latents [CHUNK, c, CELLS, CELLS] and its pixels [k, 3, h, w]; of a clip known in its first frame alone,
    k is 1."""
    kind, known = rng.random(), len(item["pixels"])
    if kind < TRUE_SHARE / 2 or (kind < TRUE_SHARE and known < CHUNK):
        pixels, z = item["texture"], None
    else:
        first = int(rng.integers(known - CHUNK + 1)) if known >= CHUNK else 0
        pixels = item["pixels"][first:first + CHUNK]
        z = None if kind < TRUE_SHARE else item["made"][first:first + CHUNK]
    x = measure.to_tensor(pixels)
    z = codec.encode(x) if z is None else z
    rows, columns = z.shape[-2:]
    top = int(rng.integers(rows - CELLS + 1))
    left = int(np.clip(round(rng.normal((columns - CELLS) / 2, columns / 6)), 0, columns - CELLS))
    s = nets.SHRINK
    return z[:, :, top:top + CELLS, left:left + CELLS], x[:, :, top * s:(top + CELLS) * s, left * s:(left + CELLS) * s]


def loss_of(y, x):
    """Of made pictures y against the first of them that are known, x."""
    y = y[:len(x)]
    loss = measure.picture_loss(y, x, STRUCTURE)
    if len(x) > 1:
        loss = loss + CHANGE * ((y[1:] - y[:-1]) - (x[1:] - x[:-1])).abs().mean()
    return loss


def decode(vae, z):
    """Pictures of a clip's latents [frames, c, h, w], through the temporal layers."""
    z = z.to(vae.decoder.conv_in.weight)
    return vae.decode(z, num_frames=len(z)).sample


def learning_rate(step, total):
    coarse = (1 - EXACT_SHARE) * total
    if step >= coarse:
        return EXACT_LR * (1 - (step - coarse) / (total - coarse))
    warm, total = min(1.0, (step + 1) / (WARM * total)), coarse
    return LR_LAST + (LR * warm - LR_LAST) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))


@torch.no_grad()
def figures_of(state, vae, held, photos):
    """Made clips against true ones, still photos against themselves; STATE/decoder.png."""
    rows, strips = [], []
    for pixels, made in held:
        true = measure.to_tensor(pixels)
        y = decode(vae, made).float().clamp(-1, 1).cpu()
        still = true[:1].expand_as(true)
        moved = ((true - still).abs().amax((0, 1)) > 0.06).float()
        quiet = (1 - moved) * 127.5
        flicker = float((((y[1:] - y[:-1]) * quiet).square().sum() / (3 * (len(y) - 1) * (1 - moved).sum() + 1)).sqrt())
        rows.append([float(measure.ssim(y, true)[1:].mean()), float(measure.ssim(still, true)[1:].mean()),
                     measure.psnr_where(y, true, moved), measure.psnr_where(still, true, moved),
                     float(measure.psnr(y[:1], true[:1])), flicker])
        strips += [np.concatenate(list(measure.to_pictures(p[::6])), 1) for p in (true, y)]
    Image.fromarray(np.concatenate(strips)).save(state.path / "decoder.png")
    f = np.mean(rows, 0).tolist()
    out = {"ssim": f[0], "still_ssim": f[1], "moving_dB": f[2], "still_dB": f[3], "first_dB": f[4], "flicker": f[5]}
    if photos is not None:
        device = vae.quant_conv.weight.device
        seen = [nets.encode(vae, p[None].to(device)).expand(CHUNK, -1, -1, -1) for p in photos]
        back = torch.cat([decode(vae, z)[:1].float().clamp(-1, 1).cpu() for z in seen])
        out["photos"] = float(measure.psnr(back, photos).mean())
    return out


def load(state):
    """The codec with the newest decoder, float32."""
    vae, stage = stills.load(state), state.latest("decoder")
    if stage:
        vae.decoder.load_state_dict({**vae.decoder.state_dict(), **averages(state.load(stage), "decoder")})
    return vae


def train(state, first, steps, photos=None):
    """Trains, or goes on to train, the decoder for the UNet branch of trunk step `first`, for `steps` steps in all."""
    stage, branch = f"decoder-{first}", state.latest("cooldown")
    meta = state.meta(stage)
    step, before = meta.get("step", 0), meta.get("seconds", 0.0) - time.process_time()
    if step >= steps or branch != f"cooldown-{first}":  # a later branch has a decoder of its own
        return
    device = nets.device()
    vae = load(state).to(device)  # from the decoder of the branch before, where there is one
    vae.decoder.requires_grad_(True)
    nets.flatten_time(vae)
    nets.exact_end(vae.decoder)
    master = Master({"decoder": vae.decoder}, betas=(0.9, 0.99), ema=1 - 1 / (0.1 * steps), muon=True)
    kept = state.load(stage)
    if kept:
        master.restore(kept, step)
    coarse = round((1 - EXACT_SHARE) * steps)
    source = Source(state, coarse // REUSE)
    held = [source.clip(s, 127.0, source.exact) for s in list(EVAL_CLIPS)[:3]]
    pictures = stills.photographs(photos)
    state.log(f"{stage}: from step {step}; before {figures_of(state, vae, held, pictures)}")
    items, losses = [], []
    with Feed(source.training, step // REUSE, ahead=4, state=state) as feed:
        while step < steps:
            state.wait()
            if step % REUSE == 0 or not items:
                items = [*items[-7:], feed.take()]
            if step >= coarse:
                master.ema = EXACT_EMA
                vae.decoder.float()
            rng = np.random.default_rng((19, step))
            z, x = block(source.codec, items[int(rng.integers(len(items)))], rng)
            loss = loss_of(decode(vae, z.to(device)).float(), x.to(device))
            loss.backward()
            master.step(learning_rate(step, steps))
            losses.append(loss.item())
            step += 1
            seconds = before + time.process_time()
            if step % 50 == 0:
                state.log(f"{stage} {step}/{steps} {seconds:.0f} s loss {np.mean(losses[-50:]):.4f}")
            if step % EVAL_EVERY == 0 or step == steps:
                with master.averaged():
                    state.gate(stage, step, seconds, **figures_of(state, vae, held, pictures))
            if state.save_due() or step == steps:
                state.save(stage, step, master.tensors(), seconds=seconds)
                if state.stop_asked:
                    raise Stopped
