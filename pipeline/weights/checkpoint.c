#include "weights/checkpoint.h"

#include "weights/layout.h"
#include "weights/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const part_names[PS_PARTS] = {"unet", "vae", "image_encoder", "other"};

/* Of a whole CLIP model or an old release of transformers; the vision tower does not use them. */
static const char *const vision_leftovers[] = {"text_model", "text_projection", "logit_scale",
                                               "vision_model.embeddings.position_ids"};

#define SVD_NEEDS                                                                                            \
    "SVD needs a UNet with temporal blocks, three added ids and twice as many input as output channels"

const char *ps_layout_name(enum ps_layout layout)
{
    static const char *const names[] = {"diffusers folder", "single file (sgm)", "UNet weights",
                                        "other weights"};
    return names[layout];
}

const char *ps_part_storage(const struct ps_part *part, char *text, size_t size)
{
    bool seen[PS_STORED_TYPES] = {false};
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < part->count; i++) {
        const enum ps_stored type = part->entries[i].type;
        if (!seen[type] && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "+" : "", ps_stored_name(type));
        seen[type] = true;
    }
    return text;
}

enum ps_status ps_pass_on(struct ps_error *error, const struct ps_error *fault)
{
    const enum ps_status status = ps_fail(error, fault->status, fault->id, "%s", fault->message);
    ps_hint(error, "%s", fault->hint);
    return status;
}

enum ps_status ps_checkpoint_add_file(struct ps_checkpoint *checkpoint, const char *path,
                                      struct ps_safetensors **file, struct ps_error *error)
{
    struct ps_safetensors **files = realloc(checkpoint->files, (checkpoint->file_count + 1) * sizeof *files);
    if (!files)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the list of files");
    checkpoint->files = files;
    const enum ps_status status = ps_safetensors_open(file, path, error);
    if (!status)
        files[checkpoint->file_count++] = *file;
    return status;
}

/* `path` if a file of that name is there, else null. */
static const char *if_there(const char *path)
{
    struct stat about;
    return stat(path, &about) ? NULL : path;
}

/* ---- a diffusers folder
 * ------------------------------------------------------------------------------------------ */

/* Opens the three parts; one that is not there is a problem of that part, one that is damaged fails. */
static enum ps_status open_parts(struct ps_checkpoint *checkpoint, const char *path, struct ps_error *error)
{
    for (int kind = PS_PART_UNET; kind <= PS_PART_VISION; kind++) {
        struct ps_part *part = &checkpoint->parts[kind];
        char folder[PS_MODEL_PATH_BYTES];
        if (!ps_model_path(folder, path, "", part->name))
            return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.open", "%s: the path is too long",
                           ps_path_tail(path));
        const bool has_weights = ps_folder_has_weights(folder);
        const enum ps_status status =
            ps_folder_open(checkpoint, part, folder, has_weights ? error : &part->problem);
        if (has_weights && status)
            return status;
        if (kind == PS_PART_UNET && part->count)
            checkpoint->is_svd = ps_family_of(checkpoint->files, checkpoint->file_count, checkpoint->family,
                                              sizeof checkpoint->family);
    }
    return PS_OK;
}

/* Without a UNet the pipeline's class is all there is to tell what it is; where it says nothing else, the
 * missing UNet is the fault to report. */
static void name_pipeline(struct ps_checkpoint *checkpoint, const char *path)
{
    char index[PS_MODEL_PATH_BYTES];
    struct ps_error ignored = {0};
    struct ps_settings settings;
    const char *name = "StableVideoDiffusionPipeline";
    const bool there = ps_model_path(index, path, "", "model_index.json") && if_there(index);
    ps_settings_open(&settings, there ? index : NULL, &ignored);
    ps_setting_text(&settings, "_class_name", &name);
    checkpoint->is_svd = !strcmp(name, "StableVideoDiffusionPipeline");
    snprintf(checkpoint->family, sizeof checkpoint->family, "%.100s%s",
             checkpoint->is_svd ? "Stable Video Diffusion" : name,
             checkpoint->is_svd ? "" : " (model_index.json)");
    ps_settings_close(&settings);
}

static enum ps_status not_a_model(const char *path, struct ps_error *error)
{
    ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.not-a-model",
            "%s: no model in this folder: there is neither model_index.json nor unet/ nor weights",
            ps_path_tail(path));
    ps_hint(error,
            "give the folder that holds unet/, vae/ and image_encoder/, or the .safetensors file itself");
    return PS_ERR_CHECKPOINT;
}

