#include "jobs/inbox.h"

#include <stdlib.h>
#include <string.h>

/* A file, in the order in which files were first seen, and in its chain of the table. */
struct entry {
    struct ps_inbox_file file;
    struct entry *before, *after, *chain;
    uint64_t look; /* the last one that it was there in */
    double tried;  /* since when its state is what it is */
    char path[];
};

struct ps_inbox {
    struct ps_inbox_params params;
    struct entry *first, *last, **table;
    size_t slots, count; /* a power of two, and how many files */
    uint64_t look;
    double now; /* of the last look */
    bool starved;
};

/* ---- the table ---- */

/* FNV-1a. */
static size_t slot_of(const struct ps_inbox *inbox, const char *path)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 32) & (inbox->slots - 1);
}

static struct entry *find(const struct ps_inbox *inbox, const char *path)
{
    struct entry *entry = inbox->table[slot_of(inbox, path)];
    while (entry && strcmp(entry->path, path) != 0)
        entry = entry->chain;
    return entry;
}

static void link_in(struct ps_inbox *inbox, struct entry *entry)
{
    struct entry **head = &inbox->table[slot_of(inbox, entry->path)];
    entry->chain = *head;
    *head = entry;
}

static bool grow(struct ps_inbox *inbox)
{
    struct entry **table = calloc(2 * inbox->slots, sizeof *table);
    if (!table)
        return false;
    free(inbox->table);
    inbox->table = table;
    inbox->slots *= 2;
    for (struct entry *entry = inbox->first; entry; entry = entry->after)
        link_in(inbox, entry);
    return true;
}

static struct entry *add(struct ps_inbox *inbox, const char *path)
{
    const size_t size = strlen(path) + 1;
    if (inbox->count == inbox->slots && !grow(inbox))
        return NULL;
    struct entry *entry = calloc(1, sizeof *entry + size);
    if (!entry)
        return NULL;
    memcpy(entry->path, path, size);
    entry->file.path = entry->path;
    entry->before = inbox->last;
    *(inbox->last ? &inbox->last->after : &inbox->first) = entry;
    inbox->last = entry;
    inbox->count++;
    link_in(inbox, entry);
    return entry;
}

static void forget(struct ps_inbox *inbox, struct entry *entry)
{
    struct entry **at = &inbox->table[slot_of(inbox, entry->path)];
    while (*at != entry)
        at = &(*at)->chain;
    *at = entry->chain;
    *(entry->before ? &entry->before->after : &inbox->first) = entry->after;
    *(entry->after ? &entry->after->before : &inbox->last) = entry->before;
    inbox->count--;
    free(entry);
}

struct ps_inbox *ps_inbox_new(const struct ps_inbox_params *params)
{
    enum { SLOTS = 1024 };
    struct ps_inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox)
        return NULL;
    inbox->params = *params;
    inbox->slots = SLOTS;
    inbox->table = calloc(SLOTS, sizeof(struct entry *));
    if (!inbox->table)
        ps_inbox_free(&inbox);
    return inbox;
}

void ps_inbox_free(struct ps_inbox **inbox)
{
    struct ps_inbox *old = *inbox;
    *inbox = NULL;
    if (!old)
        return;
    while (old->first)
        forget(old, old->first);
    free(old->table);
    free(old);
}

/* ---- looking ---- */

static void set(struct entry *entry, enum ps_inbox_state state, double now)
{
    entry->file.state = state;
    entry->tried = now;
}

static void begin(struct ps_inbox *inbox, struct entry *entry, const struct ps_walk_entry *met)
{
    entry->file.mark = met->mark;
    entry->file.changed = inbox->now;
    set(entry, met->problem ? PS_INBOX_NO_PHOTO : PS_INBOX_SETTLING, inbox->now);
}

