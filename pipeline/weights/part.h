/* One part of a checkpoint (UNet, VAE, image encoder) as a table from diffusers' tensor names to places in
 * files. */
#ifndef PS_WEIGHTS_PART_H
#define PS_WEIGHTS_PART_H

#include "run/weight.h"
#include "weights/safetensors.h"

#define PS_NAME_BYTES 256

struct ps_entry {
    char *name;                        /* diffusers' name; a tensor that has none keeps the file's */
    const struct ps_safetensors *file; /* null: the bytes lie in memory */
    const uint8_t *memory;
    uint64_t offset, bytes; /* in the file */
    enum ps_stored type;
    uint32_t rank;
    uint64_t shape[PS_MAX_RANK]; /* as diffusers has it */
    bool transposed;             /* stored [shape[1], shape[0]] */
    bool claimed;                /* bound, or known not to be needed */
};

struct ps_part {
    struct ps_store store; /* reads the entries: a ps_weight's source is an index into them */
    const char *name;      /* "unet" */
    uint32_t count, capacity;
    struct ps_entry *entries; /* by name, once sealed */
    struct ps_error problem;  /* why the part cannot be used; status PS_OK if it can */
    bool complete;            /* has whatever a binder asks for, without entries: see random.h */
};

/* An empty part; `name` must outlive it. */
void ps_part_init(struct ps_part *part, const char *name);
void ps_part_clear(struct ps_part *part);

/* Adds the tensor under `name`, which is copied. The entry returned can be refined until the next call; null
 * when out of memory. */
struct ps_entry *ps_part_add(struct ps_part *part, const char *name, const struct ps_safetensors *file,
                             const struct ps_file_tensor *tensor, struct ps_error *error);

/* Adds one of `pieces` equal parts of the tensor along its first axis, the one of that index, under `name`.
 */
struct ps_entry *ps_part_add_slice(struct ps_part *part, const char *name, const struct ps_safetensors *file,
                                   const struct ps_file_tensor *tensor, uint32_t index, uint32_t pieces,
                                   struct ps_error *error);

/* Adds `elements` values that lie in memory and stay there. */
struct ps_entry *ps_part_add_array(struct ps_part *part, const char *name, enum ps_stored type, uint32_t rank,
                                   const uint64_t *shape, const void *data, struct ps_error *error);

/* Sorts the table; fails where two tensors have one name. Called once, after the last add. */
enum ps_status ps_part_seal(struct ps_part *part, struct ps_error *error);

/* Null if there is none. */
struct ps_entry *ps_part_find(const struct ps_part *part, const char *name);

/* Dimension `axis` of the entry; 0 where it is missing, has fewer dimensions or is absurdly large. */
uint32_t ps_part_dimension(const struct ps_part *part, const char *name, uint32_t axis);

/* The first entry whose name begins with the formatted text; null if there is none. */
const struct ps_entry *ps_part_prefixed(const struct ps_part *part, const char *format, ...) PS_PRINTF(2, 3);

/* Marks as not needed NAME itself and all entries whose names begin with NAME and a dot. */
void ps_part_waive(struct ps_part *part, const char *name);

/* How many entries were not claimed; the names of the first `capacity` go to names. */
uint32_t ps_part_surplus(const struct ps_part *part, const char **names, uint32_t capacity);

/* Fails with PS_ERR_CHECKPOINT, naming the first five, if entries were not claimed. */
enum ps_status ps_part_check_surplus(const struct ps_part *part, struct ps_error *error);

/* Elements of the entry. */
uint64_t ps_entry_elements(const struct ps_entry *entry);

/* Reads `bytes` bytes at `offset` of the entry's bytes, as stored. */
enum ps_status ps_entry_read(const struct ps_entry *entry, uint64_t offset, uint64_t bytes, void *to,
                             struct ps_error *error);

/* ps_store.fill over the entries of the part that the store belongs to. */
bool ps_part_fill(const struct ps_store *store, const struct ps_weight *weight, enum ps_type type, void *to,
                  struct ps_error *error);

#endif