static enum ps_status open_pipeline(struct ps_checkpoint *checkpoint, const char *path,
                                    struct ps_error *error)
{
    static const char *const signs[] = {"model_index.json", "unet", "vae", "image_encoder"};
    char member[PS_MODEL_PATH_BYTES];
    bool found = false;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        found = found || (ps_model_path(member, path, "", signs[i]) && if_there(member));
    if (!found)
        return not_a_model(path, error);
    checkpoint->layout = PS_LAYOUT_FOLDER;
    const enum ps_status status = open_parts(checkpoint, path, error);
    if (!status && !checkpoint->parts[PS_PART_UNET].count)
        name_pipeline(checkpoint, path);
    return status;
}

/* ---- weights alone
 * ----------------------------------------------------------------------------------------------- */

static enum ps_status open_unet_folder(struct ps_checkpoint *checkpoint, const char *path,
                                       struct ps_error *error)
{
    const enum ps_status status = ps_folder_open(checkpoint, &checkpoint->parts[PS_PART_UNET], path, error);
    if (status)
        return status;
    bool is_unet = false;
    for (uint32_t i = 0; i < checkpoint->file_count; i++)
        is_unet = is_unet || ps_naming_of(checkpoint->files[i]) == PS_NAMING_DIFFUSERS_UNET;
    checkpoint->layout = is_unet ? PS_LAYOUT_UNET : PS_LAYOUT_OTHER;
    if (!is_unet) {
        const struct ps_part empty = checkpoint->parts[PS_PART_OTHER];
        checkpoint->parts[PS_PART_OTHER] = checkpoint->parts[PS_PART_UNET];
        checkpoint->parts[PS_PART_OTHER].name = part_names[PS_PART_OTHER];
        checkpoint->parts[PS_PART_UNET] = empty;
        checkpoint->parts[PS_PART_UNET].name = part_names[PS_PART_UNET];
    }
    checkpoint->is_svd = ps_family_of(checkpoint->files, checkpoint->file_count, checkpoint->family,
                                      sizeof checkpoint->family);
    return PS_OK;
}

static enum ps_status open_file(struct ps_checkpoint *checkpoint, const char *path, struct ps_error *error)
{
    struct ps_safetensors *file;
    enum ps_status status = ps_checkpoint_add_file(checkpoint, path, &file, error);
    if (!status)
        status = ps_single_add(checkpoint, file, error);
    if (status)
        return status;
    if (checkpoint->parts[PS_PART_VAE].count || checkpoint->parts[PS_PART_VISION].count)
        checkpoint->layout = PS_LAYOUT_SINGLE;
    else
        checkpoint->layout = checkpoint->parts[PS_PART_UNET].count ? PS_LAYOUT_UNET : PS_LAYOUT_OTHER;
    checkpoint->is_svd = ps_family_of(checkpoint->files, checkpoint->file_count, checkpoint->family,
                                      sizeof checkpoint->family);
    return PS_OK;
}

/* ---- configurations
 * ---------------------------------------------------------------------------------------------- */

/* Writes the path of the config.json beside a weights file and returns it; null if there is none, or one of
 * something else: a folder of downloads holds many files. */
static const char *config_beside(char config[PS_MODEL_PATH_BYTES], const char *path)
{
    const char *slash = strrchr(path, '/');
    const int folder = slash ? (int)(slash - path) : 1;
    const int length = snprintf(config, PS_MODEL_PATH_BYTES, "%.*s/config.json", folder, slash ? path : ".");
    if (length >= PS_MODEL_PATH_BYTES || !if_there(config))
        return NULL;
    struct ps_error ignored = {0};
    struct ps_settings settings;
    const char *name = NULL;
    /* A file that cannot be read is taken, so that its fault is told. */
    if (ps_settings_open(&settings, config, &ignored))
        return config;
    const bool named = ps_setting_text(&settings, "_class_name", &name);
    const bool other = named && strcmp(name, "UNetSpatioTemporalConditionModel") != 0;
    ps_settings_close(&settings);
    return other ? NULL : config;
}

