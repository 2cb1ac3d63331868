#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/source.h"

struct ps_source {
    struct ps_text_lines lines;
    uint64_t row;
    bool finished;
};

/* The shortest text of a number that reads back as it. */
static const char *real_text(char text[32], double value)
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return text;
}

/* The text that a cell of a table would have; null for what is none. */
static const char *value_text(char number[32], const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_string_value(value);
    case JSON_INTEGER:
        snprintf(number, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return number;
    case JSON_REAL:
        return real_text(number, json_real_value(value));
    case JSON_TRUE:
        return "yes";
    case JSON_FALSE:
        return "no";
    case JSON_NULL:
        return "";
    default:
        return NULL;
    }
}

static bool take_members(struct ps_manifest *manifest, json_t *object, bool *out_of_memory)
{
    struct ps_manifest_reader *reader = manifest->reader;
    const uint64_t row = reader->raw.row;
    char number[32];
    const char *key;
    json_t *value;
    bool sound = true;
    json_object_foreach(object, key, value)
    {
        const char *text = value_text(number, value);
        const uint32_t known = ps_manifest_know(manifest, key, row, 0);
        if (known == PS_MANIFEST_COLUMNS)
            return false;
        if (!text)
            ps_manifest_complain(manifest, row, 0, "manifest.value", NULL,
                                 "%.64s: is a list or an object; expected a text, a number, true or false",
                                 key);
        sound = sound && text && ps_manifest_check_text(manifest, row, 0, text, strlen(text), true);
        if (sound && *text && !ps_raw_add(&reader->raw, known, 0, text, strlen(text))) {
            *out_of_memory = true;
            return false;
        }
    }
    return sound;
}

static bool take_line(struct ps_manifest *manifest, bool *out_of_memory)
{
    struct ps_source *source = manifest->reader->source;
    json_error_t where;
    ps_raw_begin(&manifest->reader->raw, source->row);
    json_t *object = json_loadb(source->lines.bytes, source->lines.size, JSON_REJECT_DUPLICATES, &where);
    bool sound = false;
    if (!object)
        ps_manifest_complain(manifest, source->row, where.column > 0 ? (uint32_t)where.column : 0,
                             "manifest.json", "each line is one JSON object", "no JSON object: %s",
                             where.text);
    else if (!json_is_object(object))
        ps_manifest_complain(manifest, source->row, 0, "manifest.json", "each line is one JSON object",
                             "no JSON object, but another value");
    else
        sound = take_members(manifest, object, out_of_memory);
    json_decref(object);
    return sound;
}

static enum ps_status next_row(struct ps_manifest *manifest, bool *found, struct ps_error *error)
{
    struct ps_source *source = manifest->reader->source;
    bool out_of_memory = false;
    while (!*found && !source->finished && !out_of_memory) {
        source->row++;
        switch (ps_text_line(&source->lines, PS_MANIFEST_LINE)) {
        case PS_LINE_READ:
            if (source->lines.bytes[strspn(source->lines.bytes, " \t")])
                *found = take_line(manifest, &out_of_memory);
            break;
        case PS_LINE_END:
            source->finished = true;
            return ps_manifest_check_unchanged(manifest, fileno(source->lines.file), error);
        case PS_LINE_TOO_LONG:
            source->finished = true;
            ps_manifest_complain(manifest, source->row, 0, "manifest.too-long", NULL,
                                 "this line is longer than 1 MiB; what follows was not read");
            break;
        case PS_LINE_UNREADABLE:
            return ps_manifest_fail_read(manifest, errno, error);
        case PS_LINE_MEMORY:
            out_of_memory = true;
        }
    }
    return out_of_memory ? ps_manifest_fail_memory(manifest, error) : PS_OK;
}

static void close_source(struct ps_source *source)
{
    fclose(source->lines.file);
    free(source->lines.bytes);
    free(source);
}

/* The keys of the first object are the columns. What is wrong with it is told of when it is read as a row. */
static void find_columns(struct ps_manifest *manifest)
{
    struct ps_manifest_reader *reader = manifest->reader;
    struct ps_text_lines *lines = &reader->source->lines;
    uint64_t row = 0;
    do {
        row++;
        if (ps_text_line(lines, PS_MANIFEST_LINE) != PS_LINE_READ)
            return;
    } while (!lines->bytes[strspn(lines->bytes, " \t")]);
    json_t *object = json_loadb(lines->bytes, lines->size, JSON_REJECT_DUPLICATES, NULL), *value;
    const char *key;
    json_object_foreach(object, key, value)
    {
        if (ps_manifest_know(manifest, key, row, 0) == PS_MANIFEST_COLUMNS)
            break;
        reader->names[manifest->column_count++] = reader->known[reader->known_count - 1].name;
    }
    json_decref(object);
}

enum ps_status ps_json_lines_open(struct ps_manifest *manifest, int fd, struct ps_error *error)
{
    struct ps_source *source = calloc(1, sizeof *source);
    FILE *file = source ? fdopen(fd, "rb") : NULL;
    char mark[3];
    if (!file) {
        free(source);
        return ps_manifest_fail_memory(manifest, error);
    }
    source->lines = (struct ps_text_lines){.file = file};
    manifest->reader->source = source;
    manifest->reader->next = next_row;
    manifest->reader->close = close_source;
    const long begin =
        fread(mark, 1, sizeof mark, file) == sizeof mark && !memcmp(mark, "\xef\xbb\xbf", sizeof mark) ? 3
                                                                                                       : 0;
    if (fseek(file, begin, SEEK_SET))
        return ps_manifest_fail_read(manifest, errno, error);
    find_columns(manifest);
    return fseek(file, begin, SEEK_SET) ? ps_manifest_fail_read(manifest, errno, error) : PS_OK;
}
