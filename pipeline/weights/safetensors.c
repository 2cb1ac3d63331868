/* The layout is: u64 little-endian header length N; N bytes of JSON, {name: {dtype, shape, data_offsets:
 * [begin, end]}}, with an optional "__metadata__" of strings; the data, that the offsets count from. The
 * rules, all checked in here:
 *  1. the file has 8 bytes, and 2 <= N <= 16 MiB           6. the dtype is known
 *  2. 8 + N <= file size                                   7. dimensions are not negative, at most 8 of them
 *  3. the header begins with "{", is UTF-8 and JSON        8. their product and its bits fit 64 bits
 *  4. no name and no key appears twice                     9. bytes are what dtype and shape need
 *  5. at most 65536 tensors                               10. sorted, the ranges fill the data: no gap,
 * overlap, tail */
#include "weights/safetensors.h"

#include "base/checked.h"
#include "weights/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LABEL_BYTES 200

static const struct {
    const char *name;
    uint32_t bits;
} stored_types[PS_STORED_TYPES] = {
    [PS_STORED_F32] = {"F32", 32},
    [PS_STORED_F16] = {"F16", 16},
    [PS_STORED_BF16] = {"BF16", 16},
    [PS_STORED_F64] = {"F64", 64},
    [PS_STORED_F8_E4M3] = {"F8_E4M3", 8},
    [PS_STORED_F8_E5M2] = {"F8_E5M2", 8},
    [PS_STORED_F8_E8M0] = {"F8_E8M0", 8},
    [PS_STORED_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [PS_STORED_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [PS_STORED_F6_E2M3] = {"F6_E2M3", 6},
    [PS_STORED_F6_E3M2] = {"F6_E3M2", 6},
    [PS_STORED_F4] = {"F4", 4},
    [PS_STORED_C64] = {"C64", 64},
    [PS_STORED_I64] = {"I64", 64},
    [PS_STORED_U64] = {"U64", 64},
    [PS_STORED_I32] = {"I32", 32},
    [PS_STORED_U32] = {"U32", 32},
    [PS_STORED_I16] = {"I16", 16},
    [PS_STORED_U16] = {"U16", 16},
    [PS_STORED_I8] = {"I8", 8},
    [PS_STORED_U8] = {"U8", 8},
    [PS_STORED_BOOL] = {"BOOL", 8},
};

const char *ps_stored_name(enum ps_stored type)
{
    return stored_types[type].name;
}

uint32_t ps_stored_bits(enum ps_stored type)
{
    return stored_types[type].bits;
}

const char *ps_dims_text(uint32_t rank, const uint64_t *shape, char text[PS_DIMS_TEXT])
{
    size_t used = (size_t)snprintf(text, PS_DIMS_TEXT, "[");
    for (uint32_t i = 0; i < rank && used < PS_DIMS_TEXT; i++)
        used += (size_t)snprintf(text + used, PS_DIMS_TEXT - used, "%s%" PRIu64, i ? ", " : "", shape[i]);
    if (used < PS_DIMS_TEXT)
        snprintf(text + used, PS_DIMS_TEXT - used, "]");
    return text;
}

/* "9.56 GB", in powers of 1000 as download pages count. */
#define SIZE_TEXT 24
static const char *size_text(uint64_t bytes, char text[SIZE_TEXT])
{
    if (bytes >= 1000000000)
        snprintf(text, SIZE_TEXT, "%.2f GB", (double)bytes / 1e9);
    else if (bytes >= 1000000)
        snprintf(text, SIZE_TEXT, "%.2f MB", (double)bytes / 1e6);
    else
        snprintf(text, SIZE_TEXT, "%" PRIu64 " bytes", bytes);
    return text;
}

static enum ps_status out_of_memory(const struct ps_safetensors *file, struct ps_error *error)
{
    return ps_fail(error, PS_ERR_MEMORY, "memory.host", "%s: no memory for the list of tensors", file->label);
}

/* ---- one tensor's description
 * ----------------------------------------------------------------------------------- */

static enum ps_status read_type(const struct ps_safetensors *file, struct ps_file_tensor *tensor,
                                const json_t *value, struct ps_error *error)
{
    const char *name = json_string_value(value);
    for (int type = 0; name && type < PS_STORED_TYPES; type++) {
        if (!strcmp(name, stored_types[type].name)) {
            tensor->type = (enum ps_stored)type;
            return PS_OK;
        }
    }
    return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.dtype", "%s: tensor %.150s: unknown dtype %.40s",
                   file->label, tensor->name, name ? name : "(not a string)");
}

/* Reads an integer of at least 0; -1 if it is anything else. */
static int64_t read_count(const json_t *value)
{
    const json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    return number < 0 ? -1 : (int64_t)number;
}

static enum ps_status read_shape(const struct ps_safetensors *file, struct ps_file_tensor *tensor,
                                 const json_t *value, struct ps_error *error)
{
    const size_t rank = json_array_size(value);
    if (!json_is_array(value) || rank > PS_MAX_RANK)
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.shape",
                       "%s: tensor %.150s: the shape is not a list of at most %d numbers", file->label,
                       tensor->name, PS_MAX_RANK);
    tensor->rank = (uint32_t)rank;
    tensor->elements = 1;
    for (size_t i = 0; i < rank; i++) {
        const int64_t size = read_count(json_array_get(value, i));
        if (size < 0)
            return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.shape",
                           "%s: tensor %.150s: dimension %zu is not an integer of at least 0", file->label,
                           tensor->name, i);
        tensor->shape[i] = (uint64_t)size;
        if (!ps_mul_u64(tensor->elements, tensor->shape[i], &tensor->elements))
            return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.overflow",
                           "%s: tensor %.150s: overflow, the product of its dimensions exceeds 64 bits",
                           file->label, tensor->name);
    }
    return PS_OK;
}

