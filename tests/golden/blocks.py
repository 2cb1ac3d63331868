"""Every block alone: inputs, weights and outputs in one file each.

Tensors are named `input.NAME`, `output` and, for the weights, as diffusers names
them relative to the block. Activations are [n, c, h, w] with n = frames. The
metadata holds `class`, `args` (constructor arguments, JSON), `frames` where the
block mixes frames, `distance` (diffusers' own float32 to float64 distance of the
output) and `note`. Weights are float16; their values are exact in every type.

Whole parts (UNet, encoder, decoders, vision tower) take their weights from a
recipe instead, named in `weights`, and add `after.NAME`: what the submodule NAME
puts out, so that a wrong result can be followed to the block that made it.
"""

import os

import torch
from diffusers.models.attention import BasicTransformerBlock, TemporalBasicTransformerBlock
from diffusers.models.attention_processor import Attention
from diffusers.models.downsampling import Downsample2D
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.resnet import SpatioTemporalResBlock
from diffusers.models.transformers.transformer_temporal import TransformerSpatioTemporalModel
from diffusers.models.unets.unet_3d_blocks import MidBlockTemporalDecoder
from diffusers.models.upsampling import Upsample2D

import pipelines
import recipe
from common import check, distance, normal, save
from configs import PIPELINES


def call(module, kwargs):
    out = module(**kwargs)
    return out[0] if isinstance(out, tuple) else out


def to_double(kwargs):
    return {k: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in kwargs.items()}


def report(name, y, error, path):
    size = os.path.getsize(path)
    print(f"{name:20s} {str(list(y.shape)):18s} std {float(y.std()):.3f}  f32-f64 {error:.1e}  {size} bytes")


def block(folder, name, cls, args, inputs, constants=None, frames=None, note=None):
    """inputs are stored; constants are further arguments of the call that are not."""
    module = cls(**args)
    recipe.fill_module(module, f"blocks/{name}/")
    kwargs = {**inputs, **(constants or {})}
    with torch.no_grad():
        y = call(module, kwargs)
        weights = {k: v.half().numpy() for k, v in module.state_dict().items()}
        exact = call(module.double(), to_double(kwargs))
    check(f"block {name}", y)
    metadata = {"class": cls.__name__, "args": args, "distance": {"output": distance(y, exact)}}
    if frames is not None:
        metadata["frames"] = str(frames)
    if note:
        metadata["note"] = note
    path = f"{folder}/{name}.safetensors"
    save(path, {**{"input." + k: v for k, v in inputs.items()}, "output": y, **weights}, metadata)
    report(name, y, distance(y, exact), path)


def residual_blocks(folder):
    """SpatioTemporalResBlock in its three uses: image_only_indicator is all zeros, one row of frames."""
    video = {"image_only_indicator": torch.zeros(1, 3)}
    decoder = dict(
        temb_channels=None,
        temporal_eps=1e-5,
        merge_factor=0.0,
        merge_strategy="learned",
        switch_spatial_to_temporal_mix=True,
    )
    block(
        folder,
        "res_unet_same",
        SpatioTemporalResBlock,
        dict(in_channels=64, out_channels=64, temb_channels=32, eps=1e-6),
        {"hidden_states": normal(1, 3, 64, 5, 4), "temb": normal(2, 1, 32).repeat(3, 1)},
        video,
        frames=3,
    )
    block(
        folder,
        "res_unet_narrow",
        SpatioTemporalResBlock,
        dict(in_channels=96, out_channels=32, temb_channels=48, eps=1e-5),
        {"hidden_states": normal(3, 3, 96, 4, 7) * 2 + 0.5, "temb": normal(4, 1, 48).repeat(3, 1)},
        video,
        frames=3,
        note="a group holds three channels before and one after; conv_shortcut",
    )
    block(
        folder,
        "res_decoder_same",
        SpatioTemporalResBlock,
        dict(in_channels=64, out_channels=64, eps=1e-6, **decoder),
        {"hidden_states": normal(5, 3, 64, 5, 4)},
        video,
        frames=3,
    )
    block(
        folder,
        "res_decoder_narrow",
        SpatioTemporalResBlock,
        dict(in_channels=64, out_channels=32, eps=1e-6, **decoder),
        {"hidden_states": normal(6, 1, 64, 6, 5)},
        {"image_only_indicator": torch.zeros(1, 1)},
        frames=1,
        note="one frame: the temporal convolutions see zeros on both sides",
    )


