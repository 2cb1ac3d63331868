#include "weights/part.h"

#include "base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ps_part_init(struct ps_part *part, const char *name)
{
    *part = (struct ps_part){.store = {.fill = ps_part_fill}, .name = name};
}

void ps_part_clear(struct ps_part *part)
{
    for (uint32_t i = 0; i < part->count; i++)
        free(part->entries[i].name);
    free(part->entries);
    ps_part_init(part, part->name);
}

/* A zeroed entry of that name at the end of the table. */
static struct ps_entry *new_entry(struct ps_part *part, const char *name, struct ps_error *error)
{
    if (part->count == part->capacity) {
        const uint32_t capacity = part->capacity ? 2 * part->capacity : 512;
        struct ps_entry *entries = realloc(part->entries, capacity * sizeof *entries);
        if (!entries)
            goto fail;
        part->entries = entries;
        part->capacity = capacity;
    }
    struct ps_entry *entry = &part->entries[part->count];
    *entry = (struct ps_entry){.name = strdup(name)};
    if (!entry->name)
        goto fail;
    part->count++;
    return entry;
fail:
    ps_fail(error, PS_ERR_MEMORY, "memory.host", "%s: no memory for the list of tensors", part->name);
    return NULL;
}

struct ps_entry *ps_part_add(struct ps_part *part, const char *name, const struct ps_safetensors *file,
                             const struct ps_file_tensor *tensor, struct ps_error *error)
{
    struct ps_entry *entry = new_entry(part, name, error);
    if (!entry)
        return NULL;
    entry->file = file;
    entry->offset = tensor->offset;
    entry->bytes = tensor->bytes;
    entry->type = tensor->type;
    entry->rank = tensor->rank;
    memcpy(entry->shape, tensor->shape, sizeof entry->shape);
    return entry;
}

struct ps_entry *ps_part_add_slice(struct ps_part *part, const char *name, const struct ps_safetensors *file,
                                   const struct ps_file_tensor *tensor, uint32_t index, uint32_t pieces,
                                   struct ps_error *error)
{
    struct ps_entry *entry = ps_part_add(part, name, file, tensor, error);
    if (!entry)
        return NULL;
    entry->shape[0] /= pieces;
    entry->bytes /= pieces;
    entry->offset += index * entry->bytes;
    return entry;
}

struct ps_entry *ps_part_add_array(struct ps_part *part, const char *name, enum ps_stored type, uint32_t rank,
                                   const uint64_t *shape, const void *data, struct ps_error *error)
{
    struct ps_entry *entry = new_entry(part, name, error);
    if (!entry)
        return NULL;
    entry->memory = data;
    entry->type = type;
    entry->rank = rank;
    memcpy(entry->shape, shape, rank * sizeof *shape);
    entry->bytes = ps_entry_elements(entry) * ps_stored_bits(type) / 8;
    return entry;
}

static int by_name(const void *a, const void *b)
{
    const struct ps_entry *p = a, *q = b;
    return strcmp(p->name, q->name);
}

enum ps_status ps_part_seal(struct ps_part *part, struct ps_error *error)
{
    if (part->count)
        qsort(part->entries, part->count, sizeof *part->entries, by_name);
    for (uint32_t i = 1; i < part->count; i++) {
        const struct ps_entry *entry = &part->entries[i];
        if (!strcmp(entry[-1].name, entry->name))
            return ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.duplicate",
                           "%s: two tensors of the checkpoint are both %.150s", part->name, entry->name);
    }
    return PS_OK;
}

/* Index of the first entry whose name is not below `name`; count if there is none. */
static uint32_t lower_bound(const struct ps_part *part, const char *name)
{
    uint32_t low = 0, high = part->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (strcmp(part->entries[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct ps_entry *ps_part_find(const struct ps_part *part, const char *name)
{
    const uint32_t at = lower_bound(part, name);
    return at < part->count && !strcmp(part->entries[at].name, name) ? &part->entries[at] : NULL;
}

uint32_t ps_part_dimension(const struct ps_part *part, const char *name, uint32_t axis)
{
    const struct ps_entry *entry = ps_part_find(part, name);
    return entry && axis < entry->rank && entry->shape[axis] <= INT32_MAX ? (uint32_t)entry->shape[axis] : 0;
}

const struct ps_entry *ps_part_prefixed(const struct ps_part *part, const char *format, ...)
{
    char prefix[PS_NAME_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    const uint32_t at = lower_bound(part, prefix);
    const bool found = at < part->count && !strncmp(part->entries[at].name, prefix, strlen(prefix));
    return found ? &part->entries[at] : NULL;
}

void ps_part_waive(struct ps_part *part, const char *name)
{
    const size_t length = strlen(name);
    /* "NAME-x" sorts between "NAME" and "NAME.x". */
    for (uint32_t i = lower_bound(part, name); i < part->count; i++) {
        struct ps_entry *entry = &part->entries[i];
        if (strncmp(entry->name, name, length))
            break;
        if (entry->name[length] == '\0' || entry->name[length] == '.')
            entry->claimed = true;
    }
}

uint32_t ps_part_surplus(const struct ps_part *part, const char **names, uint32_t capacity)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < part->count; i++) {
        if (part->entries[i].claimed)
            continue;
        if (count < capacity)
            names[count] = part->entries[i].name;
        count++;
    }
    return count;
}

enum ps_status ps_part_check_surplus(const struct ps_part *part, struct ps_error *error)
{
    const char *names[5];
    const uint32_t count = ps_part_surplus(part, names, 5);
    if (!count)
        return PS_OK;
    char text[5 * 100] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < count && i < 5; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.90s", i ? ", " : "", names[i]);
    ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.surplus",
            "%s: %u tensor%s that the architecture does not have: %s%s", part->name, count,
            count == 1 ? "" : "s", text, count > 5 ? ", ..." : "");
    ps_hint(
        error,
        "the weights belong to another or a changed architecture; \"packshot inspect\" lists the difference");
    return PS_ERR_CHECKPOINT;
}

uint64_t ps_entry_elements(const struct ps_entry *entry)
{
    uint64_t elements = 1;
    for (uint32_t i = 0; i < entry->rank; i++)
        elements *= entry->shape[i];
    return elements;
}

enum ps_status ps_entry_read(const struct ps_entry *entry, uint64_t offset, uint64_t bytes, void *to,
                             struct ps_error *error)
{
    uint64_t end;
    if (!ps_add_u64(offset, bytes, &end) || end > entry->bytes)
        return ps_fail(error, PS_ERR_INTERNAL, "checkpoint.range",
                       "%.150s: read of bytes %llu to %llu of %llu", entry->name, (unsigned long long)offset,
                       (unsigned long long)end, (unsigned long long)entry->bytes);
    if (entry->memory) {
        memcpy(to, entry->memory + offset, (size_t)bytes);
        return PS_OK;
    }
    return ps_safetensors_read(entry->file, entry->offset + offset, bytes, to, error);
}
