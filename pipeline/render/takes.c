#include "render/takes.h"

#include <stdlib.h>
#include <string.h>

#include "media/framing.h"
#include "media/resample.h"
#include "render/state.h"
#include "sample/noise.h"
#include "weights/tensor_file.h"

float *ps_new_floats(uint64_t count, struct ps_error *error)
{
    float *floats = malloc((size_t)count * sizeof *floats);
    if (!floats)
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory: %llu MiB asked for",
                (unsigned long long)(count * sizeof *floats >> 20));
    return floats;
}

static enum ps_status check_takes(const struct ps_takes *takes, const struct ps_render_params *params,
                                  struct ps_error *error)
{
    if (!ps_param_in_range("takes", takes->count, 1, PS_MAX_TAKES, error))
        return error->status;
    if (takes->until > params->steps) {
        ps_fail(error, PS_ERR_USAGE, "usage.range", "a draft of %u steps: the render has %u", takes->until,
                params->steps);
        ps_hint(error, "ask for a draft of fewer steps, or for more steps");
        return error->status;
    }
    if (takes->count > 1 && (params->taps || params->taps_in))
        return ps_fail(error, PS_ERR_USAGE, "usage.conflict", "taps are of one clip, not of %u",
                       takes->count);
    if (takes->count > 1 && params->state)
        return ps_fail(error, PS_ERR_USAGE, "usage.conflict", "a state is of one clip, not of %u",
                       takes->count);
    if (params->taps && params->state)
        return ps_fail(error, PS_ERR_USAGE, "usage.conflict",
                       "taps are of every step, and a render that goes on from a state does not have them");
    return params->state ? ps_state_check(params->state, error) : PS_OK;
}

static enum ps_status resume_take(struct ps_take *take, const struct ps_session *session, const char *path,
                                  struct ps_error *error)
{
    struct ps_safetensors *file = NULL;
    if (!ps_tensor_file_open(&file, path, error))
        ps_take_load(take, session, file, error);
    ps_safetensors_close(&file);
    return error->status;
}

enum ps_status ps_takes_open(struct ps_session *session, const struct ps_takes *takes, struct ps_error *error)
{
    const struct ps_render_params *params = &session->request->params;
    if (check_takes(takes, params, error))
        return error->status;
    session->until = takes->until ? takes->until : params->steps;
    session->takes = calloc(takes->count, sizeof *session->takes);
    if (!session->takes)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    session->take_count = takes->count;
    for (uint32_t i = 0; i < takes->count && !error->status; i++) {
        session->takes[i].seed = params->seed + i;
        if (takes->resume && takes->resume[i])
            resume_take(&session->takes[i], session, takes->resume[i], error);
    }
    return error->status;
}

static void free_take(struct ps_take *take)
{
    free(take->image);
    free(take->image_latents);
    free(take->latents);
    free(take->preview);
}

void ps_takes_close(struct ps_session *session)
{
    for (uint32_t i = 0; i < session->take_count; i++)
        free_take(&session->takes[i]);
    free(session->takes);
    session->takes = NULL;
    session->take_count = 0;
    free(session->photo);
    free(session->photo_alpha);
    free(session->pixels);
    free(session->embedding);
    free(session->spare);
    ps_state_close(&session->state);
    ps_taps_close(&session->taps);
    ps_clip_free(&session->clip);
}

/* Fills `image` [height, width, 3] and `latents` [frames, h, w, c] with unit normals of the seed. Generators draw in
 * diffusers' layout, channels first. */
static enum ps_status draw_noise(const struct ps_request *request, uint64_t seed, float *image,
                                 float *latents, struct ps_error *error)
{
    const struct ps_render_params *params = &request->params;
    const uint64_t pixels = (uint64_t)params->width * params->height;
    const uint64_t cells = (uint64_t)request->latent_h * request->latent_w,
                   channels = request->latent_channels;
    const uint64_t latent_count = params->frames * cells * channels;
    float *drawn_image = ps_new_floats(3 * pixels, error), *drawn = ps_new_floats(latent_count, error);
    if (!error->status) {
        ps_draw_noise(params->rng, seed, drawn_image, 3 * pixels, drawn, latent_count);
        ps_channels_last(image, drawn_image, 1, pixels, 3);
        ps_channels_last(latents, drawn, params->frames, cells, channels);
        ps_taps_read_noise(request, image, latents, error);
    }
    free(drawn_image);
    free(drawn);
    return error->status;
}

/* Of a take that has steps left: the photo under its noise and, unless they were read, latents at the first noise
 * level. */