def transformers(folder):
    frames = 3
    context = normal(10, 1, 1, 24).repeat(frames, 1, 1)
    video = {"image_only_indicator": torch.zeros(1, frames), "return_dict": False}
    for name, heads, width, layers, size, seed in (
        ("transformer_1", 4, 32, 1, (3, 5), 11),
        ("transformer_2", 8, 32, 2, (4, 3), 12),
    ):
        block(
            folder,
            name,
            TransformerSpatioTemporalModel,
            dict(
                num_attention_heads=heads,
                attention_head_dim=width // heads,
                in_channels=width,
                num_layers=layers,
                cross_attention_dim=24,
            ),
            {"hidden_states": normal(seed, frames, width, *size), "encoder_hidden_states": context},
            video,
            frames=frames,
        )
    block(
        folder,
        "transformer_spatial",
        BasicTransformerBlock,
        dict(dim=32, num_attention_heads=2, attention_head_dim=16, cross_attention_dim=24),
        {"hidden_states": normal(14, 2, 15, 32), "encoder_hidden_states": normal(15, 2, 1, 24)},
        note="[frames, h*w, c]",
    )
    block(
        folder,
        "transformer_temporal",
        TemporalBasicTransformerBlock,
        dict(dim=32, time_mix_inner_dim=32, num_attention_heads=2, attention_head_dim=16, cross_attention_dim=24),
        {"hidden_states": normal(16, 5, 6, 32), "encoder_hidden_states": normal(17, 1, 1, 24).repeat(6, 1, 1)},
        {"num_frames": 5},
        frames=5,
        note="[frames, h*w, c]; the context is one row a pixel, all alike",
    )
    block(
        folder,
        "attention_image",
        Attention,
        dict(query_dim=64, heads=1, dim_head=64, eps=1e-6, norm_num_groups=32, bias=True, residual_connection=True),
        {"hidden_states": normal(18, 2, 64, 4, 5)},
        note="the VAE's mid-block attention, frame by frame",
    )


def samplers(folder):
    down = dict(channels=32, use_conv=True, out_channels=32, name="op")
    up = dict(channels=32, use_conv=True, out_channels=32)
    for name, cls, args, shape, constants, note in (
        ("down_unet", Downsample2D, dict(padding=1, **down), (2, 32, 6, 8), None, "zero padding 1 on every side"),
        ("down_unet_odd", Downsample2D, dict(padding=1, **down), (2, 32, 5, 9), None, "5x9 to 3x5"),
        ("down_encoder", Downsample2D, dict(padding=0, **down), (1, 32, 8, 10), None, "zero padding right and bottom only"),
        ("down_encoder_odd", Downsample2D, dict(padding=0, **down), (1, 32, 5, 9), None, "5x9 to 2x4"),
        ("up", Upsample2D, up, (2, 32, 3, 4), None, "nearest, twice the size"),
        ("up_odd", Upsample2D, up, (2, 32, 3, 5), {"output_size": (5, 9)}, "nearest to 5x9, the size of the skip"),
        ("up_from_one", Upsample2D, up, (1, 32, 1, 2), {"output_size": (1, 3)}, "nearest to 1x3"),
    ):
        block(folder, name, cls, args, {"hidden_states": normal(sum(shape), *shape)}, constants, note=note)


def mid_blocks(folder):
    for layers in (1, 3):
        block(
            folder,
            f"mid_decoder_{layers}",
            MidBlockTemporalDecoder,
            dict(in_channels=32, out_channels=32, attention_head_dim=32, num_layers=layers),
            {"hidden_states": normal(20 + layers, 2, 32, 3, 4)},
            {"image_only_indicator": torch.zeros(1, 2)},
            frames=2,
            note="layers 1: the attention never runs; 3: the third residual block never runs",
        )


