"""First weights. The codec's encoder is the linear codec, and its decoder begins near the inverse; the UNet begins as a
copy of the photo.

From random weights a codec with group normalisation learns brightness first and loses colour for thousands of steps: the
norms take every picture's colour and contrast away. Here the principal components of 8x8 patches are carried through the
strided convolutions as a plain rearrangement of pixels, and the decoder begins with the patches' mean colours, enlarged,
with the other components beside them for its layers to draw from. Each component shares its norm group with its negative
and with constants, so that the norm's mean does not depend on the picture and its scale hardly does. Residual branches
begin at zero.
The encoder stays as it is here; decoder and UNet are trained."""
import torch

import nets

# Components have about unit spread in renders. In some photographs it is larger, and an encoder with 12 in place of 24 is
# then off by as much as 0.07 root mean square, which is 0.5 dB of the picture; with more, half precision rounds too coarsely.
STEADY_ENCODER, STEADY_DECODER = 24.0, 10.0
STEADY_UNET, LIFT_UNET = 12.0, 3.0
LIFT = 5.0  # norm offset of a component: SiLU is almost straight there
DEEP, TOP = nets.VAE_WIDTHS[-1] // 32, nets.VAE_WIDTHS[0] // 32  # channels a norm group


def rearrange(conv, channels):
    """A strided 3x3 convolution that moves 2x2 pixels of `channels` channels into four times as many."""
    for c in range(channels):
        for k in range(4):
            conv.weight[4 * c + k] = 0
            conv.weight[4 * c + k, c, k // 2, k % 2] = 1
    conv.bias[:4 * channels] = 0


def project(conv, codec):
    """The third strided convolution: 48 rearranged channels to the components."""
    conv.weight[:nets.CHANNELS] = 0
    for c in range(3):
        for y in range(8):
            for x in range(8):
                channel = (c * 4 + (y % 2) * 2 + x % 2) * 4 + (y // 2 % 2) * 2 + x // 2 % 2
                conv.weight[:nets.CHANNELS, channel, y // 4, x // 4] = codec.basis[c * 64 + y * 8 + x] * codec.scale
    conv.bias[:nets.CHANNELS] = -(codec.mean @ codec.basis) * codec.scale


def place(conv, group_in, group_out, steady, first=0):
    """Takes component k from channel first + group_in * k to norm group k, as (+, -, steady) or (+, -, steady, -steady)."""
    at = torch.arange(nets.CHANNELS)
    middle = conv.weight.shape[-1] // 2
    for offset, sign, constant in ((0, 1, 0.0), (1, -1, 0.0), (2, 0, steady), (3, 0, -steady))[:group_out]:
        conv.weight[at * group_out + offset] = 0
        conv.weight[at * group_out + offset, first + at * group_in, middle, middle] = sign
        conv.bias[at * group_out + offset] = constant


def read(norm, conv, group, steady, matrix, bias, lift=LIFT):
    """norm, SiLU and conv together give matrix @ components + bias."""
    at = torch.arange(nets.CHANNELS) * group
    mean = steady / 3 if group == 3 else 0.0
    spread = (steady ** 2 * (2 / 9 if group == 3 else 1 / 2) + 2 / group) ** 0.5
    norm.bias[at] = lift + mean / spread
    share = torch.sigmoid(torch.tensor(lift)).item()
    gain = share * (1 + lift * (1 - share)) / spread
    rows = len(matrix)
    conv.weight[:rows] = 0
    conv.weight[:rows, at, 1, 1] = matrix / gain
    conv.bias[:rows] = bias - conv.weight[:rows, at, 1, 1].sum(1) * lift * share


@torch.no_grad()
def straight(vae, codec):
    """Sets the weights from the linear codec."""
    e, d, n = vae.encoder, vae.decoder, nets.CHANNELS
    for p in [*e.parameters(), *vae.quant_conv.parameters()]:
        p.zero_()
    for m in e.modules():
        if isinstance(m, torch.nn.GroupNorm):
            m.weight.fill_(1)
    for name, p in d.named_parameters():
        if "spatial_res_block.conv2" in name:
            p.zero_()
    e.conv_in.weight[range(3), range(3), 1, 1] = 1
    rearrange(e.down_blocks[0].downsamplers[0].conv, 3)
    rearrange(e.down_blocks[1].downsamplers[0].conv, 12)
    project(e.down_blocks[2].downsamplers[0].conv, codec)
    place(e.down_blocks[3].resnets[0].conv_shortcut, 1, DEEP, STEADY_ENCODER)
    read(e.conv_norm_out, e.conv_out, DEEP, STEADY_ENCODER, torch.eye(n), torch.zeros(n))
    vae.quant_conv.weight[range(n), range(n)] = 1
    place(d.conv_in, 1, DEEP, STEADY_DECODER)
    place(d.up_blocks[0].upsamplers[0].conv, DEEP, DEEP, STEADY_DECODER)
    place(d.up_blocks[1].resnets[0].spatial_res_block.conv_shortcut, DEEP, TOP, STEADY_DECODER)
    for block in (1, 2):
        place(d.up_blocks[block].upsamplers[0].conv, TOP, TOP, STEADY_DECODER)
    channels = codec.basis.view(3, 64, n)
    read(d.conv_norm_out, d.conv_out, TOP, STEADY_DECODER, (channels / codec.scale).mean(1), codec.mean.view(3, 64).mean(1))


@torch.no_grad()
def still(unet):
    """Sets the weights so that the answer at high sigma is the photo's latent in every frame: it goes from the input
    straight to the last block's skip. The noisy latents, which say nothing there, are not looked at."""
    n, width = nets.CHANNELS, nets.UNET_WIDTHS[0]
    unet.conv_in.weight[:, :n] = 0
    unet.conv_in.weight[:n] = 0
    unet.conv_in.weight[range(n), range(n, 2 * n), 1, 1] = 1
    unet.conv_in.bias[:n] = 0
    last, attention = unet.up_blocks[-1].resnets[-1], unet.up_blocks[-1].attentions[-1]
    place(last.spatial_res_block.conv_shortcut, 1, 3, STEADY_UNET, first=width)
    for branch in (last.spatial_res_block.conv2, last.temporal_res_block.conv2, attention.proj_out):
        branch.weight[:3 * n] = 0
        branch.bias[:3 * n] = 0
    read(unet.conv_norm_out, unet.conv_out, 3, STEADY_UNET, -torch.eye(n), torch.zeros(n), LIFT_UNET)
