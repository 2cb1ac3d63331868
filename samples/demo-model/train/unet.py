"""Stage 2: the UNet and its vision tower, jointly. Motion follows from photo, frame and bucket alone, so most of the
stage regresses the clip in one step from high sigma; lower sigmas join in the last third, for schedules of 2 to 4 steps.

The gate is the moving error on held-out clips: latent error of the one-step clip in the cells that move, over the error
of repeating the photo there."""
import time

import numpy as np
import torch
from PIL import Image

import edm
import linear
import measure
import nets
import start
import windows
from feed import Feed
from master import Master, averages
from state import Stopped
from studio import EVAL_CLIPS, clips

LR, WARM, DECAY = 1.5e-3, 100, 0.2   # constant after the warm-up, then linearly to zero over the last share
LOW_FROM, LOW_SHARE = 0.66, 0.3      # lower sigmas: from this share of the steps, so many of the draws
MOVING_WEIGHT = 5                    # of cells that move, in the loss
EVAL_EVERY = 250
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)  # CLIP's normalisation
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


class Model:
    """UNet and vision tower, called as the pipeline calls them."""

    def __init__(self):
        self.device = nets.device()
        self.unet, self.vision = nets.make_unet(), nets.make_vision()
        start.still(self.unet)
        self.where = nets.lean(self.unet)
        for module in self.modules().values():
            module.to(self.device)

    def modules(self):
        return {"unet": self.unet, "vision": self.vision}

    def embed(self, looks):
        """[n, 1, EMBED] from uint8 [n, 3, 224, 224]."""
        x = (looks.float() / 255 - MEAN) / STD
        return self.vision(x.to(self.device, self.vision.dtype)).image_embeds.unsqueeze(1)

    def __call__(self, x, photo, sigma, embedding, bucket, frames):
        """v [n, f, c, h, w]; frames [n, f] are the true frame numbers."""
        self.where["frames"] = frames.reshape(-1).to(self.device)
        dtype = self.unet.dtype
        ids = torch.stack([torch.full_like(bucket, edm.FPS_ID), bucket, torch.full_like(bucket, edm.NOISE_AUG)], 1)
        return self.unet(edm.network_input(x, photo, sigma).to(dtype), (0.25 * sigma.log()).to(self.device),
                         encoder_hidden_states=embedding.to(dtype), added_time_ids=ids.to(self.device),
                         return_dict=False)[0].float()


def learning_rate(step, total):
    return LR * min(1.0, (step + 1) / WARM, max(0.0, total - step) / (DECAY * total))


def loss_of(model, data, low_share, generator):
    z, photo = data["z"].to(model.device), data["photo"].to(model.device)
    sigma = edm.draw_sigmas(len(z), low_share, generator).to(model.device)
    x = z + edm.along(sigma) * torch.randn(z.shape, generator=generator).to(z)
    v = model(x, photo, sigma, model.embed(data["look"]), data["bucket"], data["frames"])
    moves = ((z - photo.unsqueeze(1)).abs().mean(2, keepdim=True) > measure.MOVING).float()
    weight = 1 + (MOVING_WEIGHT - 1) * moves
    return (weight / weight.mean() * (v - edm.target(x, z, sigma)).square()).mean()


@torch.no_grad()
def predict(model, item, steps, bucket=None):
    """Latents [25, c, h, w] of a window's photo in the given number of steps, for its own bucket or another."""
    bucket = (item["bucket"] if bucket is None else torch.tensor(float(bucket)))[None]
    embedding, frames = model.embed(item["look"][None]), torch.arange(clips.FRAMES)[None]

    def network(x, photo, sigma):
        return model(x, photo, sigma, embedding, bucket, frames)

    photo = item["photo"][None].to(model.device)
    return edm.sample(network, photo, clips.FRAMES, steps, torch.Generator().manual_seed(1))[0].cpu()


