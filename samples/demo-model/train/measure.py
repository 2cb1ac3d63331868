"""Losses of the codec, and the figures that gates are made of."""
import torch
import torch.nn.functional as F

PRODUCT_BOX = (slice(None), slice(None), slice(16, 176), slice(64, 192))
MOVING = 0.35  # a latent cell moves when its mean absolute difference from the photo's cell exceeds this 


def to_tensor(pictures):
    """uint8 [n, h, w, 3] array to float [n, 3, h, w] in -1..1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pictures(x):
    return ((x.float() * 0.5 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def psnr(a, b):
    """dB per picture; a, b in -1..1."""
    return -10 * torch.log10(((a - b) * 0.5).square().mean((1, 2, 3)) + 1e-10)


def psnr_where(a, b, mask):
    """dB over all pictures where mask [h, w] is 1."""
    return float(-10 * torch.log10(((a - b) * 0.5).square().mul(mask).sum() / (len(a) * a.shape[1] * mask.sum()) + 1e-10))


def ssim(a, b, window=7):
    """Per picture; a, b in -1..1, flat windows."""
    a, b = a * 0.5 + 0.5, b * 0.5 + 0.5
    ma, mb = F.avg_pool2d(a, window, 1), F.avg_pool2d(b, window, 1)
    va, vb = F.avg_pool2d(a * a, window, 1) - ma * ma, F.avg_pool2d(b * b, window, 1) - mb * mb
    cov = F.avg_pool2d(a * b, window, 1) - ma * mb
    return ((2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4))).mean((1, 2, 3))


def steps(x):
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


def picture_loss(y, x, structure):
    """L1, gradients on three scales, and 1 - SSIM with weight `structure`."""
    loss = (y - x).abs().mean()
    a, b = y, x
    for _ in range(3):
        for p, q in zip(steps(a), steps(b)):
            loss = loss + 0.3 * (p - q).abs().mean()
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return loss + structure * (1 - ssim(y, x).mean()) if structure else loss


def moving_sums(x0, z, photo):
    """(error, still's error) summed over the cells that move, and the same over all cells.
    x0, z [.., n, c, h, w]; photo [.., 1, c, h, w]."""
    error, still = (x0 - z).square(), (z - photo).square().expand_as(z)
    moves = ((z - photo).abs().mean(-3, keepdim=True) > MOVING).float()
    return [float(t.sum()) for t in (error * moves, still * moves, error, still)]