def embeddings(folder):
    """Sinusoids as diffusers computes them in float32, and one TimestepEmbedding."""
    tensors = {}
    steps = torch.tensor([0.25 * torch.tensor(s).log() for s in (700.0, 54.5, 1.0, 0.034, 0.002)])
    ids = torch.tensor([6.0, 127.0, 0.02, 0.0, 24.0, 255.0])
    for dim, values, name in (
        (320, steps, "timestep"),
        (32, steps, "timestep"),
        (256, ids, "added_id"),
        (32, ids, "added_id"),
        (320, torch.arange(25), "frame"),
        (64, torch.arange(14), "frame"),
    ):
        tensors[f"{name}.{dim}.input"] = values.float()
        tensors[f"{name}.{dim}.output"] = Timesteps(dim, True, 0)(values)
    note = "[cos | sin], flip_sin_to_cos, shift 0"
    save(f"{folder}/sinusoids.safetensors", tensors, {"class": "Timesteps", "note": note})
    args = dict(in_channels=32, time_embed_dim=128)
    block(folder, "timestep_embedding", TimestepEmbedding, args, {"sample": normal(30, 3, 32)})


# ---- whole parts, with the weights of a toy pipeline ----


def part_of(model):
    name = type(model).__name__
    return "unet" if name.startswith("UNet") else "vae" if name.startswith("Autoencoder") else "image_encoder"


def quiet(folder, model, weights):
    """Refills the model for an epsilon test and writes the recipe beside the golden."""
    table = recipe.fill_module(model, f"blocks/{weights}/", rule=recipe.quiet_spec)
    recipe.write_table(f"{folder}/{weights}.recipe", f"blocks/{weights}/", "F32", table)
    return f"blocks/{weights}.safetensors"


def part(folder, name, pipeline, model, inputs, kwargs, function, children, weights=None):
    """function(model, kwargs) -> tensor; children: {name: module} whose outputs are kept."""
    after = {}

    def keep(key):
        def hook(module, args, output):
            after["after." + key] = output[0] if isinstance(output, tuple) else output

        return hook

    handles = [module.register_forward_hook(keep(key)) for key, module in children.items()]
    with torch.no_grad():
        y = function(model, kwargs)
        first = dict(after)
        exact = function(model.double(), to_double(kwargs))
        distances = {"output": distance(y, exact), **{k: distance(v, after[k]) for k, v in first.items()}}
        model.float()
    for handle in handles:
        handle.remove()
    check(f"part {name}", y)
    for key, value in first.items():
        check(f"part {name} {key}", value)
    metadata = {
        "class": type(model).__name__,
        "config": f"pipelines/{pipeline}/{part_of(model)}/config.json",
        "weights": weights or f"pipelines/{pipeline}/{part_of(model)}",
        "distance": distances,
    }
    path = f"{folder}/{name}.safetensors"
    save(path, {**{"input." + k: v for k, v in inputs.items()}, "output": y, **first}, metadata)
    report(name, y, distances["output"], path)


def unet_part(folder, pipeline, size, seed, epsilon=False):
    pipe, _ = pipelines.build(pipeline)
    unet, config = pipe.unet, PIPELINES[pipeline]["unet"]
    weights = quiet(folder, unet, "quiet_unet") if epsilon else None
    frames = PIPELINES[pipeline]["run"]["frames"]
    inputs = {
        "sample": normal(seed, 1, frames, config["in_channels"], *size),
        "timestep": torch.tensor(0.25) * torch.tensor(54.5).log(),
        "encoder_hidden_states": normal(seed + 1, 1, 1, config["cross_attention_dim"]),
        "added_time_ids": torch.tensor([[6.0, 127.0, 0.02]]),
    }
    children = {"conv_in": unet.conv_in, "time_embedding": unet.time_embedding, "add_embedding": unet.add_embedding}
    children |= {f"down_blocks.{i}": b for i, b in enumerate(unet.down_blocks)}
    children |= {"mid_block": unet.mid_block}
    children |= {f"up_blocks.{i}": b for i, b in enumerate(unet.up_blocks)}
    part(
        folder,
        "unet_epsilon" if epsilon else f"unet_{pipeline}",
        pipeline,
        unet,
        inputs,
        inputs,
        lambda m, kw: m(**kw, return_dict=False)[0],
        children,
        weights,
    )


