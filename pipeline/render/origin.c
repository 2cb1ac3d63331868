#include "render/origin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/printable.h"
#include "media/photo.h"
#include "provenance/hash_cache.h"
#include "provenance/sidecar.h"

/* ---- the checkpoint's hashes ---- */

/* "unet/diffusion_pytorch_model.safetensors", or the file's name alone where it does not lie in a part's
 * folder. */
static void name_weights(char name[PS_ORIGIN_NAME], const char *path)
{
    static const char *const parts[] = {"unet/", "vae/", "image_encoder/"};
    char both[PS_ORIGIN_NAME];
    ps_origin_name(both, path, 2);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!strncmp(both, parts[i], strlen(parts[i]))) {
            memcpy(name, both, PS_ORIGIN_NAME);
            return;
        }
    }
    ps_origin_name(name, path, 1);
}

static enum ps_status identify_file(struct ps_fingerprint *file, const struct ps_safetensors *weights,
                                    const char *cache, struct ps_error *trouble, struct ps_error *error)
{
    const int code = ps_hash_file(file->sha256, weights->fd, cache, trouble);
    name_weights(file->name, weights->label);
    file->bytes = weights->size;
    return code ? ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.read", "%s: cannot be hashed: %s",
                          weights->label, code == EBUSY ? "it was changed meanwhile" : strerror(code))
                : PS_OK;
}

enum ps_status ps_model_identify(struct ps_model *model, const char *cache, struct ps_error *error)
{
    struct ps_error local = {0}, trouble = {0};
    const struct ps_checkpoint *checkpoint = model->checkpoint;
    error = error ? error : &local;
    if (model->files)
        return PS_OK;
    struct ps_fingerprint *files = calloc(checkpoint->file_count, sizeof *files);
    if (!files)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    for (uint32_t i = 0; i < checkpoint->file_count && !error->status; i++)
        identify_file(&files[i], checkpoint->files[i], cache, &trouble, error);
    if (error->status) {
        free(files);
        return error->status;
    }
    model->files = files;
    if (trouble.status)
        ps_log(&model->context->log, PS_LOG_WARNING,
               "hashes of the checkpoint cannot be kept for the next time: %s", trouble.message);
    return PS_OK;
}

enum ps_status ps_model_hash(char text[65], const struct ps_model *model, struct ps_error *error)
{
    enum { LINE = PS_SHA256_TEXT }; /* 64 digits and a line end */
    const uint32_t count = model->checkpoint->file_count;
    text[0] = '\0';
    if (!model->files)
        return ps_fail(error, PS_ERR_USAGE, "usage.model", "the checkpoint was not identified");
    char *lines = malloc((size_t)count * LINE + 1);
    if (!lines)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    for (uint32_t i = 0; i < count; i++)
        snprintf(lines + (size_t)i * LINE, LINE + 1, "%s\n", model->files[i].sha256);
    const int code = ps_sha256(text, lines, (size_t)count * LINE);
    free(lines);
    return code ? ps_fail(error, PS_ERR_MEMORY, "memory.host", "the checkpoint's hash cannot be taken: %s",
                          strerror(code))
                : PS_OK;
}

/* ---- the origin of a clip ---- */

/* The file of --taps-in. */
static enum ps_status identify_noise(struct ps_fingerprint *noise, const char *path, struct ps_error *error)
{
    struct stat about = {0};
    if (ps_file_hash(noise->sha256, path, error))
        return error->status;
    ps_origin_name(noise->name, path, 1);
    noise->bytes = stat(path, &about) ? 0 : (uint64_t)about.st_size;
    return PS_OK;
}

static enum ps_status set_params(struct ps_origin *origin, const struct ps_request *request,
                                 struct ps_error *error)
{
    const struct ps_render_params *params = &request->params;
    origin->params = *params;
    origin->params.sigmas = NULL;
    origin->params.sigma_count = 0;
    origin->params.taps = origin->params.taps_in = origin->params.state = NULL;
    origin->params.memory_bytes = 0;
    origin->params.overwrite = false;
    if (params->sigmas && ps_origin_set_sigmas(origin, params->sigmas, params->sigma_count, error))
        return error->status;
    return params->taps_in ? identify_noise(&origin->noise, params->taps_in, error) : PS_OK;
}

