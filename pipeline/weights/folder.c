/* The weights of one part of a diffusers folder: which file, and sharded files. */
#include "weights/layout.h"
#include "weights/names.h"
#include "weights/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_INDEX_BYTES (UINT64_C(16) << 20)
#define MAX_SHARDS 1024

static const char *const candidates[] = {
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors.index.fp16.json",
    "diffusion_pytorch_model.fp16.safetensors.index.json",
    "diffusion_pytorch_model.bf16.safetensors",
    "diffusion_pytorch_model.safetensors.index.bf16.json",
    "diffusion_pytorch_model.bf16.safetensors.index.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model.fp16.safetensors",
    "model.safetensors.index.fp16.json",
    "model.fp16.safetensors.index.json",
    "model.bf16.safetensors",
    "model.safetensors.index.bf16.json",
    "model.bf16.safetensors.index.json",
};

static const char *const pickles[] = {
    "diffusion_pytorch_model.bin",
    "diffusion_pytorch_model.fp16.bin",
    "pytorch_model.bin",
    "pytorch_model.fp16.bin",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

bool ps_model_path(char path[PS_MODEL_PATH_BYTES], const char *folder, const char *sub, const char *name)
{
    const int length = snprintf(path, PS_MODEL_PATH_BYTES, "%s/%s%s%s", folder, sub, *sub ? "/" : "", name);
    return length >= 0 && length < PS_MODEL_PATH_BYTES;
}

/* Whether FOLDER/NAME is there; its path, if so. */
static bool is_there(const char *folder, const char *name, char path[PS_MODEL_PATH_BYTES])
{
    struct stat about;
    return ps_model_path(path, folder, "", name) && !stat(path, &about);
}

bool ps_folder_has_weights(const char *folder)
{
    char path[PS_MODEL_PATH_BYTES];
    for (size_t i = 0; i < COUNT(candidates); i++) {
        if (is_there(folder, candidates[i], path))
            return true;
    }
    return false;
}

enum ps_status ps_add_as_named(struct ps_part *part, const struct ps_safetensors *file,
                               struct ps_error *error)
{
    for (uint32_t i = 0; i < file->count; i++) {
        char name[PS_NAME_BYTES];
        const struct ps_file_tensor *tensor = &file->tensors[i];
        const bool old = ps_old_attention_name(tensor->name, name);
        struct ps_entry *entry = ps_part_add(part, old ? name : tensor->name, file, tensor, error);
        if (!entry)
            return PS_ERR_MEMORY;
        /* Some tools wrote the old attention's linear layers as 1x1 convolutions. */
        if (old && entry->rank == 4 && entry->shape[2] == 1 && entry->shape[3] == 1)
            entry->rank = 2;
    }
    return PS_OK;
}

/* ---- shards
 * ----------------------------------------------------------------------------------------------------- */

struct shards {
    uint32_t count;
    struct {
        const char *name;
        struct ps_safetensors *file;
    } items[MAX_SHARDS];
};

/* An index may only name files of its own folder. */
static bool is_component(const char *name)
{
    return *name && strlen(name) < PS_NAME_BYTES && !strchr(name, '/') && strcmp(name, ".") &&
           strcmp(name, "..");
}

static struct ps_safetensors *shard(struct shards *shards, struct ps_checkpoint *checkpoint,
                                    const char *index, const char *folder, const char *name,
                                    struct ps_error *error)
{
    for (uint32_t i = 0; i < shards->count; i++) {
        if (!strcmp(shards->items[i].name, name))
            return shards->items[i].file;
    }
    char path[PS_MODEL_PATH_BYTES];
    if (!is_component(name) || !ps_model_path(path, folder, "", name)) {
        ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.shard-name",
                "%s: \"%.100s\" is not the name of a file in the same folder", ps_path_tail(index), name);
        return NULL;
    }
    if (shards->count == MAX_SHARDS) {
        ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.shard", "%s: more than %d shards", ps_path_tail(index),
                MAX_SHARDS);
        return NULL;
    }
    struct ps_safetensors *file;
    if (ps_checkpoint_add_file(checkpoint, path, &file, error))
        return NULL;
    shards->items[shards->count].name = name;
    shards->items[shards->count++].file = file;
    return file;
}

