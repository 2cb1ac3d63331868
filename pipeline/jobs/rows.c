#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/guess.h"
#include "base/printable.h"
#include "jobs/beneath.h"
#include "jobs/naming.h"
#include "jobs/source.h"

static const char *const own_columns[] = {"photo", "preset", "seed", "output", "priority", NULL};

static const char *own_column(const void *from, size_t i)
{
    (void)from;
    return own_columns[i];
}

static enum ps_role role_of(struct ps_manifest *manifest, const char *name, const char **guess, bool *refused)
{
    const struct ps_manifest_params *params = manifest->reader->params;
    for (int i = 0; own_columns[i]; i++)
        if (!strcmp(own_columns[i], name))
            return (enum ps_role)i;
    enum ps_column column = PS_COLUMN_UNKNOWN;
    if (params->column)
        column = params->column(params->user, name, guess);
    *refused = column == PS_COLUMN_REFUSED;
    if (column == PS_COLUMN_UNKNOWN && !*guess)
        *guess = ps_guess(name, own_column, NULL);
    return column == PS_COLUMN_SETTING ? PS_ROLE_SETTING
           : column == PS_COLUMN_LABEL ? PS_ROLE_LABEL
                                       : PS_ROLE_WRONG;
}

/* Takes up a new column; PS_MANIFEST_COLUMNS where that cannot be. */
static uint32_t add_column(struct ps_manifest *manifest, const char *name, enum ps_role role, uint64_t row,
                           uint32_t column)
{
    struct ps_manifest_reader *reader = manifest->reader;
    char *copy = reader->known_count < PS_MANIFEST_COLUMNS ? strdup(name) : NULL;
    if (!copy) {
        ps_manifest_complain(manifest, row, column, "manifest.too-many", NULL, "more than %d columns",
                             PS_MANIFEST_COLUMNS);
        return PS_MANIFEST_COLUMNS;
    }
    reader->known[reader->known_count] = (struct ps_known_column){.name = copy, .role = role};
    return (uint32_t)reader->known_count++;
}

uint32_t ps_manifest_know(struct ps_manifest *manifest, const char *name, uint64_t row, uint32_t column)
{
    struct ps_manifest_reader *reader = manifest->reader;
    for (uint32_t i = 0; i < reader->known_count; i++)
        if (!strcmp(reader->known[i].name, name))
            return i;
    const char *guess = NULL;
    bool refused = false;
    const enum ps_role role = role_of(manifest, name, &guess, &refused);
    if (refused)
        ps_manifest_complain(manifest, row, column, "manifest.column",
                             "give it on the command line, if packshot help batch lists it",
                             "\"%.64s\" is an option of the whole call or of a single render, and no column",
                             name);
    else if (role == PS_ROLE_WRONG)
        ps_manifest_complain(manifest, row, column, "manifest.column",
                             "packshot help render lists the options", "unknown column \"%.64s\"%s%s%s", name,
                             guess ? "; did you mean \"" : "", guess ? guess : "", guess ? "\"?" : "");
    return add_column(manifest, name, role, row, column);
}

uint32_t ps_manifest_know_blank(struct ps_manifest *manifest, uint64_t row, uint32_t column)
{
    return add_column(manifest, "", PS_ROLE_BLANK, row, column);
}

void ps_raw_begin(struct ps_raw_row *raw, uint64_t row)
{
    raw->row = row;
    raw->size = 0;
    raw->count = 0;
}

bool ps_raw_add(struct ps_raw_row *raw, uint32_t known, uint32_t column, const char *text, size_t size)
{
    if (raw->count == PS_MANIFEST_COLUMNS)
        return false;
    if (raw->capacity - raw->size < size + 1) {
        const size_t capacity = 2 * (raw->size + size) + 256;
        char *bytes = realloc(raw->bytes, capacity);
        if (!bytes)
            return false;
        raw->bytes = bytes;
        raw->capacity = capacity;
    }
    if (size)
        memcpy(raw->bytes + raw->size, text, size);
    raw->bytes[raw->size + size] = '\0';
    raw->cells[raw->count++] = (struct ps_raw_cell){.at = raw->size, .known = known, .column = column};
    raw->size += size + 1;
    return true;
}