enum ps_status ps_origin_of_render(struct ps_origin **origin, const struct ps_request *request,
                                   const struct ps_model *model, const struct ps_photo *photo,
                                   struct ps_error *error)
{
    const struct ps_checkpoint *checkpoint = model->checkpoint;
    const struct ps_device *device = &model->context->device;
    struct ps_origin *made = ps_origin_new(model->files ? checkpoint->file_count : 0, error);
    *origin = NULL;
    if (!made)
        return error->status;
    if (model->files)
        memcpy(made->files, model->files, made->file_count * sizeof *made->files);
    made->photo = *ps_photo_source(photo);
    made->photo_width = ps_photo_width(photo);
    made->photo_height = ps_photo_height(photo);
    memcpy(made->model, model->name, sizeof made->model);
    memcpy(made->licence, model->licence, sizeof made->licence);
    snprintf(made->layout, sizeof made->layout, "%s", ps_layout_name(checkpoint->layout));
    ps_printable(made->family, sizeof made->family, checkpoint->family, false);
    ps_printable(made->device, sizeof made->device, device->name, false);
    ps_printable(made->driver, sizeof made->driver, device->driver, false);
    if (set_params(made, request, error))
        ps_origin_free(&made);
    *origin = made;
    return error->status;
}

/* ---- a sidecar against what is at hand ---- */

static enum ps_status check_model(const struct ps_origin *recorded, const struct ps_model *model,
                                  struct ps_error *error)
{
    const uint32_t count = model->checkpoint->file_count;
    if (!model->files)
        return ps_fail(error, PS_ERR_USAGE, "usage.sidecar", "the model has not been identified");
    if (recorded->file_count != count)
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.differs",
                       "%s: the checkpoint has %u weight files; the sidecar expects %u, of %s", model->name,
                       count, recorded->file_count, recorded->model);
    for (uint32_t i = 0; i < count; i++) {
        if (!strcmp(recorded->files[i].sha256, model->files[i].sha256))
            continue;
        ps_fail(
            error, PS_ERR_CHECKPOINT, "checkpoint.differs",
            "%s: %.100s is not the file that the clip was rendered with: SHA-256 %s; expected %s, of %.100s",
            model->name, model->files[i].name, model->files[i].sha256, recorded->files[i].sha256,
            recorded->files[i].name);
        ps_hint(error, "name the checkpoint \"%.100s\" that was used then", recorded->model);
        return error->status;
    }
    return PS_OK;
}

static enum ps_status check_file(const struct ps_fingerprint *recorded, const struct ps_fingerprint *found,
                                 const char *what, struct ps_error *error)
{
    if (!strcmp(recorded->sha256, found->sha256))
        return PS_OK;
    return ps_fail(error, PS_ERR_INPUT, "sidecar.differs",
                   "%.200s is not the %s of the sidecar: SHA-256 %s; expected %s, of %.200s", found->name,
                   what, found->sha256[0] ? found->sha256 : "unknown",
                   recorded->sha256[0] ? recorded->sha256 : "unknown",
                   recorded->name[0] ? recorded->name : "none");
}

enum ps_status ps_sidecar_check(const struct ps_sidecar *sidecar, const struct ps_model *model,
                                const struct ps_photo *photo, const char *taps_in, struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_fingerprint noise = {.name = "no file of noise"};
    const struct ps_origin *recorded = sidecar->origin;
    error = error ? error : &local;
    if (check_file(&recorded->photo, ps_photo_source(photo), "photo", error) ||
        (taps_in && identify_noise(&noise, taps_in, error)) ||
        check_file(&recorded->noise, &noise, "file of noise", error))
        return error->status;
    return check_model(recorded, model, error);
}
