/* The file of a take's latents: "latents" [1, frames, c, h, w] after "steps" [1] sampling steps at the noise levels
 * "sigmas" [steps + 1], and of a draft "preview", as large, for noise level 0. float32, channels first as in taps. */
#include <stdlib.h>
#include <string.h>

#include "render/takes.h"
#include "weights/tensor_file.h"

enum { MAX_TENSORS = 4 };

static enum ps_status add_latents(struct ps_tensor_writer *writer, const char *name, const float *latents,
                                  const struct ps_request *request, struct ps_error *error)
{
    const uint64_t frames = request->params.frames, c = request->latent_channels;
    const uint64_t shape[5] = {1, frames, c, request->latent_h, request->latent_w};
    float *planar = ps_new_floats(frames * ps_latent_frame(request), error);
    if (!planar)
        return error->status;
    ps_channels_first(planar, latents, frames, shape[3] * shape[4], c);
    ps_tensor_writer_add(writer, name, 5, shape, planar, error);
    free(planar);
    return error->status;
}

enum ps_status ps_take_keep(const struct ps_take *take, const struct ps_session *session, const char *path,
                            bool overwrite, const struct ps_note *notes, uint32_t count,
                            struct ps_error *error)
{
    const struct ps_request *request = session->request;
    const uint64_t one = 1, levels = request->sigmas.steps + 1;
    const float steps = (float)take->step;
    const bool has_preview = take->preview && take->step == session->until;
    struct ps_tensor_writer *writer = NULL;
    ps_tensor_writer_open(&writer, path, overwrite, MAX_TENSORS, error);
    for (uint32_t i = 0; i < count && !error->status; i++)
        ps_tensor_writer_note(writer, notes[i].key, notes[i].text, error);
    if (!error->status && !ps_tensor_writer_add(writer, "steps", 1, &one, &steps, error) &&
        !ps_tensor_writer_add(writer, "sigmas", 1, &levels, request->sigmas.sigma, error) &&
        !add_latents(writer, "latents", take->latents, request, error) &&
        (!has_preview || !add_latents(writer, "preview", take->preview, request, error)))
        ps_tensor_writer_finish(writer, error);
    ps_tensor_writer_close(&writer);
    return error->status;
}

/* Reads a tensor that has to be there, of this shape. */
static enum ps_status read_tensor(const struct ps_safetensors *file, const char *name, uint32_t rank,
                                  const uint64_t *shape, float *to, struct ps_error *error)
{
    char found[PS_DIMS_TEXT], expected[PS_DIMS_TEXT];
    const struct ps_file_tensor *tensor = ps_safetensors_find(file, name);
    if (!tensor)
        return ps_fail(error, PS_ERR_INPUT, "latents.missing", "%s: has no tensor %s", file->label, name);
    if (tensor->rank != rank || memcmp(tensor->shape, shape, rank * sizeof *shape) != 0)
        return ps_fail(error, PS_ERR_INPUT, "latents.shape", "%s: %s is %s; this render needs %s",
                       file->label, name, ps_dims_text(tensor->rank, tensor->shape, found),
                       ps_dims_text(rank, shape, expected));
    return ps_tensor_file_read(file, tensor, to, error);
}

/* Channels last, in memory of its own. */
static float *read_latents(const struct ps_safetensors *file, const char *name,
                           const struct ps_request *request, struct ps_error *error)
{
    const uint64_t frames = request->params.frames, c = request->latent_channels;
    const uint64_t shape[5] = {1, frames, c, request->latent_h, request->latent_w};
    float *planar = ps_new_floats(frames * ps_latent_frame(request), error);
    float *latents = ps_new_floats(frames * ps_latent_frame(request), error);
    if (!error->status && !read_tensor(file, name, 5, shape, planar, error))
        ps_channels_last(latents, planar, frames, shape[3] * shape[4], c);
    free(planar);
    if (!error->status)
        return latents;
    free(latents);
    return NULL;
}

/* Noise levels and steps: fails unless these latents lie on the way of this render, at or before its end. */
static enum ps_status read_way(uint32_t *step, const struct ps_safetensors *file,
                               const struct ps_session *session, struct ps_error *error)
{
    const struct ps_sigmas *sigmas = &session->request->sigmas;
    const uint64_t one = 1, levels = sigmas->steps + 1;
    float steps = 0, *found = ps_new_floats(levels, error);
    if (!error->status && !read_tensor(file, "steps", 1, &one, &steps, error) &&
        !read_tensor(file, "sigmas", 1, &levels, found, error)) {
        if (memcmp(found, sigmas->sigma, levels * sizeof *found) != 0)
            ps_fail(error, PS_ERR_INPUT, "latents.sigmas",
                    "%s: its noise levels are not those of this render", file->label);
        else if (!(steps >= 1 && steps <= (float)session->until) || steps != (float)(uint32_t)steps)
            ps_fail(error, PS_ERR_INPUT, "latents.steps", "%s: after %g steps; expected 1 to %u", file->label,
                    (double)steps, session->until);
        else
            *step = (uint32_t)steps;
    }
    free(found);
    return error->status;
}

enum ps_status ps_take_load(struct ps_take *take, const struct ps_session *session,
                            const struct ps_safetensors *file, struct ps_error *error)
{
    const struct ps_request *request = session->request;
    if (!read_way(&take->step, file, session, error))
        take->latents = read_latents(file, "latents", request, error);
    if (!error->status && take->step == session->until && session->until < request->params.steps)
        take->preview = read_latents(file, "preview", request, error);
    return error->status;
}