class Gate:
    """Held-out clips at bucket 127."""

    def __init__(self, codec, family):
        self.codec, self.family = codec, family
        self.items = [windows.window(codec, family, s, 127.0, range(clips.FRAMES)) for s in EVAL_CLIPS]

    def figures(self, model, steps=1):
        sums, ratios = np.zeros(4), []
        for item in self.items:
            s = measure.moving_sums(predict(model, item, steps), item["z"], item["photo"])
            sums += s
            ratios.append(s[0] / max(s[1], 1e-6))
        return {"moving": float(sums[0] / max(sums[1], 1e-6)), "all": float(sums[2] / sums[3]), "worst": max(ratios)}

    def amounts(self, model):
        """Root mean square distance from the first frame at three buckets: it should grow from 0."""
        made = [predict(model, self.items[0], 1, b) for b in (0, 127, 255)]
        return dict(zip(("rms0", "rms127", "rms255"), [float((m - m[:1]).square().mean().sqrt()) for m in made]))

    def sheet(self, state, model, rows=4, steps=1):
        """STATE/unet.png: true frames above predicted ones, both through the linear codec."""
        strips = []
        for item in self.items[:rows]:
            for z in (item["z"], predict(model, item, steps)):
                strips.append(np.concatenate(list(measure.to_pictures(self.codec.decode(z[::6]))), 1))
        Image.fromarray(np.concatenate(strips)).save(state.path / "unet.png")


def load(state):
    """The model with its averaged weights, bfloat16."""
    kept = state.load("unet")
    if not kept:
        raise SystemExit("the unet stage has not begun")
    model = Model()
    for prefix, module in model.modules().items():
        module.load_state_dict({**module.state_dict(), **averages(kept, prefix)})
        module.to(torch.bfloat16).requires_grad_(False)
    return model


def train(state, steps, until, family="sweep", scale=None):
    """Goes on to step `until` of a schedule of `steps`."""
    meta = state.meta("unet")
    step, before = meta.get("step", 0), meta.get("seconds", 0.0) - time.process_time()
    if step >= until:
        return
    torch.manual_seed(0)
    cuda = nets.device().type == "cuda"
    scale = scale or (8 if cuda else 1)
    codec = linear.load(state)
    model = Model()
    master = Master(model.modules(), muon=True)
    kept = state.load("unet")
    if kept:
        master.restore(kept, step)
    gate = Gate(codec, family)
    state.log(f"unet: {nets.count(model.unet) / 1e6:.2f} M and {nets.count(model.vision) / 1e6:.2f} M parameters, "
              f"{family}, from step {step}")
    feed = Feed(lambda n: windows.batch(codec, family, n, steps, scale), step, threads=8 if cuda else 1, state=state)
    losses = []
    while step < until:
        state.wait()
        low = LOW_SHARE if step >= LOW_FROM * steps else 0.0
        loss = loss_of(model, feed.take(), low, torch.Generator().manual_seed(step))
        loss.backward()
        if not low:  # as long as all sigmas are high, the noisy latents stay unseen
            model.unet.conv_in.weight.grad[:, :nets.CHANNELS] = 0
        master.step(learning_rate(step, steps))
        losses.append(loss.item())
        step += 1
        seconds = before + time.process_time()
        if step % 50 == 0:
            state.log(f"unet {step}/{steps} {seconds:.0f} s loss {np.mean(losses[-50:]):.4f}")
        if step % EVAL_EVERY == 0 or step == until:
            with master.averaged():
                figures = {**gate.figures(model), **gate.amounts(model)}
                if low:
                    figures.update({f"moving{n}": gate.figures(model, n)["moving"] for n in (2, 4)})
                gate.sheet(state, model)
            state.gate("unet", step, seconds, **figures)
        if state.save_due() or step == until:
            state.save("unet", step, master.tensors(), seconds=seconds, family=family)
            if state.stop_asked:
                raise Stopped
