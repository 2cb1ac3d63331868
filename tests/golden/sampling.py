"""Schedules, guidance ramps, one Euler step and torch's CPU random numbers."""

import torch
from diffusers import EulerDiscreteScheduler

from common import normal, save
from configs import AYS, SCHEDULER

KARRAS_STEPS = (1, 2, 3, 4, 10, 25, 30)
RNG_SIZES = (1, 7, 15, 16, 17, 100, 1000)
RNG_SEEDS = (0, 42, 2**32 + 5)
CUSTOM = [80.0, 5.0, 0.5, 0.0]


def schedules():
    tensors = {}
    for n in KARRAS_STEPS:
        s = EulerDiscreteScheduler(**SCHEDULER)
        s.set_timesteps(n)
        tensors[f"karras.{n}.sigmas"] = s.sigmas
        tensors[f"karras.{n}.timesteps"] = s.timesteps
        tensors[f"karras.{n}.init_noise_sigma"] = s.init_noise_sigma.reshape(1)
    for name, sigmas in (("ays", AYS), ("custom", CUSTOM)):
        s = EulerDiscreteScheduler(**SCHEDULER)
        s.set_timesteps(sigmas=sigmas)
        tensors[f"{name}.sigmas"] = s.sigmas
        tensors[f"{name}.timesteps"] = s.timesteps
        tensors[f"{name}.init_noise_sigma"] = s.init_noise_sigma.reshape(1)
    return tensors


def ramps():
    cases = ((1.0, 3.0, 25), (1.0, 3.0, 14), (1.5, 3.0, 30), (1.0, 1.0, 4), (3.0, 1.0, 5), (2.0, 2.0, 1), (1.0, 3.0, 2), (2.0, 3.0, 1))
    return {f"guidance.{a}.{b}.{n}": torch.linspace(a, b, n) for a, b, n in cases}


def euler():
    """Every step of a 4-step schedule on toy data: x -> scaled input, and (v, x) -> next x."""
    tensors = {}
    s = EulerDiscreteScheduler(**SCHEDULER)
    s.set_timesteps(4)
    x = normal(100, 2, 4, 3, 5) * s.init_noise_sigma
    for i, t in enumerate(s.timesteps):
        v = normal(101 + i, 2, 4, 3, 5)
        tensors[f"euler.{i}.x"] = x
        tensors[f"euler.{i}.v"] = v
        tensors[f"euler.{i}.input"] = s.scale_model_input(x, t)
        x = s.step(v, t, x).prev_sample
        tensors[f"euler.{i}.next"] = x
    return tensors


def ends(x, n=16):
    """All of a small tensor, the first and last n of a large one."""
    x = x.flatten()
    return x if x.numel() <= 100 else torch.cat([x[:n], x[-n:]])


def random_numbers():
    tensors = {}
    for seed in RNG_SEEDS:
        for size in RNG_SIZES:
            g = torch.Generator().manual_seed(seed)
            tensors[f"randn.{seed}.{size}"] = ends(torch.randn(size, generator=g))
        # One generator over several draws: sizes below 16 and above keep separate caches.
        g = torch.Generator().manual_seed(seed)
        for i, size in enumerate((1, 16, 3, 40, 2, 17, 15)):
            tensors[f"sequence.{seed}.{i}.{size}"] = torch.randn(size, generator=g)
        # The order of the pipeline: augmentation noise, then latents. 64x48 pixels, 3 frames.
        g = torch.Generator().manual_seed(seed)
        image = torch.randn((1, 3, 48, 64), generator=g)
        latents = torch.randn((1, 3, 4, 6, 8), generator=g)
        tensors[f"pipeline.{seed}.image"] = ends(image)
        tensors[f"pipeline.{seed}.latents"] = latents if seed == 0 else ends(latents)
        # Sizes that are no multiple of 16.
        g = torch.Generator().manual_seed(seed)
        tensors[f"odd.{seed}.first"] = ends(torch.randn((1, 3, 7, 11), generator=g))
        tensors[f"odd.{seed}.second"] = ends(torch.randn((1, 5, 4, 3, 5), generator=g))
    return tensors


def make(out):
    capability = torch.backends.cpu.get_cpu_capability()
    save(f"{out}/sampling.safetensors", {**schedules(), **ramps(), **euler()})
    note = "tensors over 100 elements hold the first 16 and the last 16, except pipeline.0.latents"
    save(f"{out}/random.safetensors", random_numbers(), {"note": note, "torch_cpu_capability": capability})
