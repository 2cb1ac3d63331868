"""The single-file (sgm) layout of a toy pipeline: the same weights under the
names of Stability's generative-models code, as a recipe.

Two copies of a VAE are in such a file. The encoder that counts is
conditioner.embedders.3.encoder (with quant_conv), the decoder that counts is in
first_stage_model. The other halves hold different weights here on purpose: who
reads the wrong one gets a wrong clip.
"""

import re

from recipe import amplitude, part, spec_for, write_lines

UNET = "model.diffusion_model."
FIRST_STAGE = "first_stage_model."
ENCODER = "conditioner.embedders.3.encoder."
VISUAL = "conditioner.embedders.0.open_clip.model.visual."
TEXT = "conditioner.embedders.0.open_clip.model."

RES = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def res_name(rest):
    """Inside a residual block of the UNet."""
    block, _, rest = rest.partition(".")
    if block == "time_mixer":
        return "time_mixer." + rest
    layer, _, leaf = rest.rpartition(".")
    return ("time_stack." if block == "temporal_res_block" else "") + f"{RES[layer]}.{leaf}"


def attention_name(rest):
    """Inside a transformer of the UNet."""
    rest = rest.replace("temporal_transformer_blocks", "time_stack")
    return rest.replace("time_pos_embed.linear_1", "time_pos_embed.0").replace("time_pos_embed.linear_2", "time_pos_embed.2")


