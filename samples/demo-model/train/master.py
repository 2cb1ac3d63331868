"""Mixed precision by hand: the modules run in bfloat16, float32 copies take the steps, a moving average is what counts.

On one CPU core with bfloat16 instructions this is about twice as fast as float32, and cheaper than autocast, which casts
around every normalisation."""
import torch

from muon import Muon


def hidden(name, p):
    """Weight matrices between hidden layers; what meets pixels, latents, tokens or positions is left to Adam."""
    ends = ("conv_in.", "conv_out.", "time_conv_out", "embedding", "quant_conv", "visual_projection")
    return p.ndim >= 2 and p[0].numel() > 1 and not any(e in name for e in ends)


class Master:
    """Weights of several modules with their optimiser and an exponential moving average (EMA)."""

    def __init__(self, modules, betas=(0.9, 0.98), ema=0.999, clip=1.0, muon=False):
        self.names, self.live = [], []
        for prefix, module in modules.items():
            for name, p in module.named_parameters():
                if p.requires_grad:
                    self.names.append(f"{prefix}.{name}")
                    self.live.append(p)
        self.weights = [torch.nn.Parameter(p.detach().float().clone()) for p in self.live]
        self.average = [w.detach().clone() for w in self.weights]
        turned = [muon and hidden(n, w) for n, w in zip(self.names, self.weights)]
        self.muon = Muon([w for w, t in zip(self.weights, turned) if t])
        self.adam = torch.optim.AdamW([w for w, t in zip(self.weights, turned) if not t],
                                      lr=0.0, betas=betas, weight_decay=0.0, fused=True)
        self.ema, self.clip, self.step_count = ema, clip, 0
        for module in modules.values():
            module.to(torch.bfloat16)

    def step(self, lr):
        """Applies the gradients of the live weights and clears them; returns their norm."""
        for w, p in zip(self.weights, self.live):
            w.grad = None if p.grad is None else p.grad.float()
            p.grad = None
        norm = torch.nn.utils.clip_grad_norm_(self.weights, self.clip)
        if not torch.isfinite(norm):
            raise FloatingPointError("the gradient is not finite")
        self.adam.param_groups[0]["lr"] = lr
        self.adam.step()
        self.muon.step(lr)
        self.step_count += 1
        keep = min(self.ema, (1 + self.step_count) / (10 + self.step_count))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, [w.detach() for w in self.weights], 1 - keep)
        self.show(self.weights)
        return float(norm)

    @torch.no_grad()
    def show(self, weights):
        """Makes the modules run with these weights."""
        for p, w in zip(self.live, weights):
            p.copy_(w)

    def averaged(self):
        """For use in `with`: the modules run with the moving average."""
        return Averaged(self)

    def moments(self, name, weight):
        """The optimiser's tensors of one weight, by checkpoint name."""
        for w, speed in zip(self.muon.weights, self.muon.speed):
            if w is weight:
                return {"speed." + name: speed}
        kept = self.adam.state.get(weight, {})
        return {f"{key}.{name}": kept[key] for key in ("exp_avg", "exp_avg_sq") if key in kept}

    def tensors(self):
        out = {}
        for name, weight, average in zip(self.names, self.weights, self.average):
            out["weight." + name], out["average." + name] = weight.detach(), average
            out.update(self.moments(name, weight))
        return out

    @torch.no_grad()
    def restore(self, tensors, step):
        speeds = {id(w): s for w, s in zip(self.muon.weights, self.muon.speed)}
        for name, weight, average in zip(self.names, self.weights, self.average):
            weight.copy_(tensors["weight." + name])
            average.copy_(tensors["average." + name])
            if "speed." + name in tensors:
                speeds[id(weight)].copy_(tensors["speed." + name])
            elif "exp_avg." + name in tensors:
                self.adam.state[weight] = {"step": torch.tensor(float(step), device=weight.device),
                                           "exp_avg": tensors["exp_avg." + name].to(weight.device),
                                           "exp_avg_sq": tensors["exp_avg_sq." + name].to(weight.device)}
        self.step_count = step
        self.show(self.weights)


class Averaged:
    def __init__(self, master):
        self.master = master

    def __enter__(self):
        self.master.show(self.master.average)

    def __exit__(self, *error):
        self.master.show(self.master.weights)


def averages(tensors, prefix):
    """State dictionary of one module from a checkpoint's moving averages."""
    start = f"average.{prefix}."
    return {name[len(start):]: t for name, t in tensors.items() if name.startswith(start)}