bool ps_manifest_check_text(struct ps_manifest *manifest, uint64_t row, uint32_t column, const char *text,
                            size_t size, bool ends)
{
    for (size_t at = 0; at < size;) {
        const unsigned char byte = (unsigned char)text[at];
        const size_t bytes = byte == '\t' ? 1 : ps_character(text + at, ends);
        if (bytes) {
            at += bytes;
            continue;
        }
        const bool control = byte < 0x20 || byte == 0x7f || (byte == 0xc2 && (text[at + 1] & 0xe0) == 0x80);
        ps_manifest_complain(manifest, row, column ? column : (uint32_t)at + 1, "manifest.encoding",
                             control ? "only text can stand in a manifest" : "save it as \"CSV UTF-8\"",
                             control ? "the control character \\x%02x" : "the byte \\x%02x is not UTF-8",
                             control && byte == 0xc2 ? (unsigned char)text[at + 1] : byte);
        return false;
    }
    return true;
}

static bool read_seed(const char *text, uint64_t *seed)
{
    if (!*text || text[strspn(text, "0123456789")])
        return false;
    errno = 0;
    *seed = strtoull(text, NULL, 10);
    return errno == 0;
}

static bool read_priority(const char *text, int32_t *priority)
{
    const char *digits = text + (*text == '-');
    if (!*digits || strlen(digits) > 4 || digits[strspn(digits, "0123456789")])
        return false;
    *priority = (int32_t)strtol(text, NULL, 10);
    return *priority >= -PS_MANIFEST_PRIORITY && *priority <= PS_MANIFEST_PRIORITY;
}

static void complain_value(struct ps_manifest *manifest, const struct ps_raw_cell *cell, const char *key,
                           const char *value, const char *expected)
{
    ps_manifest_complain(manifest, manifest->reader->raw.row, cell->column, "manifest.value", NULL,
                         "%.64s: \"%.100s\" is not %s", key, value, expected);
}

/* A setting or a preset: the caller judges the value. */
static void take_judged(struct ps_manifest *manifest, const struct ps_raw_cell *cell, const char *key,
                        const char *value)
{
    const struct ps_manifest_params *params = manifest->reader->params;
    char problem[384] = "";
    if (!params->check || params->check(params->user, key, value, problem, sizeof problem))
        return;
    ps_manifest_complain(manifest, manifest->reader->raw.row, cell->column, "manifest.value", NULL, "%s",
                         problem);
}

/* Endings of a sidecar and the like are left room for. */
enum { OUTPUT_RESERVE = sizeof ".json" - 1 };

static void take_cell(struct ps_manifest *manifest, const struct ps_raw_cell *cell)
{
    struct ps_manifest_reader *reader = manifest->reader;
    struct ps_manifest_row *row = &reader->row;
    const struct ps_known_column *known = &reader->known[cell->known];
    const char *value = reader->raw.bytes + cell->at, *problem;
    switch (known->role) {
    case PS_ROLE_PHOTO:
        row->photo = value;
        break;
    case PS_ROLE_PRESET:
        row->preset = value;
        take_judged(manifest, cell, known->name, value);
        break;
    case PS_ROLE_SEED:
        row->has_seed = true;
        if (!read_seed(value, &row->seed))
            complain_value(manifest, cell, known->name, value,
                           "a whole number from 0 to 18446744073709551615");
        break;
    case PS_ROLE_OUTPUT:
        row->output = value;
        problem = ps_output_path_problem(value, OUTPUT_RESERVE);
        if (problem)
            ps_manifest_complain(manifest, reader->raw.row, cell->column, "manifest.output",
                                 "write a path relative to the folder of outputs", "output: \"%.200s\" %s",
                                 value, problem);
        break;
    case PS_ROLE_PRIORITY:
        if (!read_priority(value, &row->priority))
            complain_value(manifest, cell, known->name, value, "a whole number from -1000 to 1000");
        break;
    case PS_ROLE_SETTING:
        take_judged(manifest, cell, known->name, value);
        reader->cells[row->cell_count++] = (struct ps_manifest_cell){
            .key = known->name, .value = value, .column = cell->column, .kind = PS_COLUMN_SETTING};
        break;
    case PS_ROLE_LABEL:
        reader->cells[row->cell_count++] = (struct ps_manifest_cell){
            .key = known->name, .value = value, .column = cell->column, .kind = PS_COLUMN_LABEL};
        break;
    case PS_ROLE_BLANK:
        ps_manifest_complain(manifest, reader->raw.row, cell->column, "manifest.column",
                             "give the column a name in the header, or empty its cells",
                             "\"%.100s\" stands in a column without a name", value);
        break;
    case PS_ROLE_WRONG:
        break;
    }
}

