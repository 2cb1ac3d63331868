"""Stage 2: the UNet and its vision tower, jointly. Motion follows from photo, frame and bucket alone, so the stage
regresses the clip in one step from high sigma; lower sigmas join late, for schedules of 2 to 4 steps.

The trunk goes on at one learning rate for as long as there is time. What is shown is a branch: from some step of the
trunk the rate falls to zero over a few hundred steps, and the trunk is kept as it was, to be gone on with. A branch is
for one step: it is shown high sigmas alone, and its noisy latents stay unseen.

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

LR, WARM = 1.5e-3, 100
LEVEL_CLIPS, LEVEL_BUCKETS = 720_000_000, (127, 127, 60, 200, 127, 0, 127, 90, 127, 240)  # first seed, one clip a bucket
LOW_FROM, LOW_SHARE = 8000, 0.3      # lower sigmas: from this step of the trunk, so many of the draws
BRANCH_EMA = 0.1                     # of a branch's length: the horizon of its moving average
MOVING_WEIGHT = 5                    # of cells that move, in the loss
EVAL_EVERY = 500
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


def falling(step, total):
    """Learning rate of a branch: 1 - sqrt ends lower than a line, as most of its steps are small."""
    return LR * (1 - (step / total) ** 0.5)


def loss_of(model, data, low_share, generator):
    z, photo = data["z"].to(model.device), data["photo"].to(model.device)
    sigma = edm.draw_sigmas(len(z), low_share, generator).to(model.device)
    x = z + edm.along(sigma) * torch.randn(z.shape, generator=generator).to(z)
    v = model(x, photo, sigma, model.embed(data["look"]), data["bucket"], data["frames"])
    moves = ((z - photo.unsqueeze(1)).abs().mean(2, keepdim=True) > measure.MOVING).float()
    weight = (1 + (MOVING_WEIGHT - 1) * moves) * data["counts"].to(model.device)[:, :, None, None, None]
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
        self.made = [predict(model, item, steps) for item in self.items]
        for item, made in zip(self.items, self.made):
            s = measure.moving_sums(made, item["z"], item["photo"])
            sums += s
            ratios.append(s[0] / max(s[1], 1e-6))
        return {"moving": float(sums[0] / max(sums[1], 1e-6)), "all": float(sums[2] / sums[3]), "worst": max(ratios)}

    def amounts(self, model):
        """Root mean square distance from the first frame at three buckets: it should grow from 0."""
        made = [predict(model, self.items[0], 1, b) for b in (0, 127, 255)]
        return dict(zip(("rms0", "rms127", "rms255"), [float((m - m[:1]).square().mean().sqrt()) for m in made]))

    def sheet(self, state, rows=4):
        """STATE/unet.png: true frames above those that were measured last, both through the linear codec."""
        strips = []
        for item, made in zip(self.items[:rows], self.made):
            for z in (item["z"], made):
                strips.append(np.concatenate(list(measure.to_pictures(self.codec.decode(z[::6]))), 1))
        Image.fromarray(np.concatenate(strips)).save(state.path / "unet.png")


def load(state):
    """The newest branch, or the trunk where there is none: averaged weights, bfloat16."""
    kept = state.load(state.latest("cooldown") or "unet")
    if not kept:
        raise SystemExit("the unet stage has not begun")
    model = Model()
    for prefix, module in model.modules().items():
        module.load_state_dict({**module.state_dict(), **averages(kept, prefix)})
        module.to(torch.bfloat16).requires_grad_(False)
    return model


class Course:
    """Steps of the trunk or of a branch: what they have in common."""

    def __init__(self, state, stage, family, ema, scale):
        torch.manual_seed(0)
        self.state, self.stage, self.family = state, stage, family
        self.threads = 8 if nets.device().type == "cuda" else 1
        self.scale = scale or self.threads
        self.codec = linear.load(state)
        self.model = Model()
        self.master = Master(self.model.modules(), ema=ema, muon=True)
        self.meta = state.meta(stage)
        self.before = self.meta.get("seconds", 0.0) - time.process_time()

    def learn(self, data, step, low, rate):
        loss = loss_of(self.model, data, low, torch.Generator().manual_seed(step))
        loss.backward()
        if not low:  # as long as all sigmas are high, the noisy latents stay unseen
            self.model.unet.conv_in.weight.grad[:, :nets.CHANNELS] = 0
        self.master.step(rate)
        return loss.item()

    def measure(self, gate, step, low):
        with self.master.averaged():
            figures = {**gate.figures(self.model), **gate.amounts(self.model)}
            gate.sheet(self.state)
            if low:
                figures.update({f"moving{n}": gate.figures(self.model, n)["moving"] for n in (2, 4)})
        self.state.gate(self.stage, step, self.before + time.process_time(), **figures)

    def run(self, step, until, first, rate, branch=False, **meta):
        """Steps `step` to `until` of a course whose step 0 is step `first` of the trunk; rate(step) -> learning rate."""
        state, losses, gate = self.state, [], Gate(self.codec, self.family)

        def make(n):
            return windows.batch(self.codec, self.family, n, self.scale, branch)

        state.log(f"{self.stage}: {nets.count(self.model.unet) / 1e6:.2f} M and {nets.count(self.model.vision) / 1e6:.2f} M "
                  f"parameters, {self.family}, from step {step}")
        with Feed(make, first + step, threads=self.threads, state=state) as feed:
            while step < until:
                state.wait()
                low = LOW_SHARE if not branch and step >= LOW_FROM else 0.0
                losses.append(self.learn(feed.take(), first + step, low, rate(step)))
                step += 1
                if step % 50 == 0:
                    seconds = self.before + time.process_time()
                    state.log(f"{self.stage} {step}/{until} {seconds:.0f} s loss {np.mean(losses[-50:]):.4f}")
                if step % EVAL_EVERY == 0 or step == until:
                    self.measure(gate, step, low)
                if state.save_due() or step == until:
                    state.save(self.stage, step, self.master.tensors(), seconds=self.before + time.process_time(),
                               family=self.family, **meta)
                    if state.stop_asked:
                        raise Stopped


def train(state, until, family="sweep", scale=None):
    """Goes on with the trunk to step `until`."""
    step = state.meta("unet").get("step", 0)
    if step >= until:
        return
    course = Course(state, "unet", family, 0.999, scale)
    kept = state.load("unet")
    if kept:
        course.master.restore(kept, step)
    course.run(step, until, 0, lambda n: LR * min(1.0, (n + 1) / WARM))


def unseeing(trunk):
    """The trunk's tensors with nothing read from the noisy latents, weights and moments: the gradient keeps it so."""
    for key, tensor in trunk.items():
        if key.endswith(".unet.conv_in.weight"):
            tensor[:, :nets.CHANNELS] = 0
    return trunk


