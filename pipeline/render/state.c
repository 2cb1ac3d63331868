#include "render/state.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"
#include "base/printable.h"
#include "render/takes.h"
#include "weights/tensor_file.h"

enum { MAX_FACTS = 24 };

struct ps_state {
    const char *path;
    uint32_t count;
    struct ps_note facts[MAX_FACTS + 2]; /* with room for what is told of the latents */
};

/* How the header of every state begins: the first of the facts. */
static const char mark[] = "{\"__metadata__\":{\"packshot\":\"state\"";

/* ---- what is no state is not replaced ---- */

static bool is_state(int fd)
{
    char begin[8 + sizeof mark - 1];
    const ssize_t got = pread(fd, begin, sizeof begin, 0);
    return !got || (got == sizeof begin && !memcmp(begin + 8, mark, sizeof mark - 1));
}

enum ps_status ps_state_check(const char *path, struct ps_error *error)
{
    if (ps_output_check(path, true, error))
        return error->status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    if (fd < 0)
        return PS_OK;
    if (!is_state(fd)) {
        ps_fail(error, PS_ERR_INPUT, "state.foreign",
                "%.300s: is no state that packshot wrote, and would be replaced by one", path);
        ps_hint(error, "name another file for the state, or remove this one");
    }
    close(fd);
    return error->status;
}

/* ---- facts ---- */

static void add(struct ps_state *state, const char *key, const char *format, ...) PS_PRINTF(3, 4);

