/* Whether every weight of a checkpoint is a number. */
#include <stdio.h>
#include <stdlib.h>

#include "base/printable.h"
#include "weights/checkpoint.h"
#include "weights/convert.h"

/* Bytes that are read at a time: a whole number of elements of any type. */
enum { PIECE = 1 << 20 };

static bool piece_is_finite(const struct ps_entry *entry, uint64_t offset, uint64_t bytes, void *piece,
                            struct ps_error *error)
{
    if (ps_entry_read(entry, offset, bytes, piece, error))
        return false;
    return !ps_convert_check(entry->type, piece, (size_t)(bytes * 8 / ps_stored_bits(entry->type)))
                .not_finite;
}

static void check_entry(struct ps_weights_report *report, const struct ps_part *part,
                        const struct ps_entry *entry, void *piece, struct ps_error *error)
{
    report->tensors++;
    if (!ps_stored_readable(entry->type))
        return;
    report->checked++;
    for (uint64_t at = 0; at < entry->bytes; at += PIECE) {
        const uint64_t left = entry->bytes - at;
        if (piece_is_finite(entry, at, left < PIECE ? left : PIECE, piece, error))
            continue;
        if (error->status)
            return;
        if (report->faulty++ < PS_MAX_PROBLEMS) {
            char *line = report->problems[report->problem_count++];
            char name[128];
            snprintf(line, sizeof report->problems[0], "%s: %s has NaN or infinity", part->name,
                     ps_printable(name, sizeof name, entry->name, false));
        }
        return;
    }
}

/* A tensor of a single file may be cut into several entries, and is then counted so often. */
static void check_part(struct ps_weights_report *report, const struct ps_part *part, void *piece,
                       const struct ps_weights_events *events, struct ps_error *error)
{
    for (uint32_t i = 0; i < part->count && !error->status; i++) {
        if (part->entries[i].file)
            check_entry(report, part, &part->entries[i], piece, error);
        report->bytes += part->entries[i].bytes;
        if (!error->status && events && events->progress && !events->progress(events->user, report))
            ps_fail(error, PS_ERR_CANCELLED, "cancelled", "stopped as asked");
    }
}

enum ps_status ps_verify_model(struct ps_weights_report *report, const char *path,
                               const struct ps_weights_events *events, struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_checkpoint *checkpoint = NULL;
    *report = (struct ps_weights_report){0};
    error = error ? error : &local;
    void *piece = malloc(PIECE);
    if (!piece)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    if (!ps_checkpoint_open(&checkpoint, path, error))
        for (int kind = 0; kind < PS_PARTS && !error->status; kind++)
            check_part(report, &checkpoint->parts[kind], piece, events, error);
    ps_checkpoint_close(&checkpoint);
    free(piece);
    if (!error->status && report->faulty) {
        ps_fail(error, PS_ERR_CHECKPOINT, "checkpoint.not-finite",
                "%.300s: %llu tensors have NaN or infinity; %s", path, (unsigned long long)report->faulty,
                report->problems[0]);
        ps_hint(error, "download the checkpoint again");
    }
    return error->status;
}
