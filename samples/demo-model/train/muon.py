"""Muon: momentum whose update is made orthogonal, for the weight matrices of hidden layers. Every direction of a matrix
then moves at the same pace, which needs fewer steps than Adam; the scale makes an update as large as Adam's."""
import torch

ROUNDS = 5
A, B, C = 3.4445, -4.7750, 2.0315  # quintic iteration that takes singular values to about one


def orthogonal(m):
    """[k, rows, columns] of any scale to the same shape with singular values near one."""
    x = m.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ROUNDS):
        y = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(y, y, y, beta=B, alpha=C), x, beta=A)
    return (x.transpose(1, 2) if tall else x).float()


class Muon:
    def __init__(self, weights, momentum=0.95):
        """weights: float32 tensors with at least two axes; all but the first count as columns."""
        self.weights, self.momentum = weights, momentum
        self.speed = [torch.zeros_like(w) for w in weights]
        self.groups = {}
        for i, w in enumerate(weights):
            self.groups.setdefault((w.shape[0], w[0].numel()), []).append(i)

    @torch.no_grad()
    def step(self, lr):
        for (rows, columns), indices in self.groups.items():
            indices = [i for i in indices if self.weights[i].grad is not None]
            if not indices:
                continue
            updates = []
            for i in indices:
                self.speed[i].mul_(self.momentum).add_(self.weights[i].grad)
                updates.append(self.weights[i].grad.add(self.speed[i], alpha=self.momentum).view(rows, columns))
            scale = 0.2 * max(rows, columns) ** 0.5
            for i, u in zip(indices, orthogonal(torch.stack(updates))):
                self.weights[i].sub_(u.view_as(self.weights[i]), alpha=lr * scale)