static enum ps_status read_range(const struct ps_safetensors *file, struct ps_file_tensor *tensor,
                                 const json_t *value, uint64_t data_start, struct ps_error *error)
{
    const int64_t begin = read_count(json_array_get(value, 0));
    const int64_t end = read_count(json_array_get(value, 1));
    if (json_array_size(value) != 2 || begin < 0 || end < begin)
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.offsets",
                       "%s: tensor %.150s: data_offsets are not [begin, end] with 0 <= begin <= end",
                       file->label, tensor->name);
    tensor->bytes = (uint64_t)(end - begin);
    uint64_t bits;
    if (!ps_mul_u64(tensor->elements, stored_types[tensor->type].bits, &bits) ||
        !ps_add_u64(data_start, (uint64_t)begin, &tensor->offset))
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.overflow",
                       "%s: tensor %.150s: overflow, its size exceeds 64 bits", file->label, tensor->name);
    if (bits % 8 || bits / 8 != tensor->bytes) {
        char dims[PS_DIMS_TEXT];
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.size",
                       "%s: tensor %.150s: %s of %s needs %" PRIu64 " bytes, data_offsets hold %" PRIu64,
                       file->label, tensor->name, ps_dims_text(tensor->rank, tensor->shape, dims),
                       stored_types[tensor->type].name, bits / 8, tensor->bytes);
    }
    return PS_OK;
}

static enum ps_status read_tensor(const struct ps_safetensors *file, struct ps_file_tensor *tensor,
                                  const char *name, const json_t *value, uint64_t data_start,
                                  struct ps_error *error)
{
    tensor->name = strdup(name);
    if (!tensor->name)
        return out_of_memory(file, error);
    if (!json_is_object(value))
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.header-json",
                       "%s: tensor %.150s: its description is not an object", file->label, name);
    enum ps_status status = read_type(file, tensor, json_object_get(value, "dtype"), error);
    if (!status)
        status = read_shape(file, tensor, json_object_get(value, "shape"), error);
    if (!status)
        status = read_range(file, tensor, json_object_get(value, "data_offsets"), data_start, error);
    return status;
}

/* ---- the header
 * ------------------------------------------------------------------------------------------------- */

static enum ps_status keep_metadata(struct ps_safetensors *file, json_t *value, struct ps_error *error)
{
    bool valid = json_is_object(value);
    const char *key;
    json_t *text;
    json_object_foreach(value, key, text)
    {
        valid = valid && json_is_string(text);
    }
    if (valid) {
        file->metadata = json_incref(value);
        return PS_OK;
    }
    return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.header-json",
                   "%s: __metadata__ is not an object of strings", file->label);
}

static enum ps_status read_tensors(struct ps_safetensors *file, json_t *root, uint64_t data_start,
                                   struct ps_error *error)
{
    const size_t keys = json_object_size(root);
    if (keys > PS_MAX_FILE_TENSORS)
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.too-many-tensors",
                       "%s: the header lists %zu tensors, at most %d are accepted", file->label, keys,
                       PS_MAX_FILE_TENSORS);
    file->tensors = calloc(keys ? keys : 1, sizeof *file->tensors);
    if (!file->tensors)
        return out_of_memory(file, error);
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        enum ps_status status;
        if (!strcmp(name, "__metadata__"))
            status = keep_metadata(file, value, error);
        else
            status = read_tensor(file, &file->tensors[file->count++], name, value, data_start, error);
        if (status)
            return status;
    }
    return PS_OK;
}