def vae_parts(folder, pipeline, size, frames, seed, encoder=True, epsilon=False):
    pipe, _ = pipelines.build(pipeline)
    vae = pipe.vae
    weights = quiet(folder, vae, "quiet_vae") if epsilon else None
    suffix = "epsilon" if epsilon else pipeline
    image = not hasattr(vae.decoder, "time_conv_out")
    factor = pipe.vae_scale_factor
    channels = PIPELINES[pipeline]["vae"]["latent_channels"]
    if encoder:
        x = {"x": torch.tanh(normal(seed, 1, 3, *size))}
        down = {f"encoder.down_blocks.{i}": b for i, b in enumerate(vae.encoder.down_blocks)}
        children = {"encoder.conv_in": vae.encoder.conv_in, **down, "encoder.mid_block": vae.encoder.mid_block}
        part(
            folder,
            f"encoder_{suffix}",
            pipeline,
            vae,
            x,
            x,
            lambda m, kw: m.encode(**kw).latent_dist.mode(),
            children | {"quant_conv": vae.quant_conv},
            weights,
        )
    z = {"z": normal(seed + 1, frames, channels, size[0] // factor, size[1] // factor) * 3}
    kwargs = z if image else {**z, "num_frames": frames}
    up = {f"decoder.up_blocks.{i}": b for i, b in enumerate(vae.decoder.up_blocks[:2])}  # the later ones are large
    children = {"decoder.conv_in": vae.decoder.conv_in, "decoder.mid_block": vae.decoder.mid_block, **up}
    if image:
        children["post_quant_conv"] = vae.post_quant_conv
    part(
        folder,
        f"decoder_{suffix}",
        pipeline,
        vae,
        z,
        kwargs,
        lambda m, kw: m.decode(**kw).sample,
        children,
        weights,
    )


def tower_input():
    """pixel_values [1, 3, 224, 224] in [-2, 2): a formula, 602 kB otherwise."""
    i = torch.arange(3 * 224 * 224, dtype=torch.int64).reshape(1, 3, 224, 224)
    return ((i * 7919) % 1009).float() / 256 - 2


def clip_part(folder, pipeline):
    pipe, _ = pipelines.build(pipeline)
    tower = pipe.image_encoder
    x = {"pixel_values": tower_input()}
    vision = tower.vision_model
    children = {
        "vision_model.embeddings": vision.embeddings,
        "vision_model.encoder.layers.0": vision.encoder.layers[0],
        "vision_model.post_layernorm": vision.post_layernorm,
    }
    part(
        folder,
        f"clip_{pipeline}",
        pipeline,
        tower,
        {},
        x,
        lambda m, kw: m(**kw).image_embeds,
        children,
    )


def make(out):
    folder = f"{out}/blocks"
    os.makedirs(folder, exist_ok=True)
    residual_blocks(folder)
    transformers(folder)
    samplers(folder)
    mid_blocks(folder)
    embeddings(folder)
    unet_part(folder, "odd", (5, 9), 40)
    unet_part(folder, "mini", (6, 10), 42)
    vae_parts(folder, "odd", (16, 16), 2, 44)
    vae_parts(folder, "still", (16, 16), 2, 46, encoder=False)
    unet_part(folder, "mini", (4, 6), 48, epsilon=True)
    vae_parts(folder, "mini", (16, 12), 2, 50, epsilon=True)
    clip_part(folder, "mini")
    clip_part(folder, "odd")