def unet_name(name, layers, attention_up):
    """diffusers -> sgm, without prefix. attention_up: which up blocks have attention."""
    fixed = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    owner, _, leaf = name.rpartition(".")
    if owner in fixed:
        return f"{fixed[owner]}.{leaf}"
    m = re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", name)
    if m:
        if m[1] == "attentions":
            return "middle_block.1." + attention_name(m[3])
        return f"middle_block.{2 * int(m[2])}." + res_name(m[3])
    m = re.fullmatch(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", name)
    b, kind, index, rest = int(m[2]), m[3], int(m[4]), m[5]
    if m[1] == "down":
        at = f"input_blocks.{1 + b * (layers + 1) + (layers if kind == 'downsamplers' else index)}"
    else:
        at = f"output_blocks.{b * (layers + 1) + (layers if kind == 'upsamplers' else index)}"
    if kind == "downsamplers":
        return f"{at}.0.op.{leaf}"
    if kind == "upsamplers":
        return f"{at}.{2 if attention_up[b] else 1}.conv.{leaf}"
    if kind == "resnets":
        return f"{at}.0." + res_name(rest)
    return f"{at}.1." + attention_name(rest)


def vae_name(name, levels):
    """diffusers -> sgm, relative to the autoencoder, for encoder, temporal decoder and quant_conv."""
    if name.startswith("quant_conv"):
        return name
    side, _, rest = name.partition(".")
    rest = rest.replace("conv_norm_out", "norm_out").replace("time_conv_out", "conv_out.time_mix_conv")
    rest = rest.replace("mid_block.attentions.0", "mid.attn_1")
    m = re.fullmatch(r"mid\.attn_1\.(.*)\.(weight|bias)", rest)
    if m:
        return f"{side}.mid.attn_1.{ATTENTION[m[1]]}.{m[2]}"
    rest = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", rest)
    rest = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", rest)
    rest = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", rest)
    rest = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{levels - 1 - int(m[1])}.block", rest)
    rest = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", rest)
    rest = rest.replace("conv_shortcut", "nin_shortcut").replace("spatial_res_block.", "")
    rest = rest.replace("time_mixer.mix_factor", "mix_factor")
    m = re.fullmatch(r"(.*)\.temporal_res_block\.(\w+)\.(\w+)", rest)
    if m:
        rest = f"{m[1]}.time_stack.{RES[m[2]]}.{m[3]}"
    return f"{side}.{rest}"


def vae_shape(name, shape):
    """sgm keeps the attention's linear layers as 1x1 convolutions."""
    return (*shape, 1, 1) if "attentions.0.to_" in name and len(shape) == 2 else shape


def without_time(name):
    """The per-frame decoder that embedders.3 carries along has no temporal tensors."""
    return not any(t in name for t in ("temporal_res_block", "time_mixer", "time_conv_out"))


def vae_lines(table, levels):
    lines = []
    for name, (shape, spec) in table.items():
        sgm, shape = vae_name(name, levels), vae_shape(name, shape)
        encoder = name.startswith("encoder.")
        if not name.startswith("quant_conv"):
            unused = encoder  # the encoder of first_stage_model
            lines.append((FIRST_STAGE + sgm, shape, [part(spec, None if unused else "vae/" + name)]))
        if encoder or name.startswith("quant_conv"):
            lines.append((ENCODER + sgm, shape, [part(spec, "vae/" + name)]))
        elif without_time(name):
            lines.append((ENCODER + sgm, shape, [part(spec)]))
    latent = table["decoder.conv_in.weight"][0][1]
    for leaf, shape in (("weight", (latent, latent, 1, 1)), ("bias", (latent,))):
        lines.append((f"{ENCODER}post_quant_conv.{leaf}", shape, [part(spec_for(f"post_quant_conv.{leaf}", shape))]))
    return sorted(lines, key=lambda line: not line[0].startswith(FIRST_STAGE))


def clip_lines(table):
    v = "vision_model."
    lines = []

    def add(sgm, *names, shape=None, transposed=False):
        full, spec = table[names[0]]
        if len(names) > 1:
            full = (len(names) * full[0], *full[1:])
        parts = [part(table[n][1], "image_encoder/" + n, transposed) for n in names]
        lines.append((VISUAL + sgm, shape or full, parts))

    def pair(sgm, name):
        for leaf in ("weight", "bias"):
            add(f"{sgm}.{leaf}", f"{name}.{leaf}")

    add("class_embedding", v + "embeddings.class_embedding")
    add("positional_embedding", v + "embeddings.position_embedding.weight")
    projection = table["visual_projection.weight"][0]
    add("proj", "visual_projection.weight", shape=projection[::-1], transposed=True)
    add("conv1.weight", v + "embeddings.patch_embedding.weight")
    pair("ln_pre", v + "pre_layrnorm")
    layers = 1 + max(int(m[1]) for m in (re.match(r"vision_model\.encoder\.layers\.(\d+)", n) for n in table) if m)
    for i in range(layers):
        a, b = f"transformer.resblocks.{i}.", f"{v}encoder.layers.{i}."
        pair(a + "ln_1", b + "layer_norm1")
        for leaf in ("weight", "bias"):
            add(f"{a}attn.in_proj_{leaf}", *(f"{b}self_attn.{q}_proj.{leaf}" for q in "qkv"))
        pair(a + "attn.out_proj", b + "self_attn.out_proj")
        pair(a + "ln_2", b + "layer_norm2")
        pair(a + "mlp.c_fc", b + "mlp.fc1")
        pair(a + "mlp.c_proj", b + "mlp.fc2")
    pair("ln_post", v + "post_layernorm")
    return lines


def text_lines(width):
    """What is left of the text tower in published files; nothing reads it."""
    shapes = {
        "positional_embedding": (7, width),
        "text_projection": (width, width),
        "logit_scale": (),
        "token_embedding.weight": (16, width),
        "ln_final.weight": (width,),
        "ln_final.bias": (width,),
    }
    return [(TEXT + n, s, [part(amplitude(0.1))]) for n, s in shapes.items()]


def make(path, name, config, tables, dtype):
    attention_up = ["CrossAttn" in t for t in config["unet"]["up_block_types"]]
    layers, levels = config["unet"]["layers_per_block"], len(config["vae"]["block_out_channels"])
    lines = [
        (UNET + unet_name(n, layers, attention_up), shape, [part(spec, "unet/" + n)])
        for n, (shape, spec) in tables["unet"].items()
    ]
    lines += vae_lines(tables["vae"], levels)
    lines += clip_lines(tables["image_encoder"])
    lines += text_lines(config["clip"]["projection_dim"])
    assert len({line[0] for line in lines}) == len(lines)
    write_lines(path, f"{name}/", dtype, lines)