static enum ps_status prepare_take(struct ps_take *take, const struct ps_session *session,
                                   struct ps_error *error)
{
    const struct ps_request *request = session->request;
    const struct ps_render_params *params = &request->params;
    const uint64_t values = 3ull * params->width * params->height;
    const uint64_t count = ps_latent_frame(request) * params->frames;
    float *latents = ps_new_floats(count, error);
    take->image = ps_new_floats(values, error);
    take->image_latents = ps_new_floats(ps_latent_frame(request), error);
    if (session->until < params->steps && !take->preview)
        take->preview = ps_new_floats(count, error);
    if (!error->status && !draw_noise(request, take->seed, take->image, latents, error)) {
        for (uint64_t i = 0; i < values; i++)
            take->image[i] =
                (float)session->photo[i] / 255.0f * 2.0f - 1.0f + params->noise_augmentation * take->image[i];
        const float scale = ps_initial_scale(&request->sigmas);
        for (uint64_t i = 0; i < count; i++)
            latents[i] *= scale;
        if (!take->latents) {
            take->latents = latents;
            latents = NULL;
        }
    }
    free(latents);
    return error->status;
}

/* Frames the photo, for the VAE and for the clips, and makes the vision tower's pixels. */
static enum ps_status prepare_photo(struct ps_session *session, const struct ps_photo *photo,
                                    struct ps_error *error)
{
    const struct ps_render_params *params = &session->request->params;
    const struct ps_vision_config *vision = &session->model->vision.config;
    const struct ps_framing framing = {params->fit, params->focus, params->focus_x, params->focus_y,
                                       params->pad_colour};
    const struct ps_size frame = {params->width, params->height};
    const uint64_t side = vision->image_size;
    struct ps_framed framed = {0};
    float *planar = ps_new_floats(3 * side * side, error);
    session->pixels = ps_new_floats(3 * side * side, error);
    session->embedding = ps_new_floats(vision->projection_dim, error);
    session->photo = malloc((size_t)frame.width * frame.height * 3);
    if (!session->photo)
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    if (!error->status && !ps_frame_photo(&framed, photo, &framing, frame, error) &&
        !ps_vision_pixels(planar, vision->image_size, &framed.view, vision->mean, vision->std, error) &&
        !ps_resize_lanczos(session->photo, frame.width, frame.height, &framed.view, error) &&
        !ps_frame_alpha(&session->photo_alpha, photo, &framed.placement, frame, error))
        ps_channels_last(session->pixels, planar, 1, side * side, 3);
    if (!error->status && params->focus == PS_FOCUS_POINT) {
        const struct ps_size size = {ps_photo_width(photo), ps_photo_height(photo)};
        const struct ps_point point = {(double)params->focus_x, (double)params->focus_y};
        session->focus = ps_placed_point(&framed.placement, size, frame, point);
        session->has_focus = true;
    }
    ps_framed_free(&framed);
    free(planar);
    return error->status;
}

enum ps_status ps_takes_prepare(struct ps_session *session, const struct ps_photo *photo,
                                struct ps_error *error)
{
    if (ps_taps_open(&session->taps, session->request, session->model, error) ||
        prepare_photo(session, photo, error) || ps_state_open(session, error))
        return error->status;
    session->spare =
        ps_new_floats(ps_latent_frame(session->request) * session->request->params.frames, error);
    for (uint32_t i = 0; i < session->take_count && !error->status; i++)
        if (session->takes[i].step < session->until)
            prepare_take(&session->takes[i], session, error);
    if (!error->status && session->takes[0].image)
        ps_taps_inputs(session->taps, session->pixels, session->takes[0].image, error);
    return error->status;
}

static uint8_t *copy(const uint8_t *bytes, size_t size, struct ps_error *error)
{
    uint8_t *copied = bytes ? malloc(size) : NULL;
    if (bytes && !copied)
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    return copied ? memcpy(copied, bytes, size) : NULL;
}

enum ps_status ps_take_clip(struct ps_session *session, struct ps_error *error)
{
    const struct ps_render_params *params = &session->request->params;
    const size_t pixels = (size_t)params->width * params->height;
    if (ps_clip_new(&session->clip, params->width, params->height, params->frames, params->fps, error))
        return error->status;
    uint8_t *photo = copy(session->photo, 3 * pixels, error);
    ps_clip_take_photo(session->clip, photo, copy(session->photo_alpha, pixels, error));
    session->clip->has_focus = session->has_focus;
    session->clip->focus = session->focus;
    return error->status;
}
