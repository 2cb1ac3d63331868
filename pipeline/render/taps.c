#include "render/taps.h"

#include <stdio.h>
#include <stdlib.h>

#include "weights/tensor_file.h"

struct ps_taps {
    struct ps_tensor_writer *writer;
    uint64_t channels, h, w;             /* of latents */
    uint64_t image_side, projection;     /* of the vision tower */
    uint64_t frame_count, height, width; /* of the clip */
    float *values, *planar;              /* room for the largest tensor that passes through */
    float *frames;                       /* [frames, 3, height, width], written at the end */
};

static bool allocate(struct ps_taps *taps)
{
    const uint64_t frame = 3 * taps->height * taps->width, pixels = 3 * taps->image_side * taps->image_side;
    const uint64_t latents = taps->frame_count * taps->channels * taps->h * taps->w;
    uint64_t largest = frame > pixels ? frame : pixels;
    largest = latents > largest ? latents : largest;
    largest = taps->projection > largest ? taps->projection : largest;
    taps->values = malloc(largest * sizeof *taps->values);
    taps->planar = malloc(largest * sizeof *taps->planar);
    taps->frames = malloc(taps->frame_count * frame * sizeof *taps->frames);
    return taps->values && taps->planar && taps->frames;
}

enum ps_status ps_taps_open(struct ps_taps **out, const struct ps_request *request,
                            const struct ps_model *model, struct ps_error *error)
{
    const struct ps_render_params *params = &request->params;
    *out = NULL;
    if (!params->taps)
        return PS_OK;
    struct ps_taps *taps = calloc(1, sizeof *taps);
    if (!taps)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    taps->channels = request->latent_channels;
    taps->h = request->latent_h;
    taps->w = request->latent_w;
    taps->image_side = model->vision.config.image_size;
    taps->projection = model->vision.config.projection_dim;
    taps->frame_count = params->frames;
    taps->height = params->height;
    taps->width = params->width;
    if (!allocate(taps))
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    else
        ps_tensor_writer_open(&taps->writer, params->taps, params->overwrite, 5 + 2 * params->steps, error);
    if (error->status)
        ps_taps_close(&taps);
    *out = taps;
    return error->status;
}

enum ps_status ps_taps_commit(struct ps_taps *taps, struct ps_error *error)
{
    if (!taps)
        return PS_OK;
    const uint64_t shape[4] = {taps->frame_count, 3, taps->height, taps->width};
    ps_tensor_writer_add(taps->writer, "decoder.frames", 4, shape, taps->frames, error);
    return ps_tensor_writer_finish(taps->writer, error);
}

void ps_taps_close(struct ps_taps **taps)
{
    if (!*taps)
        return;
    ps_tensor_writer_close(&(*taps)->writer);
    free((*taps)->values);
    free((*taps)->planar);
    free((*taps)->frames);
    free(*taps);
    *taps = NULL;
}

/* Writes [1, h, w, c] as [1, c, h, w]. */
static void add_image(struct ps_taps *taps, const char *name, const float *values, uint64_t h, uint64_t w,
                      uint64_t c, struct ps_error *error)
{
    const uint64_t shape[4] = {1, c, h, w};
    ps_channels_first(taps->planar, values, 1, h * w, c);
    ps_tensor_writer_add(taps->writer, name, 4, shape, taps->planar, error);
}

enum ps_status ps_taps_inputs(struct ps_taps *taps, const float *pixels, const float *image,
                              struct ps_error *error)
{
    if (!taps)
        return PS_OK;
    add_image(taps, "clip.pixel_values", pixels, taps->image_side, taps->image_side, 3, error);
    add_image(taps, "vae.image", image, taps->height, taps->width, 3, error);
    return error->status;
}

enum ps_status ps_taps_encoded(struct ps_taps *taps, const float *embedding, const float *image_latents,
                               struct ps_error *error)
{
    if (!taps)
        return PS_OK;
    const uint64_t shape[2] = {1, taps->projection};
    ps_tensor_writer_add(taps->writer, "clip.image_embeds", 2, shape, embedding, error);
    add_image(taps, "vae.image_latents", image_latents, taps->h, taps->w, taps->channels, error);
    return error->status;
}

/* Writes a float32 tensor [frames, h, w, c] as [1, frames, c, h, w]. */
static void add_latents(struct ps_taps *taps, struct ps_run *run, const char *name, uint32_t step,
                        struct ps_tensor t)
{
    const uint64_t shape[5] = {1, t.n, t.c, t.h, t.w};
    char numbered[32];
    snprintf(numbered, sizeof numbered, "%s.%u", name, step);
    ps_download_floats(run, t, taps->values);
    if (!ps_run_ok(run))
        return;
    ps_channels_first(taps->planar, taps->values, t.n, (uint64_t)t.h * t.w, t.c);
    ps_tensor_writer_add(taps->writer, numbered, 5, shape, taps->planar, run->error);
}

void ps_taps_step(struct ps_taps *taps, struct ps_run *run, uint32_t step, struct ps_tensor v,
                  struct ps_tensor latents)
{
    if (!taps || !ps_run_ok(run))
        return;
    add_latents(taps, run, "unet.v", step, v);
    add_latents(taps, run, "latents", step, latents);
}

void ps_taps_frame(struct ps_taps *taps, uint32_t frame, const float *pixels)
{
    if (!taps)
        return;
    const uint64_t count = taps->height * taps->width;
    ps_channels_first(taps->frames + frame * 3 * count, pixels, 1, count, 3);
}

void ps_channels_last(float *to, const float *from, uint64_t frames, uint64_t pixels, uint64_t channels)
{
    for (uint64_t f = 0; f < frames; f++)
        for (uint64_t p = 0; p < pixels; p++)
            for (uint64_t c = 0; c < channels; c++)
                *to++ = from[(f * channels + c) * pixels + p];
}

void ps_channels_first(float *to, const float *from, uint64_t frames, uint64_t pixels, uint64_t channels)
{
    for (uint64_t f = 0; f < frames; f++)
        for (uint64_t c = 0; c < channels; c++)
            for (uint64_t p = 0; p < pixels; p++)
                *to++ = from[(f * pixels + p) * channels + c];
}
