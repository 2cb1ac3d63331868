"""The networks: diffusers' own classes at toy widths, and exact short cuts for training them."""
from functools import partial

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

CHANNELS = 16       # of the latent
SHRINK = 8          # pixels per latent cell and axis
EMBED = 64          # of the image embedding
# 96 at the top: GroupNorm(32) then has three channels a group; narrower groups throw away each picture's colour.
VAE_WIDTHS = (96, 96, 96, 128)
UNET_WIDTHS = (96, 96, 96)


def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def make_vae():
    """Temporal VAE whose temporal layers start as exact identities."""
    vae = AutoencoderKLTemporalDecoder(
        in_channels=3, out_channels=3, down_block_types=("DownEncoderBlock2D",) * len(VAE_WIDTHS),
        block_out_channels=VAE_WIDTHS, layers_per_block=1, latent_channels=CHANNELS, sample_size=256,
        scaling_factor=1.0, force_upcast=False)
    with torch.no_grad():
        for name, p in vae.decoder.named_parameters():
            if "temporal_res_block.conv2" in name:
                p.zero_()
        out = vae.decoder.time_conv_out
        out.weight.zero_()
        out.bias.zero_()
        for k in range(3):
            out.weight[k, k, 1] = 1
    return vae


def temporal_parameters(vae):
    return [p for n, p in vae.decoder.named_parameters() if "temporal" in n or "time_" in n]


def encode(vae, x):
    """Mean latents [n, CHANNELS, h/8, w/8] of pictures [n, 3, h, w] in -1..1."""
    return vae.quant_conv(vae.encoder(x))[:, :CHANNELS]


def decode_frames(vae, z):
    """The decoder without its temporal layers: pictures one by one, equal to decode() while those are identities."""
    d = vae.decoder
    h = d.mid_block.resnets[0].spatial_res_block(d.conv_in(z), None)
    for block in d.up_blocks:
        for resnet in block.resnets:
            h = resnet.spatial_res_block(h, None)
        for up in block.upsamplers or []:
            h = up(h)
    return d.conv_out(F.silu(d.conv_norm_out(h)))


class LeanAttention:
    """Attention of diffusers' blocks without wasted work. A context of one token has one key, whose softmax is 1: the
    result is its value, whatever the query. With so few keys plain products take half the time of the fused kernel."""

    def __call__(self, attn, x, encoder_hidden_states=None, attention_mask=None, **unused):
        context = encoder_hidden_states
        if context is not None and context.shape[1] == 1:
            return attn.to_out[0](attn.to_v(context)).expand(-1, x.shape[1], -1)
        context = x if context is None else context
        n, length, width = x.shape
        q, k, v = (f(y).view(n, -1, attn.heads, width // attn.heads).transpose(1, 2)
                   for f, y in ((attn.to_q, x), (attn.to_k, context), (attn.to_v, context)))
        out = (q * attn.scale @ k.transpose(-1, -2)).softmax(-1) @ v
        return attn.to_out[0](out.transpose(1, 2).reshape(n, length, width))


class FramePositions(torch.nn.Module):
    """Stands in for the frame index embedding, so that a window of a clip keeps its true frame numbers."""

    def __init__(self, embed, where):
        super().__init__()
        self.embed, self.where = embed, where

    def forward(self, counted):
        frames = self.where["frames"]
        return self.embed(counted if frames is None else frames)


def time_conv(module, x):
    """The 3x1x1 convolution as a 3x1 one over [frames, pixels]: faster, and right for two frames, for which oneDNN's
    bfloat16 weight gradient is not a number."""
    n, c, frames, h, w = x.shape
    weight, bias = module.weight[..., 0].to(x.dtype), None if module.bias is None else module.bias.to(x.dtype)
    y = F.conv2d(x.reshape(n, c, frames, h * w), weight, bias, padding=(1, 0))
    return y.view(n, -1, frames, h, w)


def flatten_time(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Conv3d) and module.kernel_size == (3, 1, 1):
            module.forward = partial(time_conv, module)


def exact_end(net):
    """The last norm and convolution in float32, whatever the rest runs in: the picture is small there beside the constants
    that keep the norm steady, and bfloat16 would round it away."""
    norm, conv = net.conv_norm_out, net.conv_out
    norm.forward = lambda x: F.group_norm(x.float(), norm.num_groups, norm.weight.float(), norm.bias.float(), norm.eps)
    conv.forward = lambda x: F.conv2d(x, conv.weight.float(), conv.bias.float(), padding=conv.padding)


def make_unet():
    levels = len(UNET_WIDTHS)
    unet = UNetSpatioTemporalConditionModel(
        sample_size=32, in_channels=2 * CHANNELS, out_channels=CHANNELS,
        # Only a block with attention knows which frame it draws, so every level has it.
        down_block_types=("CrossAttnDownBlockSpatioTemporal",) * levels,
        up_block_types=("CrossAttnUpBlockSpatioTemporal",) * levels,
        block_out_channels=UNET_WIDTHS, addition_time_embed_dim=32, projection_class_embeddings_input_dim=96,
        layers_per_block=1, cross_attention_dim=EMBED, transformer_layers_per_block=1,
        num_attention_heads=tuple(max(1, c // 64) for c in UNET_WIDTHS), num_frames=25)
    return unet


def make_vision():
    return CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2, image_size=224,
        patch_size=32, projection_dim=EMBED))


def lean(unet):
    """Fits the short cuts; returns the dictionary whose "frames" holds the frame numbers of the next call, or None."""
    where = {"frames": None}
    unet.set_attn_processor(LeanAttention())
    flatten_time(unet)
    exact_end(unet)
    for module in unet.modules():
        if module.__class__.__name__ == "TransformerSpatioTemporalModel":
            module.time_proj = FramePositions(module.time_proj, where)
    return where


def count(module):
    return sum(p.numel() for p in module.parameters())


def settle():
    """One torch thread on a CPU, and an allocator that keeps large blocks instead of mapping them anew each time."""
    torch.set_num_threads(1)
    try:
        import ctypes
        libc = ctypes.CDLL(None)
        for option in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            libc.mallopt(option, 1 << 30)
    except (OSError, AttributeError):
        pass