@torch.no_grad()
def level(state, stage):
    """Takes a branch's constant errors away: what bfloat16 rounded off in training is a tint in float32, the same in all
    clips, and goes into the last bias. Only what is beyond doubt, three standard errors in the whole clip and in frame 0."""
    kept, model, codec, errors = state.load(stage), load(state), linear.load(state), []
    for module in model.modules().values():
        module.float()
    for k, bucket in enumerate(LEVEL_BUCKETS):
        item = windows.window(codec, state.meta(stage)["family"], LEVEL_CLIPS + k, bucket, range(0, clips.FRAMES, 3))
        frames, embedding = item["frames"][None], model.embed(item["look"][None])

        def network(x, photo, sigma):
            return model(x, photo, sigma, embedding, item["bucket"][None], frames)

        photo = item["photo"][None].to(model.device)
        made = edm.sample(network, photo, frames.shape[1], 1, torch.Generator().manual_seed(1))[0].cpu()
        error = made - item["z"]
        errors.append(torch.stack([error.mean((0, 2, 3)), error[0].mean((1, 2))]))
    errors = torch.stack(errors)
    sure = (errors.mean(0).abs() > 3 * errors.std(0) / len(errors) ** 0.5).all(0)
    shift = torch.where(sure, errors.mean((0, 1)), 0.0)
    kept["average.unet.conv_out.bias"] += shift  # the answer is minus the latent
    meta = state.meta(stage)
    state.log(f"{stage}: constant errors {[round(float(s), 3) for s in shift]}")
    state.save(stage, meta.pop("step") + 1, kept, **meta)


def cool(state, first, steps, scale=None):
    """Branches off at step `first` of the trunk, or goes on with that branch. Nothing to do once the trunk is past it."""
    stage, trunk = f"cooldown-{first}", state.meta("unet")
    step = state.meta(stage).get("step", 0)
    if step >= steps or trunk.get("step") != first:
        return
    course = Course(state, stage, trunk["family"], 1 - 1 / (BRANCH_EMA * steps), scale)
    kept = state.load(stage)
    course.master.restore(kept or unseeing(state.load("unet")), first + step)
    course.run(step, steps, first, lambda n: falling(n, steps), branch=True, trunk=first, of=steps)
    level(state, stage)