static enum ps_status open_shards(struct shards *shards, struct ps_checkpoint *checkpoint,
                                  struct ps_part *part, const char *index, const char *folder,
                                  const json_t *root, struct ps_error *error)
{
    json_t *map = json_object_get(root, "weight_map"), *value;
    const char *name;
    if (json_object_size(map) == 0)
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.shard",
                       "%s: there is no weight_map with tensors", ps_path_tail(index));
    json_object_foreach(map, name, value)
    {
        const char *file_name = json_string_value(value);
        if (!file_name)
            return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.shard", "%s: %.100s: expected a file name",
                           ps_path_tail(index), name);
        const struct ps_safetensors *file = shard(shards, checkpoint, index, folder, file_name, error);
        if (!file)
            return PS_ERR_CHECKPOINT;
        if (!ps_safetensors_find(file, name))
            return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.shard",
                           "%s: tensor %.100s is not in the shard %.100s", ps_path_tail(index), name,
                           file_name);
    }
    for (uint32_t i = 0; i < shards->count; i++) {
        if (ps_add_as_named(part, shards->items[i].file, error))
            return PS_ERR_MEMORY;
    }
    return PS_OK;
}

static enum ps_status open_index(struct ps_checkpoint *checkpoint, struct ps_part *part, const char *path,
                                 const char *folder, struct ps_error *error)
{
    struct shards *shards = calloc(1, sizeof *shards);
    if (!shards)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a list of shards");
    enum ps_status status = PS_ERR_CHECKPOINT;
    json_t *root = ps_json_read(path, MAX_INDEX_BYTES, error);
    if (root)
        status = open_shards(shards, checkpoint, part, path, folder, root, error);
    json_decref(root);
    free(shards);
    return status;
}

/* ---- choice
 * ----------------------------------------------------------------------------------------------------- */

static enum ps_status open_candidate(struct ps_checkpoint *checkpoint, struct ps_part *part, const char *path,
                                     const char *folder, struct ps_error *error)
{
    const size_t length = strlen(path);
    if (!strcmp(path + length - strlen(".json"), ".json"))
        return open_index(checkpoint, part, path, folder, error);
    struct ps_safetensors *file;
    const enum ps_status status = ps_checkpoint_add_file(checkpoint, path, &file, error);
    return status ? status : ps_add_as_named(part, file, error);
}

static enum ps_status no_weights(const char *folder, struct ps_error *error)
{
    char path[PS_MODEL_PATH_BYTES];
    for (size_t i = 0; i < COUNT(pickles); i++) {
        if (!is_there(folder, pickles[i], path))
            continue;
        ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.pickle", "%s: only pickled weights (%s) are there",
                ps_path_tail(folder), pickles[i]);
        ps_hint(error, "pickled files can run code and are never opened; download the .safetensors version");
        return PS_ERR_CHECKPOINT;
    }
    ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.no-weights",
            "%s: there is no diffusion_pytorch_model or model .safetensors file", ps_path_tail(folder));
    ps_hint(error, "the download of the model is incomplete");
    return PS_ERR_CHECKPOINT;
}

enum ps_status ps_folder_open(struct ps_checkpoint *checkpoint, struct ps_part *part, const char *folder,
                              struct ps_error *error)
{
    struct ps_error pointer = {0};
    char path[PS_MODEL_PATH_BYTES];
    for (size_t i = 0; i < COUNT(candidates); i++) {
        struct ps_error fault = {0};
        if (!is_there(folder, candidates[i], path))
            continue;
        if (!open_candidate(checkpoint, part, path, folder, &fault))
            return PS_OK;
        if (strcmp(fault.id, "checkpoint.lfs-pointer"))
            return ps_pass_on(error, &fault);
        if (!pointer.status)
            pointer = fault;
        ps_part_clear(part);
    }
    if (!pointer.status)
        return no_weights(folder, error);
    return ps_pass_on(error, &pointer);
}
