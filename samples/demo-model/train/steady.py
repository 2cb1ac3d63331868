"""Larger constants before the last norms of a trained trunk and decoder, whose answers on renders stay as they are:

    python steady.py --state DIR    # once; then go on with the trunk, and branch off

Photo and picture reach the output through one norm, whose groups hold a component, its negative and a constant. The norm
shrinks a picture whose component is far from that of renders: of a brown photograph's colour 11 % were missing. The larger
the constant, the less it shrinks. The constants are added after everything that another norm sees."""
import argparse

import torch

import decoder
import edm
import linear
import nets
import unet
import windows
from state import State

GROUP = nets.UNET_WIDTHS[0] // 32               # channels of a norm's group, the same at the decoder's end
UNET_FACTOR, DECODER_FACTOR, TINTS = 2.6, 2.0, 3  # of the constants; TINTS: the decoder's first components, flat colours
SEEDS = 700_000_000                             # of the clips that the norms are measured on
BUCKETS, FRAMES = (127, 0, 255, 127, 60, 200, 127, 160, 90, 127), (0, 1, 6, 12, 18, 24)


def spread(h):
    """Mean and standard deviation of each group, h [n, groups, GROUP, positions], as the mean over pictures."""
    return h.mean((2, 3)).mean(0), h.flatten(2).std(2, unbiased=False).mean(0)


@torch.no_grad()
def raise_constants(norm, bias, share, factor, groups, run):
    """Raises the constants of the first groups: `bias` comes last before `norm` and counts by `share`. run() -> answers
    shows what passes; returns the root mean square change of the answers."""
    seen = []
    hook = norm.register_forward_pre_hook(lambda _, x: seen.append(x[0].float().flatten(2).unflatten(1, (32, GROUP))))
    before = run()
    hook.remove()
    h = torch.cat(seen)
    add = (factor - 1) * h[:, :, 2].mean((0, 2))
    add[groups:] = 0
    (mean, deviation), at = spread(h), h.mean((0, 3))
    h[:, :, 2] += add[:, None]
    new_mean, new_deviation = spread(h)
    new_at = h.mean((0, 3))
    weight, offset = norm.weight.view(32, GROUP), norm.bias.view(32, GROUP)
    value = (at - mean[:, None]) / deviation[:, None] * weight + offset
    weight *= (new_deviation / deviation)[:, None]
    offset.copy_(value - (new_at - new_mean[:, None]) / new_deviation[:, None] * weight)
    bias.view(32, GROUP)[:, 2] += add / share
    return float((run() - before).square().mean().sqrt())


def keep(tensors, kind, prefix, module):
    """Writes a module's parameters over those of a checkpoint."""
    for name, p in module.named_parameters():
        tensors[f"{kind}.{prefix}.{name}"] = p.detach().clone()


def change_unet(tensors, kind, items):
    model = unet.Model()
    for prefix, module in model.modules().items():
        start = f"{kind}.{prefix}."
        module.load_state_dict({**module.state_dict(), **{n[len(start):]: t for n, t in tensors.items() if n.startswith(start)}})
    seeing = model.unet.conv_in.weight[:, :nets.CHANNELS].detach().clone()
    model.unet.conv_in.weight.data[:, :nets.CHANNELS] = 0  # as a branch has it

    def run():
        made = []
        for item in items:
            embedding = model.embed(item["look"][None])
            made.append(edm.sample(lambda x, photo, sigma: model(x, photo, sigma, embedding, item["bucket"][None],
                                                                 item["frames"][None]),
                                   item["photo"][None], len(FRAMES), 1, torch.Generator().manual_seed(1)))
        return torch.cat(made)

    net = model.unet
    change = raise_constants(net.conv_norm_out, net.up_blocks[-1].attentions[-1].proj_out.bias, 1.0, UNET_FACTOR,
                             nets.CHANNELS, run)
    model.unet.conv_in.weight.data[:, :nets.CHANNELS] = seeing
    keep(tensors, kind, "unet", net)
    return change


def change_decoder(vae, items):
    last = vae.decoder.up_blocks[-1].resnets[-1]
    share = float(torch.sigmoid(last.time_mixer.mix_factor))  # of the temporal branch, the last before the norm
    nets.flatten_time(vae)
    return raise_constants(vae.decoder.conv_norm_out, last.temporal_res_block.conv2.bias, share, DECODER_FACTOR, TINTS,
                           lambda: torch.cat([decoder.decode(vae, item["z"][:3]) for item in items[:4]]))


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--state", required=True)
    state = State(ask.parse_args().state)
    nets.settle()
    family, codec = state.meta("unet")["family"], linear.load(state)
    items = [windows.window(codec, family, SEEDS + k, b, FRAMES) for k, b in enumerate(BUCKETS)]
    trunk, meta = state.load("unet"), state.meta("unet")
    for kind in ("weight", "average"):
        state.log(f"steadier norm of the trunk's {kind}: answers change by {change_unet(trunk, kind, items):.4f}")
    state.save("unet", meta.pop("step") + 1, trunk, **meta)
    stage = state.latest("decoder")
    if stage:
        vae, meta = decoder.load(state).requires_grad_(False), state.meta(stage)
        state.log(f"steadier norm of {stage}: pictures change by {change_decoder(vae, items):.4f}")
        tensors = {}
        keep(tensors, "average", "decoder", vae.decoder)
        state.save(stage, meta.pop("step") + 1, tensors, **meta)


if __name__ == "__main__":
    main()