static enum ps_status parse_header(struct ps_safetensors *file, const char *text, uint64_t length,
                                   struct ps_error *error)
{
    json_error_t where;
    json_t *root = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &where);
    if (!root) {
        const bool duplicate = json_error_code(&where) == json_error_duplicate_key;
        return ps_fail(
            error, PS_ERR_CHECKPOINT, duplicate ? "checkpoint.duplicate" : "checkpoint.header-json",
            "%s: the header is not valid JSON at byte %d: %s", file->label, 8 + where.position, where.text);
    }
    enum ps_status status = read_tensors(file, root, 8 + length, error);
    json_decref(root);
    return status;
}

/* ---- the ranges
 * ------------------------------------------------------------------------------------------------- */

static int by_range(const void *a, const void *b)
{
    const struct ps_file_tensor *p = a, *q = b;
    if (p->offset != q->offset)
        return p->offset < q->offset ? -1 : 1;
    if (p->bytes != q->bytes)
        return p->bytes < q->bytes ? -1 : 1;
    return strcmp(p->name, q->name);
}

static int by_name(const void *a, const void *b)
{
    const struct ps_file_tensor *p = a, *q = b;
    return strcmp(p->name, q->name);
}

/* Sorts by range; the ranges must follow each other from the data's start to the end of the file. Tensors
 * without elements take no room and may stand at any border. */
static enum ps_status check_ranges(struct ps_safetensors *file, uint64_t data_start, struct ps_error *error)
{
    qsort(file->tensors, file->count, sizeof *file->tensors, by_range);
    uint64_t end = data_start;
    for (uint32_t i = 0; i < file->count; i++) {
        const struct ps_file_tensor *tensor = &file->tensors[i];
        if (tensor->offset < end)
            return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.overlap",
                           "%s: tensors %.150s and %.150s overlap at byte %" PRIu64, file->label,
                           file->tensors[i - 1].name, tensor->name, tensor->offset);
        if (tensor->offset > end)
            return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.hole",
                           "%s: %" PRIu64 " bytes between %.150s and tensor %.150s belong to no tensor",
                           file->label, tensor->offset - end, i ? file->tensors[i - 1].name : "the header",
                           tensor->name);
        if (!ps_add_u64(end, tensor->bytes, &end))
            return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.overflow",
                           "%s: tensor %.150s: overflow, it ends beyond 64 bits", file->label, tensor->name);
    }
    char needs[SIZE_TEXT], has[SIZE_TEXT];
    if (end > file->size) {
        ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.truncated",
                "%s: the file is incomplete: it needs %s, has %s (%" PRIu64 " bytes are missing)",
                file->label, size_text(end, needs), size_text(file->size, has), end - file->size);
        ps_hint(error, "the download or copy did not finish; fetch the file again");
        return PS_ERR_CHECKPOINT;
    }
    if (end < file->size)
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.tail",
                       "%s: %" PRIu64 " bytes after the last tensor belong to no tensor", file->label,
                       file->size - end);
    return PS_OK;
}

/* ---- opening
 * ---------------------------------------------------------------------------------------------------- */

enum ps_status ps_safetensors_read(const struct ps_safetensors *file, uint64_t offset, uint64_t bytes,
                                   void *to, struct ps_error *error)
{
    uint64_t end;
    if (!ps_add_u64(offset, bytes, &end) || end > file->size)
        return ps_fail(error, PS_ERR_INTERNAL, "checkpoint.range",
                       "%s: read of %" PRIu64 " bytes at %" PRIu64, file->label, bytes, offset);
    if (file->data) {
        memcpy(to, file->data + offset, (size_t)bytes);
        return PS_OK;
    }
    for (uint64_t done = 0; done < bytes;) {
        const ssize_t got =
            pread(file->fd, (uint8_t *)to + done, (size_t)(bytes - done), (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.read",
                           "%s: cannot read at byte %" PRIu64 ": %s", file->label, offset + done,
                           strerror(errno));
        if (got == 0)
            return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.changed",
                           "%s: the file became shorter while it was in use", file->label);
        done += (uint64_t)got;
    }
    return PS_OK;
}