static uint32_t column_of_role(const struct ps_manifest_reader *reader, enum ps_role role)
{
    for (size_t i = 0; i < reader->raw.count; i++)
        if (reader->known[reader->raw.cells[i].known].role == role)
            return reader->raw.cells[i].column;
    return 0;
}

static bool join_path(struct ps_manifest_reader *reader, const char *photo)
{
    const bool absolute = photo[0] == '/';
    const size_t size = strlen(reader->folder) + strlen(photo) + 2;
    char *path = realloc(reader->path, size);
    if (!path)
        return false;
    const char *between = !strcmp(reader->folder, "/") ? "" : "/";
    if (absolute)
        snprintf(path, size, "%s", photo);
    else
        snprintf(path, size, "%s%s%s", reader->folder, between, photo);
    reader->path = path;
    return true;
}

static enum ps_status open_photo(struct ps_manifest *manifest, struct ps_error *error)
{
    struct ps_manifest_reader *reader = manifest->reader;
    struct ps_manifest_row *row = &reader->row;
    struct ps_error problem = {0};
    struct stat info;
    if (!join_path(reader, row->photo))
        return ps_manifest_fail_memory(manifest, error);
    row->path = reader->path;
    if (row->ignored)
        return PS_OK;
    if (!ps_beneath_open(&row->fd, reader->params->root, row->path, &problem)) {
        row->bytes = !fstat(row->fd, &info) ? (uint64_t)info.st_size : 0;
        return PS_OK;
    }
    if (row->photo[0] == '~')
        ps_hint(&problem, "~ is not expanded; write a path relative to the manifest's folder");
    ps_manifest_complain(manifest, row->row, column_of_role(reader, PS_ROLE_PHOTO), problem.id, problem.hint,
                         "%s", problem.message);
    return PS_OK;
}

enum ps_status ps_manifest_take_row(struct ps_manifest *manifest, bool *sound, struct ps_error *error)
{
    struct ps_manifest_reader *reader = manifest->reader;
    const uint64_t before = manifest->problem_count;
    bool wrong = false;
    reader->row = (struct ps_manifest_row){
        .row = reader->raw.row, .fd = -1, .cells = reader->cells, .ignored = reader->ignored};
    for (size_t i = 0; i < reader->raw.count; i++) {
        wrong = wrong || reader->known[reader->raw.cells[i].known].role == PS_ROLE_WRONG;
        take_cell(manifest, &reader->raw.cells[i]);
    }
    enum ps_status status = PS_OK;
    if (reader->row.photo)
        status = open_photo(manifest, error);
    else
        ps_manifest_complain(manifest, reader->raw.row, 0, "manifest.no-photo", NULL, "names no photo");
    *sound = manifest->problem_count == before && !wrong;
    return status;
}

void ps_manifest_drop_row(struct ps_manifest *manifest)
{
    struct ps_manifest_reader *reader = manifest->reader;
    if (reader->row.fd >= 0)
        close(reader->row.fd);
    reader->row = (struct ps_manifest_row){.fd = -1};
    free(reader->ignored);
    reader->ignored = NULL;
}

/* Cells of a kind as an object. */
static json_t *cells_object(const struct ps_manifest_row *row, enum ps_column kind)
{
    json_t *object = json_object();
    for (size_t i = 0; object && i < row->cell_count; i++)
        if (row->cells[i].kind == kind &&
            json_object_set_new(object, row->cells[i].key, json_string(row->cells[i].value))) {
            json_decref(object);
            return NULL;
        }
    return object;
}

char *ps_manifest_row_text(const struct ps_manifest_row *row)
{
    char seed[24];
    snprintf(seed, sizeof seed, "%" PRIu64, row->seed);
    json_t *object = json_object();
    const bool made = object &&
                      !json_object_set_new(object, "settings", cells_object(row, PS_COLUMN_SETTING)) &&
                      !json_object_set_new(object, "labels", cells_object(row, PS_COLUMN_LABEL)) &&
                      (!row->preset || !json_object_set_new(object, "preset", json_string(row->preset))) &&
                      (!row->has_seed || !json_object_set_new(object, "seed", json_string(seed)));
    char *text = made ? json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}
