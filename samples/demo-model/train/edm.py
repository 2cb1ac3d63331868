"""The noise schedule's mathematics as SVD has it: EDM with unit data spread, v-prediction, c_noise = log(sigma) / 4."""
import math

import torch

SIGMA_MAX = 700.0
HIGH = 60.0              # one-step regression draws sigma log-uniformly from HIGH..SIGMA_MAX
LOW_MEAN, LOW_SPREAD = 1.0, 1.6  # log-normal sigmas for the later steps of a short schedule
FPS_ID, NOISE_AUG = 6.0, 0.02


def draw_sigmas(n, low_share, generator):
    high = SIGMA_MAX * torch.exp(-torch.rand(n, generator=generator) * math.log(SIGMA_MAX / HIGH))
    low = torch.exp(LOW_MEAN + LOW_SPREAD * torch.randn(n, generator=generator)).clamp(0.002, SIGMA_MAX)
    return torch.where(torch.rand(n, generator=generator) < low_share, low, high)


def along(sigma):
    """sigma [n] shaped to multiply [n, frames, c, h, w]."""
    return sigma.view(-1, 1, 1, 1, 1)


def network_input(x, photo, sigma):
    """Noisy latents x [n, f, c, h, w] and the photo's latent [n, c, h, w], concatenated on channels."""
    scaled = x / (along(sigma).square() + 1).sqrt()
    return torch.cat([scaled, photo.unsqueeze(1).expand_as(scaled)], 2)


def target(x, z, sigma):
    """What the network should answer so that denoised() gives z."""
    s = along(sigma)
    return (x / (s.square() + 1) - z) * (s.square() + 1).sqrt() / s


def denoised(x, v, sigma):
    s = along(sigma)
    return x / (s.square() + 1) - v * s / (s.square() + 1).sqrt()


def karras(steps, low=0.002, rho=7.0):
    """The sampler's sigmas, with the final 0."""
    ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
    s = (SIGMA_MAX ** (1 / rho) + ramp * (low ** (1 / rho) - SIGMA_MAX ** (1 / rho))) ** rho
    return torch.cat([s, torch.zeros(1, dtype=torch.float64)]).float()


def sample(network, photo, frames, steps, generator):
    """Euler steps from noise: [1, frames, c, h, w]. network(x, photo, sigma) -> v."""
    sigmas = karras(steps)
    shape = (1, frames, *photo.shape[1:])
    x = torch.randn(shape, generator=generator).to(photo) * (SIGMA_MAX ** 2 + 1) ** 0.5
    for now, after in zip(sigmas[:-1], sigmas[1:]):
        sigma = now.view(1).to(photo)
        x0 = denoised(x, network(x, photo, sigma), sigma)
        x = x0 + (x - x0) * (after / now).to(photo)
    return x