static void on_met(void *user, const struct ps_walk_entry *met)
{
    struct ps_inbox *inbox = user;
    if (met->folder) {
        if (inbox->params.folder)
            inbox->params.folder(inbox->params.user, met->path);
        return;
    }
    struct entry *entry = find(inbox, met->path);
    const bool known = entry != NULL;
    if (!known && inbox->count == PS_INBOX_FILES)
        return;
    if (!known && !(entry = add(inbox, met->path))) {
        inbox->starved = true;
        return;
    }
    entry->look = inbox->look;
    if (!known) {
        entry->file.seen = inbox->now;
        begin(inbox, entry, met);
        if (met->problem && inbox->params.no_photo)
            inbox->params.no_photo(inbox->params.user, met->path, met->problem);
    } else if (!ps_file_mark_same(&entry->file.mark, &met->mark)) {
        begin(inbox, entry, met);
    }
}

enum ps_status ps_inbox_look(struct ps_inbox *inbox, const char *folder, double now, struct ps_error *error)
{
    inbox->now = now;
    inbox->look++;
    inbox->starved = false;
    const enum ps_status status = ps_walk(folder, on_met, inbox, error);
    if (status)
        return status;
    if (inbox->starved)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the files of %.300s", folder);
    for (struct entry *entry = inbox->first, *after; entry; entry = after) {
        after = entry->after;
        if (entry->look != inbox->look)
            forget(inbox, entry);
    }
    return PS_OK;
}

/* ---- trying ---- */

/* When the file is to be tried; negative for never. */
static double due(const struct ps_inbox *inbox, const struct entry *entry)
{
    const double end = entry->file.changed + inbox->params.give_up;
    switch (entry->file.state) {
    case PS_INBOX_SETTLING:
        return entry->file.mark.size ? entry->file.changed + inbox->params.quiet : end;
    case PS_INBOX_HELD:
        return entry->tried + inbox->params.quiet;
    case PS_INBOX_INCOMPLETE:
        return end;
    case PS_INBOX_KEPT:
    case PS_INBOX_NO_PHOTO:
    case PS_INBOX_STATES:
        break;
    }
    return -1;
}

const struct ps_inbox_file *ps_inbox_next(struct ps_inbox *inbox, double now)
{
    for (struct entry *entry = inbox->first; entry; entry = entry->after) {
        const double at = due(inbox, entry);
        /* Left alone means that a look has found it so. */
        if (at >= 0 && at <= now && (at <= inbox->now || entry->file.state != PS_INBOX_SETTLING))
            return &entry->file;
    }
    return NULL;
}

bool ps_inbox_is_overdue(const struct ps_inbox *inbox, const struct ps_inbox_file *file, double now)
{
    return now - file->changed >= inbox->params.give_up;
}

void ps_inbox_take(struct ps_inbox *inbox, const struct ps_inbox_file *file)
{
    struct entry *entry = find(inbox, file->path);
    if (entry)
        forget(inbox, entry);
}

void ps_inbox_put(struct ps_inbox *inbox, const struct ps_inbox_file *file, enum ps_inbox_state state,
                  double now)
{
    struct entry *entry = find(inbox, file->path);
    if (!entry)
        return;
    set(entry, state, now);
    if (state == PS_INBOX_SETTLING)
        entry->file.changed = now;
}

void ps_inbox_count(const struct ps_inbox *inbox, uint64_t counts[PS_INBOX_STATES])
{
    memset(counts, 0, PS_INBOX_STATES * sizeof *counts);
    for (const struct entry *entry = inbox->first; entry; entry = entry->after)
        counts[entry->file.state]++;
}

bool ps_inbox_is_settling(const struct ps_inbox *inbox, double now, double patience)
{
    for (const struct entry *entry = inbox->first; entry; entry = entry->after)
        if (entry->file.state == PS_INBOX_SETTLING && entry->file.mark.size &&
            now - entry->file.seen < patience)
            return true;
    return false;
}

double ps_inbox_wait(const struct ps_inbox *inbox, double now)
{
    double least = -1;
    for (const struct entry *entry = inbox->first; entry; entry = entry->after) {
        const double at = due(inbox, entry);
        const double left = at < now ? 0 : at - now;
        if (at >= 0 && (least < 0 || left < least))
            least = left;
    }
    return least;
}
