/* The validating reader of safetensors files: a length, a JSON header, and the tensors' bytes.
 *
 * Only the header is read when a file is opened, everything else later with pread in pieces that the caller
 * bounds; no part of the file is mapped, so a file that shrinks in use is an error and not a signal. Every
 * rule of the format is checked before the first tensor can be asked for: see safetensors.c. */
#ifndef PS_WEIGHTS_SAFETENSORS_H
#define PS_WEIGHTS_SAFETENSORS_H

#include "base/error.h"

struct json_t;

#define PS_MAX_HEADER_BYTES (UINT64_C(16) << 20)
#define PS_MAX_FILE_TENSORS 65536
#define PS_MAX_RANK 8

/* How elements are stored in a file. F32, F16 and BF16 can be read, the rest is known by size only. */
enum ps_stored {
    PS_STORED_F32,
    PS_STORED_F16,
    PS_STORED_BF16,
    PS_STORED_F64,
    PS_STORED_F8_E4M3,
    PS_STORED_F8_E5M2,
    PS_STORED_F8_E8M0,
    PS_STORED_F8_E4M3FNUZ,
    PS_STORED_F8_E5M2FNUZ,
    PS_STORED_F6_E2M3,
    PS_STORED_F6_E3M2,
    PS_STORED_F4,
    PS_STORED_C64,
    PS_STORED_I64,
    PS_STORED_U64,
    PS_STORED_I32,
    PS_STORED_U32,
    PS_STORED_I16,
    PS_STORED_U16,
    PS_STORED_I8,
    PS_STORED_U8,
    PS_STORED_BOOL,
    PS_STORED_TYPES
};

/* "F32"; a static string. */
const char *ps_stored_name(enum ps_stored type);
uint32_t ps_stored_bits(enum ps_stored type);

static inline bool ps_stored_readable(enum ps_stored type)
{
    return type <= PS_STORED_BF16;
}

struct ps_file_tensor {
    char *name;
    enum ps_stored type;
    uint32_t rank; /* 0 for a scalar */
    uint64_t shape[PS_MAX_RANK];
    uint64_t elements;
    uint64_t offset; /* of the first byte in the file */
    uint64_t bytes;
};

struct ps_safetensors {
    char *label;         /* the path, its beginning cut off where it is long, for messages */
    int fd;              /* -1 for a file in memory */
    const uint8_t *data; /* a file in memory: all its bytes, not owned; else null */
    uint64_t size;
    uint32_t count;
    struct ps_file_tensor *tensors; /* by name */
    struct json_t *metadata;        /* an object of strings, or null */
};

/* Opens a regular file; symbolic links are followed. Status: PS_ERR_CHECKPOINT, PS_ERR_MEMORY. */
enum ps_status ps_safetensors_open(struct ps_safetensors **file, const char *path, struct ps_error *error);

/* The same for a file that lies in memory and stays there until the close. */
enum ps_status ps_safetensors_parse(struct ps_safetensors **file, const char *label, const void *data,
                                    size_t size, struct ps_error *error);
void ps_safetensors_close(struct ps_safetensors **file);

/* Null if there is none of that name. */
const struct ps_file_tensor *ps_safetensors_find(const struct ps_safetensors *file, const char *name);

/* What the header's __metadata__ says under `key`; null for nothing. Owned by the file. */
const char *ps_safetensors_metadata(const struct ps_safetensors *file, const char *key);

/* Reads `bytes` bytes at `offset` of the file. */
enum ps_status ps_safetensors_read(const struct ps_safetensors *file, uint64_t offset, uint64_t bytes,
                                   void *to, struct ps_error *error);

/* The path for a message: its last 200 bytes. */
const char *ps_path_tail(const char *path);

/* Writes "[320, 8, 3, 3]" to text and returns text. */
#define PS_DIMS_TEXT 96
const char *ps_dims_text(uint32_t rank, const uint64_t *shape, char text[PS_DIMS_TEXT]);

#endif