static const char *config_in(char config[PS_MODEL_PATH_BYTES], const char *folder, const char *sub,
                             const char *name)
{
    return ps_model_path(config, folder, sub, name) ? if_there(config) : NULL;
}

static void read_unet_config(struct ps_checkpoint *checkpoint, const char *path, bool is_folder)
{
    struct ps_part *part = &checkpoint->parts[PS_PART_UNET];
    if (!part->count || !checkpoint->is_svd)
        return;
    char config[PS_MODEL_PATH_BYTES];
    const char *found;
    if (is_folder)
        found =
            config_in(config, path, checkpoint->layout == PS_LAYOUT_FOLDER ? part->name : "", "config.json");
    else
        found = config_beside(config, path);
    if (ps_unet_config_read(&checkpoint->unet, part, found, &part->problem))
        checkpoint->unet = (struct ps_unet_config){0};
}

static void read_configs(struct ps_checkpoint *checkpoint, const char *path, bool is_folder)
{
    char config[PS_MODEL_PATH_BYTES], preprocessor[PS_MODEL_PATH_BYTES];
    struct ps_part *vae = &checkpoint->parts[PS_PART_VAE], *vision = &checkpoint->parts[PS_PART_VISION];
    const bool pipeline = is_folder && checkpoint->layout == PS_LAYOUT_FOLDER;
    read_unet_config(checkpoint, path, is_folder);
    const char *found = pipeline ? config_in(config, path, vae->name, "config.json") : NULL;
    if (vae->count && ps_vae_config_read(&checkpoint->vae, vae, found, &vae->problem))
        checkpoint->vae = (struct ps_vae_config){0};
    found = pipeline ? config_in(config, path, vision->name, "config.json") : NULL;
    const char *pixels =
        pipeline ? config_in(preprocessor, path, "feature_extractor", "preprocessor_config.json") : NULL;
    if (vision->count && ps_vision_config_read(&checkpoint->vision, vision, found, pixels, &vision->problem))
        checkpoint->vision = (struct ps_vision_config){0};
    found = pipeline ? config_in(config, path, "scheduler", "scheduler_config.json") : NULL;
    ps_scheduler_config_read(&checkpoint->scheduler, found, &checkpoint->scheduler_problem);
    found = pipeline ? config_in(config, path, "", "packshot.json") : NULL;
    ps_defaults_read(&checkpoint->defaults, found, &checkpoint->defaults_problem);
}

static enum ps_status seal_parts(struct ps_checkpoint *checkpoint, struct ps_error *error)
{
    for (int kind = 0; kind < PS_PARTS; kind++) {
        struct ps_part *part = &checkpoint->parts[kind];
        const enum ps_status status = ps_part_seal(part, error);
        if (status)
            return status;
        if (!part->count)
            ps_fail(&part->problem, PS_ERR_CHECKPOINT, "checkpoint.part",
                    "%s: the checkpoint does not have this part", part->name);
    }
    for (size_t i = 0; i < sizeof vision_leftovers / sizeof *vision_leftovers; i++)
        ps_part_waive(&checkpoint->parts[PS_PART_VISION], vision_leftovers[i]);
    return PS_OK;
}

/* ---- open, override, check
 * --------------------------------------------------------------------------------------- */

static enum ps_status open_path(struct ps_checkpoint *checkpoint, const char *path, struct ps_error *error)
{
    struct stat about;
    if (stat(path, &about))
        return ps_fail(error, PS_ERR_CHECKPOINT, errno == ENOENT ? "checkpoint.not-found" : "checkpoint.open",
                       "%s: %s", ps_path_tail(path), strerror(errno));
    const bool is_folder = S_ISDIR(about.st_mode);
    enum ps_status status;
    if (!is_folder)
        status = open_file(checkpoint, path, error);
    else if (ps_folder_has_weights(path))
        status = open_unet_folder(checkpoint, path, error);
    else
        status = open_pipeline(checkpoint, path, error);
    if (!status)
        status = seal_parts(checkpoint, error);
    if (!status)
        read_configs(checkpoint, path, is_folder);
    return status;
}

enum ps_status ps_checkpoint_open(struct ps_checkpoint **checkpoint, const char *path, struct ps_error *error)
{
    *checkpoint = calloc(1, sizeof **checkpoint);
    if (!*checkpoint)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to open a checkpoint");
    for (int kind = 0; kind < PS_PARTS; kind++)
        ps_part_init(&(*checkpoint)->parts[kind], part_names[kind]);
    const enum ps_status status = open_path(*checkpoint, path, error);
    if (status)
        ps_checkpoint_close(checkpoint);
    return status;
}

