"""The toy pipelines. Between them they cover what the program must take:

name   levels widths          layers   heads (width of one)   VAE            frames  latents  what is special
mini   2      32 64           1        8 4     (4, 16)        3 levels, /4    3      10x6     guidance and noise augmentation off
odd    4      32 32 64 64     1        8 4 4 16 (4 8 16 4)    4 levels, /8    5      9x5      sizes 9x5 5x3 3x2 2x1, quick_gelu
deep   3      32 64 96        2 1 2    1 4 8   (16, 12)       /8, 3 layers    2      7x5      16 latent channels, 1 2 2 transformer layers, no attention at the top
still  2      64 32           1        4       (16, 8)        AutoencoderKL   1      6x8      per-frame decoder, AYS sigmas, attention differs between down and up
long   2      32 96           3        4 8     (8, 12)        /8              14     5x3      decoded in chunks of 5
sgm    4      64 64 128 128   2        1 1 2 2 (64)           /8, 2 layers    2      5x4      SVD's own rules, also as a single file

Widths are multiples of 32 because every group norm has 32 groups.
"""

DOWN, CROSS_DOWN = "DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"
UP, CROSS_UP = "UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"

AYS = [700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.0]


def unet(widths, down, up, layers, heads, cross, frames, latent=4, transformer_layers=1, add_dim=32):
    return dict(
        sample_size=8,
        in_channels=2 * latent,
        out_channels=latent,
        block_out_channels=widths,
        down_block_types=[CROSS_DOWN if a else DOWN for a in down],
        up_block_types=[CROSS_UP if a else UP for a in up],
        addition_time_embed_dim=add_dim,
        projection_class_embeddings_input_dim=3 * add_dim,
        layers_per_block=layers,
        cross_attention_dim=cross,
        transformer_layers_per_block=transformer_layers,
        num_attention_heads=heads,
        num_frames=frames,
    )


def vae(widths, layers, latent=4, scaling=0.18215):
    return dict(
        in_channels=3,
        out_channels=3,
        down_block_types=["DownEncoderBlock2D"] * len(widths),
        block_out_channels=widths,
        layers_per_block=layers,
        latent_channels=latent,
        sample_size=32,
        scaling_factor=scaling,
        force_upcast=True,
    )


def clip(width, heads, patch, projection, act):
    return dict(
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=heads,
        patch_size=patch,
        image_size=224,
        projection_dim=projection,
        hidden_act=act,
    )


def run(width, height, frames, photo, guidance, noise_aug, steps=None, sigmas=None, chunk=None, fps=7, motion=127, seed=0):
    return dict(
        width=width,
        height=height,
        frames=frames,
        photo=photo,
        fps=fps,
        motion=motion,
        noise_aug=noise_aug,
        steps=steps,
        sigmas=sigmas,
        guidance_min=guidance[0],
        guidance_max=guidance[1],
        decode_chunk=chunk,
        seed=seed,
    )


PIPELINES = {
    "mini": dict(
        pixel_values=True,
        dtype="F32",
        unet=unet([32, 64], [1, 0], [0, 1], 1, [8, 4], 24, 3),
        vae=vae([32, 32, 64], 1),
        clip=clip(32, 4, 32, 24, "gelu"),
        run=run(40, 24, 3, (123, 77), (1.0, 1.0), 0.0, steps=2, seed=1),
    ),
    "odd": dict(
        dtype="F16",
        unet=unet([32, 32, 64, 64], [1, 1, 1, 0], [0, 1, 1, 1], 1, [8, 4, 4, 16], 32, 5),
        vae=vae([32, 32, 64, 64], 2),
        clip=clip(48, 4, 14, 32, "quick_gelu"),
        run=run(72, 40, 5, (77, 123), (1.0, 3.0), 0.02, steps=3, seed=2),
    ),
    "deep": dict(
        dtype="F16",
        unet=unet([32, 64, 96], [0, 1, 1], [1, 1, 0], [2, 1, 2], [1, 4, 8], 40, 2, latent=16, transformer_layers=[1, 2, 2]),
        vae=vae([32, 32, 32, 64], 3, latent=16, scaling=0.25),
        clip=clip(64, 4, 14, 40, "gelu"),
        run=run(56, 40, 2, (260, 150), (1.5, 2.5), 0.02, steps=3, fps=12, motion=40, seed=3),
    ),
    "still": dict(
        dtype="F16",
        unet=unet([64, 32], [0, 1], [0, 1], 1, 4, 24, 1),
        vae=vae([32, 32, 32, 32], 2),
        image_decoder=True,
        clip=clip(32, 2, 32, 24, "quick_gelu"),
        run=run(48, 64, 1, (64, 90), (2.0, 2.0), 0.02, sigmas=AYS, fps=25, motion=200, seed=4),
    ),
    "long": dict(
        dtype="F16",
        unet=unet([32, 96], [1, 0], [0, 1], 3, [4, 8], 32, 14),
        vae=vae([32, 32, 32, 64], 1),
        clip=clip(32, 4, 32, 32, "gelu"),
        run=run(40, 24, 14, (123, 77), (1.0, 3.0), 0.02, steps=4, chunk=5, seed=5),
    ),
    "sgm": dict(
        single_file=True,
        dtype="F16",
        unet=unet([64, 64, 128, 128], [1, 1, 1, 0], [0, 1, 1, 1], 2, [1, 1, 2, 2], 48, 25, add_dim=256),
        vae=vae([32, 64, 64, 64], 2),
        clip=clip(160, 2, 14, 48, "gelu"),
        run=run(40, 32, 2, (123, 77), (1.0, 3.0), 0.02, steps=2, seed=6),
    ),
}

# The published scheduler configuration of SVD and SVD-XT.
SCHEDULER = dict(
    beta_end=0.012,
    beta_schedule="scaled_linear",
    beta_start=0.00085,
    interpolation_type="linear",
    num_train_timesteps=1000,
    prediction_type="v_prediction",
    sigma_max=700.0,
    sigma_min=0.002,
    steps_offset=1,
    timestep_spacing="leading",
    timestep_type="continuous",
    trained_betas=None,
    use_karras_sigmas=True,
)