/* A header length that cannot be one is nearly always a file of another kind. */
static enum ps_status refuse_length(const struct ps_safetensors *file, uint64_t length,
                                    struct ps_error *error)
{
    uint8_t first[PS_FOREIGN_BYTES];
    const uint64_t size = ps_min_u64(file->size, sizeof first);
    enum ps_status status = ps_safetensors_read(file, 0, size, first, error);
    if (!status)
        status = ps_foreign_file(file->label, first, (size_t)size, error);
    if (status)
        return status;
    if (file->size < 8)
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.header-length",
                       "%s: not a safetensors file: the header length needs 8 bytes, the file has %" PRIu64,
                       file->label, file->size);
    ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.header-length",
            "%s: not a safetensors file: header length %" PRIu64 ", expected 2 to %" PRIu64
            " (file of %" PRIu64 " bytes)",
            file->label, length, ps_min_u64(PS_MAX_HEADER_BYTES, file->size - 8), file->size);
    ps_hint(error, "the file is damaged, or not what its name says; download it again");
    return PS_ERR_CHECKPOINT;
}

static enum ps_status load(struct ps_safetensors *file, struct ps_error *error)
{
    if (file->size == 0) {
        ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.empty", "%s: the file is empty", file->label);
        ps_hint(error, "the download or copy did not finish; fetch the file again");
        return PS_ERR_CHECKPOINT;
    }
    uint8_t prefix[8] = {0};
    enum ps_status status = ps_safetensors_read(file, 0, ps_min_u64(file->size, 8), prefix, error);
    if (status)
        return status;
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | prefix[i];
    if (file->size < 8 || length < 2 || length > PS_MAX_HEADER_BYTES || length > file->size - 8)
        return refuse_length(file, length, error);

    char *text = malloc((size_t)length);
    if (!text)
        return out_of_memory(file, error);
    status = ps_safetensors_read(file, 8, length, text, error);
    if (!status && text[0] != '{')
        status = ps_foreign_file(file->label, prefix, sizeof prefix, error);
    if (!status && text[0] != '{')
        status = ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.header-json",
                         "%s: the header is not valid JSON at byte 8: it does not begin with {", file->label);
    if (!status)
        status = parse_header(file, text, length, error);
    free(text);
    if (!status)
        status = check_ranges(file, 8 + length, error);
    if (!status)
        qsort(file->tensors, file->count, sizeof *file->tensors, by_name);
    return status;
}

const char *ps_path_tail(const char *path)
{
    const size_t length = strlen(path);
    return length > LABEL_BYTES ? path + length - LABEL_BYTES : path;
}

static struct ps_safetensors *new_file(const char *path)
{
    struct ps_safetensors *file = calloc(1, sizeof *file);
    if (!file)
        return NULL;
    file->fd = -1;
    file->label = strdup(ps_path_tail(path));
    if (!file->label) {
        free(file);
        return NULL;
    }
    return file;
}

static enum ps_status open_regular(struct ps_safetensors *file, const char *path, struct ps_error *error)
{
    /* Without O_NONBLOCK the open of a FIFO would wait for a writer. */
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat about;
    if (file->fd < 0 || fstat(file->fd, &about)) {
        ps_fail(error, PS_ERR_CHECKPOINT, errno == ENOENT ? "checkpoint.not-found" : "checkpoint.open",
                "%s: %s", file->label, strerror(errno));
        return PS_ERR_CHECKPOINT;
    }
    if (!S_ISREG(about.st_mode))
        return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.not-a-file", "%s: not a regular file",
                       file->label);
    file->size = (uint64_t)about.st_size;
    return PS_OK;
}

enum ps_status ps_safetensors_open(struct ps_safetensors **file, const char *path, struct ps_error *error)
{
    *file = new_file(path);
    if (!*file)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to open a checkpoint");
    enum ps_status status = open_regular(*file, path, error);
    if (!status)
        status = load(*file, error);
    if (status)
        ps_safetensors_close(file);
    return status;
}

enum ps_status ps_safetensors_parse(struct ps_safetensors **file, const char *label, const void *data,
                                    size_t size, struct ps_error *error)
{
    *file = new_file(label);
    if (!*file)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to open a checkpoint");
    (*file)->data = data;
    (*file)->size = size;
    enum ps_status status = load(*file, error);
    if (status)
        ps_safetensors_close(file);
    return status;
}

void ps_safetensors_close(struct ps_safetensors **file)
{
    if (!*file)
        return;
    for (uint32_t i = 0; i < (*file)->count; i++)
        free((*file)->tensors[i].name);
    free((*file)->tensors);
    json_decref((*file)->metadata);
    free((*file)->label);
    if ((*file)->fd >= 0)
        close((*file)->fd);
    free(*file);
    *file = NULL;
}

const struct ps_file_tensor *ps_safetensors_find(const struct ps_safetensors *file, const char *name)
{
    uint32_t low = 0, high = file->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = strcmp(file->tensors[middle].name, name);
        if (order == 0)
            return &file->tensors[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *ps_safetensors_metadata(const struct ps_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(file->metadata, key));
}