void ps_checkpoint_close(struct ps_checkpoint **checkpoint)
{
    if (!*checkpoint)
        return;
    for (int kind = 0; kind < PS_PARTS; kind++)
        ps_part_clear(&(*checkpoint)->parts[kind]);
    for (uint32_t i = 0; i < (*checkpoint)->file_count; i++)
        ps_safetensors_close(&(*checkpoint)->files[i]);
    free((*checkpoint)->files);
    free(*checkpoint);
    *checkpoint = NULL;
}

static enum ps_status check_family(const struct ps_checkpoint *checkpoint, struct ps_error *error)
{
    if (checkpoint->is_svd)
        return PS_OK;
    return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.family", "the checkpoint looks like %s; " SVD_NEEDS,
                   checkpoint->family);
}

enum ps_status ps_checkpoint_override_unet(struct ps_checkpoint *checkpoint, const char *path,
                                           struct ps_error *error)
{
    struct ps_checkpoint *other;
    enum ps_status status = ps_checkpoint_open(&other, path, error);
    if (status)
        return status;
    status = check_family(other, error);
    if (!status && other->parts[PS_PART_UNET].problem.status)
        status = ps_pass_on(error, &other->parts[PS_PART_UNET].problem);
    if (status)
        goto done;

    const uint32_t count = checkpoint->file_count + other->file_count;
    struct ps_safetensors **files = realloc(checkpoint->files, count * sizeof *files);
    if (!files) {
        status = ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the list of files");
        goto done;
    }
    checkpoint->files = files;
    memcpy(files + checkpoint->file_count, other->files, other->file_count * sizeof *files);
    checkpoint->file_count = count;
    other->file_count = 0;

    const struct ps_part replaced = checkpoint->parts[PS_PART_UNET];
    checkpoint->parts[PS_PART_UNET] = other->parts[PS_PART_UNET];
    other->parts[PS_PART_UNET] = replaced;
    if (!other->unet.num_frames)
        other->unet.num_frames = checkpoint->unet.num_frames;
    checkpoint->unet = other->unet;
    checkpoint->is_svd = true;
    memcpy(checkpoint->family, other->family, sizeof checkpoint->family);
done:
    ps_checkpoint_close(&other);
    return status;
}

/* The parts hand tensors to each other, whose widths must agree. */
static enum ps_status check_fit(const struct ps_checkpoint *checkpoint, struct ps_error *error)
{
    const struct ps_unet_config *unet = &checkpoint->unet;
    if (unet->in_channels != 2 * unet->out_channels || checkpoint->vae.latent_channels != unet->out_channels)
        return ps_fail(
            error, PS_ERR_CHECKPOINT, "checkpoint.mismatch",
            "the UNet takes %u and gives %u channels, the VAE's latents have %u; expected twice as many, "
            "as many",
            unet->in_channels, unet->out_channels, checkpoint->vae.latent_channels);
    for (uint32_t i = 0; i < unet->levels; i++) {
        if (unet->cross_attention_dim[i] && unet->cross_attention_dim[i] != checkpoint->vision.projection_dim)
            return ps_fail(
                error, PS_ERR_CHECKPOINT, "checkpoint.mismatch",
                "level %u of the UNet attends to an embedding of %u, the image encoder makes one of %u", i,
                unet->cross_attention_dim[i], checkpoint->vision.projection_dim);
    }
    return PS_OK;
}

enum ps_status ps_checkpoint_ready(const struct ps_checkpoint *checkpoint, struct ps_error *error)
{
    const enum ps_status status = check_family(checkpoint, error);
    if (status)
        return status;
    for (int kind = PS_PART_UNET; kind <= PS_PART_VISION; kind++) {
        if (checkpoint->parts[kind].problem.status)
            return ps_pass_on(error, &checkpoint->parts[kind].problem);
    }
    if (checkpoint->scheduler_problem.status)
        return ps_pass_on(error, &checkpoint->scheduler_problem);
    if (checkpoint->defaults_problem.status)
        return ps_pass_on(error, &checkpoint->defaults_problem);
    return check_fit(checkpoint, error);
}