static void add(struct ps_state *state, const char *key, const char *format, ...)
{
    char text[sizeof state->facts->text];
    struct ps_note *fact = &state->facts[state->count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fact->key = key;
    ps_printable(fact->text, sizeof fact->text, text, false);
}

static void add_real(struct ps_state *state, const char *key, float value)
{
    char text[PS_REAL_TEXT];
    add(state, key, "%s", ps_real_text(text, value));
}

/* The SHA-256 of bytes, or "none" for none. */
static void add_hash(struct ps_state *state, const char *key, const void *bytes, uint64_t size,
                     struct ps_error *error)
{
    char hash[PS_SHA256_TEXT] = "none";
    if (bytes && ps_sha256(hash, bytes, (size_t)size))
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    add(state, key, "%s", hash);
}

/* As the frame, the encoder and the vision tower see it, so that how it fills the frame counts too. */
static void add_photo(struct ps_state *state, const struct ps_session *session, struct ps_error *error)
{
    const struct ps_render_params *params = &session->request->params;
    const uint64_t side = session->model->vision.config.image_size;
    add_hash(state, "photo", session->photo, 3ull * params->width * params->height, error);
    add_hash(state, "view", session->pixels, 3 * side * side * sizeof *session->pixels, error);
}

static void add_checkpoint(struct ps_state *state, const struct ps_model *model, struct ps_error *error)
{
    const uint32_t count = model->checkpoint->file_count;
    char *all = malloc((size_t)count * PS_SHA256_TEXT + 1);
    if (!model->files)
        ps_fail(error, PS_ERR_USAGE, "usage.state", "a state needs a model that has been identified");
    else if (!all)
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    else {
        for (uint32_t i = 0; i < count; i++)
            memcpy(all + (size_t)i * PS_SHA256_TEXT, model->files[i].sha256, PS_SHA256_TEXT);
        add_hash(state, "checkpoint", all, (uint64_t)count * PS_SHA256_TEXT, error);
    }
    free(all);
}

/* What sampling starts from: a file of noise, latents that were handed over, or what the seed gives. */
static void add_beginning(struct ps_state *state, const struct ps_session *session, struct ps_error *error)
{
    const struct ps_request *request = session->request;
    const struct ps_take *take = &session->takes[0];
    char noise[PS_SHA256_TEXT] = "none";
    if (request->params.taps_in)
        ps_file_hash(noise, request->params.taps_in, error);
    add(state, "noise", "%s", noise);
    add_hash(state, "begun", take->latents,
             request->params.frames * ps_latent_frame(request) * sizeof *take->latents, error);
}

/* How latents are decoded does not count. */
static void add_params(struct ps_state *state, const struct ps_request *request, struct ps_error *error)
{
    const struct ps_render_params *params = &request->params;
    add(state, "width", "%u", params->width);
    add(state, "height", "%u", params->height);
    add(state, "frames", "%u", params->frames);
    add(state, "fps", "%u", params->fps);
    add_real(state, "motion", params->motion);
    add_real(state, "noise-aug", params->noise_augmentation);
    add_real(state, "guidance-min", params->guidance_min);
    add_real(state, "guidance-max", params->guidance_max);
    add(state, "steps", "%u", request->sigmas.steps);
    add_hash(state, "sigmas", request->sigmas.sigma,
             (request->sigmas.steps + 1) * sizeof *request->sigmas.sigma, error);
    add(state, "seed", "%llu", (unsigned long long)params->seed);
    add(state, "rng", "%s", ps_rng_words[params->rng]);
    add(state, "dtype", "%s", ps_dtype_words[params->dtype - PS_DTYPE_F32]);
    add(state, "weights", "%s", ps_weights_words[params->weights]);
}

static void add_facts(struct ps_state *state, const struct ps_session *session, struct ps_error *error)
{
    const struct ps_device *device = &session->model->context->device;
    add(state, "packshot", "state");
    add(state, "version", "%s", PS_VERSION);
    add(state, "device", "%s", device->name);
    add(state, "driver", "%s", device->driver);
    add_checkpoint(state, session->model, error);
    add_params(state, session->request, error);
    add_photo(state, session, error);
    add_beginning(state, session, error);
}

/* The hash of a take's latents or preview; "none" for null. */
static void make_hash(struct ps_note *note, const char *key, const float *values,
                      const struct ps_session *session, struct ps_error *error)
{
    const uint64_t count = session->request->params.frames * ps_latent_frame(session->request);
    note->key = key;
    snprintf(note->text, sizeof note->text, "none");
    if (values && ps_sha256(note->text, values, (size_t)count * sizeof *values))
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
}

/* The note that a file was not changed since: a hash over all others and the latents. The preview has one of its own,
 * since not every reader reads it. */
static enum ps_status make_seal(struct ps_note *seal, const struct ps_state *state,
                                const struct ps_session *session, const struct ps_take *take,
                                const char *preview, struct ps_error *error)
{
    struct ps_note latents;
    char *text = NULL;
    size_t size;
    make_hash(&latents, "latents", take->latents, session, error);
    FILE *to = open_memstream(&text, &size);
    for (uint32_t i = 0; i < state->count && to; i++)
        fprintf(to, "%s %s\n", state->facts[i].key, state->facts[i].text);
    if (to)
        fprintf(to, "%u %s %s\n", take->step, latents.text, preview);
    seal->key = "seal";
    if (!to || fclose(to) || ps_sha256(seal->text, text, size))
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    free(text);
    return error->status;
}

/* ---- reading and writing ---- */

static enum ps_status compare(const struct ps_state *state, const struct ps_safetensors *file,
                              struct ps_error *error)
{
    for (uint32_t i = 0; i < state->count; i++) {
        const struct ps_note *fact = &state->facts[i];
        const char *found = ps_safetensors_metadata(file, fact->key);
        if (!found || strcmp(found, fact->text) != 0)
            return ps_fail(error, PS_ERR_INPUT, "state.differs",
                           "%s is the state of another render: its %s is %.64s, not %.64s", file->label,
                           fact->key, found ? found : "missing", fact->text);
    }
    return PS_OK;
}

/* That the file is as it was written, and no step back. */
static enum ps_status check_found(const struct ps_state *state, const struct ps_session *session,
                                  const struct ps_take *take, const struct ps_safetensors *file,
                                  struct ps_error *error)
{
    struct ps_note seal, preview;
    const char *sealed = ps_safetensors_metadata(file, "seal");
    const char *seen = ps_safetensors_metadata(file, "preview");
    if (take->step < session->takes[0].step)
        return ps_fail(error, PS_ERR_INPUT, "state.behind", "%s is of step %u, and step %u is at hand",
                       file->label, take->step, session->takes[0].step);
    make_hash(&preview, "preview", take->preview, session, error);
    if (make_seal(&seal, state, session, take, seen ? seen : "none", error))
        return error->status;
    if (sealed && !strcmp(sealed, seal.text) && (!take->preview || !strcmp(seen ? seen : "", preview.text)))
        return PS_OK;
    return ps_fail(error, PS_ERR_INPUT, "state.damaged",
                   "%s is damaged: its content does not match its SHA-256", file->label);
}

/* Takes over what was found. */
static void go_on(struct ps_take *take, struct ps_take *found)
{
    free(take->latents);
    free(take->preview);
    take->step = found->step;
    take->latents = found->latents;
    take->preview = found->preview;
    *found = (struct ps_take){0};
}

static void read_state(struct ps_session *session)
{
    const struct ps_state *state = session->state;
    const struct ps_log *log = &session->model->context->log;
    struct ps_safetensors *file = NULL;
    struct ps_take found = {0};
    struct ps_error problem = {0};
    if (!ps_tensor_file_open(&file, state->path, &problem) && !compare(state, file, &problem) &&
        !ps_take_load(&found, session, file, &problem))
        check_found(state, session, &found, file, &problem);
    if (!problem.status) {
        go_on(&session->takes[0], &found);
        ps_log(log, PS_LOG_INFO, "going on after step %u of %u, from %s", session->takes[0].step,
               session->until, file->label);
    } else if (strcmp(problem.id, "tensors.not-found") != 0) {
        ps_log(log, PS_LOG_WARNING, "%s; this render begins at its beginning", problem.message);
    }
    free(found.latents);
    free(found.preview);
    ps_safetensors_close(&file);
}

enum ps_status ps_state_open(struct ps_session *session, struct ps_error *error)
{
    if (!session->request->params.state)
        return PS_OK;
    struct ps_state *state = session->state = calloc(1, sizeof *state);
    if (!state)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    state->path = session->request->params.state;
    add_facts(state, session, error);
    if (!error->status)
        read_state(session);
    return error->status;
}

void ps_state_close(struct ps_state **state)
{
    free(*state);
    *state = NULL;
}

enum ps_status ps_state_write(const struct ps_state *state, const struct ps_session *session,
                              struct ps_error *error)
{
    const struct ps_take *take = &session->takes[0];
    const bool has_preview = take->preview && take->step == session->until;
    struct ps_state noted;
    if (!state)
        return PS_OK;
    noted = *state;
    struct ps_note *preview = &noted.facts[noted.count++], *seal = &noted.facts[noted.count++];
    make_hash(preview, "preview", has_preview ? take->preview : NULL, session, error);
    if (make_seal(seal, state, session, take, preview->text, error))
        return error->status;
    return ps_take_keep(take, session, state->path, true, noted.facts, noted.count, error);
}
