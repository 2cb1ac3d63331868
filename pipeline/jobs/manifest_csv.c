#include <csv.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "jobs/source.h"

struct ps_source {
    struct ps_manifest *manifest;
    struct ps_text_lines lines;
    struct csv_parser parser;
    char delimiter;
    uint64_t row;    /* of the last row that was begun */
    uint32_t column; /* cells of the row so far */
    bool ended;      /* the row at hand is whole */
    bool blank;      /* and has no text */
    bool wrong;      /* and is not to be used */
    bool header;     /* the header is being read */
    size_t bytes;    /* of the row so far */
    bool out_of_memory, finished;
};

static void complain(struct ps_source *source, uint32_t column, const char *id, const char *hint,
                     const char *what)
{
    source->wrong = true;
    ps_manifest_complain(source->manifest, source->row, column, id, hint, "%s", what);
}

/* A column of the header. Its place in the row is its index among the known ones, so a name that is there already, or one
 * too many, makes the header useless. */
static void take_header(struct ps_source *source, char *text, size_t size)
{
    struct ps_manifest *manifest = source->manifest;
    struct ps_manifest_reader *reader = manifest->reader;
    const size_t before = reader->known_count;
    for (size_t i = 0; i < size; i++)
        text[i] = (char)tolower((unsigned char)text[i]);
    const uint32_t at = size ? ps_manifest_know(manifest, text, source->row, source->column)
                             : ps_manifest_know_blank(manifest, source->row, source->column);
    if (at == before && at < PS_MANIFEST_COLUMNS) {
        reader->names[manifest->column_count++] = reader->known[at].name;
        return;
    }
    source->wrong = true;
    if (at < before)
        ps_manifest_complain(manifest, source->row, source->column, "manifest.duplicate", "keep one of them",
                             "the column \"%.64s\" stands here a second time; the first is column %u", text,
                             at + 1);
}

/* libcsv's callback for a cell; a null text is an empty one without quotes. */
static void on_cell(void *cell, size_t size, void *user)
{
    struct ps_source *source = user;
    struct ps_manifest *manifest = source->manifest;
    char *text = cell;
    source->column++;
    if (!size && !source->header)
        return;
    source->blank = source->blank && !size;
    if (size && !ps_manifest_check_text(manifest, source->row, source->column, text, size, !source->header)) {
        source->wrong = true;
        return;
    }
    if (source->header) {
        char none[1] = "";
        take_header(source, size ? text : none, size);
        return;
    }
    if (source->column > manifest->column_count) {
        complain(source, source->column, "manifest.ragged", "quote cells that hold the separator",
                 "a cell beyond the columns of the header");
        return;
    }
    if (!ps_raw_add(&manifest->reader->raw, source->column - 1, source->column, text, size))
        source->out_of_memory = true;
}

/* libcsv's callback for the end of a row. */
static void on_row(int end, void *user)
{
    (void)end;
    struct ps_source *source = user;
    source->ended = true;
}

static void reset_parser(struct ps_source *source)
{
    csv_free(&source->parser);
    csv_init(&source->parser,
             CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL | CSV_REPALL_NL | CSV_EMPTY_IS_NULL);
    csv_set_delim(&source->parser, (unsigned char)source->delimiter);
    csv_set_blk_size(&source->parser, 4096);
}

static void begin_row(struct ps_source *source)
{
    source->row++;
    source->column = 0;
    source->bytes = 0;
    source->ended = source->wrong = false;
    source->blank = true;
    ps_raw_begin(&source->manifest->reader->raw, source->row);
}

/* A quote that is nowhere closed takes all that follows into its row; the row's beginning is what is told of. */
static void finish(struct ps_source *source)
{
    source->finished = true;
    if (csv_fini(&source->parser, on_cell, on_row, source))
        complain(source, 0, "manifest.quote", "put a second quote after the cell",
                 "a quote in this row is never closed");
    source->ended = true;
}

static void fail_too_long(struct ps_source *source)
{
    source->finished = source->ended = true;
    complain(source, 0, "manifest.too-long", "a quote may be missing in it",
             "this row is longer than 1 MiB; what follows was not read");
}

static enum ps_status read_line(struct ps_source *source, bool *found, struct ps_error *error)
{
    *found = false;
    switch (ps_text_line(&source->lines, PS_MANIFEST_LINE)) {
    case PS_LINE_READ:
        *found = true;
        return PS_OK;
    case PS_LINE_END:
        return PS_OK;
    case PS_LINE_TOO_LONG:
        fail_too_long(source);
        return PS_OK;
    case PS_LINE_UNREADABLE:
        return ps_manifest_fail_read(source->manifest, errno, error);
    default:
        return ps_manifest_fail_memory(source->manifest, error);
    }
}

/* Gives libcsv one line, whatever its end was, as a row may have several. */
static void feed(struct ps_source *source)
{
    struct ps_text_lines *lines = &source->lines;
    const char end = '\n';
    if (memchr(lines->bytes, '\0', lines->size)) {
        complain(source, 0, "manifest.encoding", "save it as \"CSV UTF-8\"", "the row has a NUL byte");
        source->ended = true;
        reset_parser(source);
        return;
    }
    const size_t taken = csv_parse(&source->parser, lines->bytes, lines->size, on_cell, on_row, source);
    if (taken == lines->size && csv_parse(&source->parser, &end, 1, on_cell, on_row, source) == 1) {
        source->bytes += lines->size + 1;
        if (!source->ended && source->bytes > PS_MANIFEST_LINE)
            fail_too_long(source);
        return;
    }
    source->ended = true;
    if (csv_error(&source->parser) == CSV_EPARSE)
        complain(source, source->column + 1, "manifest.quote",
                 "write a quote inside of a cell as two, and the whole cell in quotes",
                 "a quote where none can stand");
    else
        source->out_of_memory = true;
    reset_parser(source);
}

/* Reads one row of whatever content; *found is false after the last. */
static enum ps_status read_row(struct ps_source *source, bool *found, struct ps_error *error)
{
    *found = false;
    if (source->finished)
        return PS_OK;
    begin_row(source);
    for (bool first = true; !source->ended; first = false) {
        bool line = false;
        const enum ps_status status = read_line(source, &line, error);
        if (status)
            return status;
        if (line) {
            feed(source);
        } else if (!source->ended) {
            finish(source);
            if (first)
                return ps_manifest_check_unchanged(source->manifest, fileno(source->lines.file), error);
        }
    }
    *found = true;
    return source->out_of_memory ? ps_manifest_fail_memory(source->manifest, error) : PS_OK;
}

static enum ps_status next_row(struct ps_manifest *manifest, bool *found, struct ps_error *error)
{
    struct ps_source *source = manifest->reader->source;
    for (;;) {
        const enum ps_status status = read_row(source, found, error);
        if (status || !*found)
            return status;
        if (source->blank || source->wrong)
            continue;
        if (source->column >= manifest->column_count)
            return PS_OK;
        ps_manifest_complain(
            manifest, source->row, 0, "manifest.ragged", "empty cells at the end need their separators too",
            "its cells are %u; expected %zu, as the header has", source->column, manifest->column_count);
    }
}

static void close_source(struct ps_source *source)
{
    csv_free(&source->parser);
    fclose(source->lines.file);
    free(source->lines.bytes);
    free(source);
}

/* The separator that the header has most of, outside of quotes. */
static char choose_delimiter(const char *line)
{
    static const char choices[] = ",;\t";
    size_t counts[sizeof choices] = {0}, best = 0;
    bool quoted = false;
    for (const char *at = line; *at; at++) {
        const char *choice = strchr(choices, *at);
        quoted = quoted != (*at == '"');
        if (choice && !quoted)
            counts[choice - choices]++;
    }
    for (size_t i = 1; choices[i]; i++)
        best = counts[i] > counts[best] ? i : best;
    return choices[best];
}

/* "sep=;", by which Excel tells itself the separator; perhaps in quotes. */
static char told_delimiter(const char *line)
{
    const size_t quote = line[0] == '"';
    if (strncasecmp(line + quote, "sep=", 4) != 0)
        return '\0';
    const char delimiter = line[quote + 4];
    const bool ends = delimiter && strchr(",;\t|", delimiter) &&
                      (!line[quote + 5] || (quote && !strcmp(line + quote + 5, "\"")));
    return ends ? delimiter : '\0';
}

/* Finds the separator in the first lines, and goes back to where the table begins. */
static enum ps_status find_delimiter(struct ps_source *source, struct ps_error *error)
{
    FILE *file = source->lines.file;
    char mark[3];
    bool found = true;
    long begin = fread(mark, 1, sizeof mark, file) == sizeof mark && !memcmp(mark, "\xef\xbb\xbf", 3) ? 3 : 0;
    source->delimiter = '\0';
    if (fseek(file, begin, SEEK_SET))
        return ps_manifest_fail_read(source->manifest, errno, error);
    enum ps_status status = read_line(source, &found, error);
    if (!status && found) {
        source->delimiter = told_delimiter(source->lines.bytes);
        if (source->delimiter)
            begin = ftell(file);
    }
    while (!status && found && !source->delimiter) {
        if (source->lines.bytes[strspn(source->lines.bytes, " \t")])
            source->delimiter = choose_delimiter(source->lines.bytes);
        else
            status = read_line(source, &found, error);
    }
    if (!source->delimiter)
        source->delimiter = ',';
    if (!status && fseek(file, begin, SEEK_SET))
        status = ps_manifest_fail_read(source->manifest, errno, error);
    return status;
}

/* A row of empty cells was no header. */
static void forget_columns(struct ps_manifest *manifest)
{
    struct ps_manifest_reader *reader = manifest->reader;
    while (reader->known_count)
        free(reader->known[--reader->known_count].name);
    manifest->column_count = 0;
}

static enum ps_status read_header(struct ps_source *source, struct ps_error *error)
{
    struct ps_manifest *manifest = source->manifest;
    bool found = true;
    source->header = true;
    do {
        forget_columns(manifest);
        const enum ps_status status = read_row(source, &found, error);
        if (status)
            return status;
    } while (found && source->blank && !source->wrong);
    source->header = false;
    if (!found || source->wrong) {
        source->finished = true;
        if (!found)
            ps_manifest_complain(manifest, 0, 0, "manifest.empty",
                                 "the first row names the columns: photo, preset ...",
                                 "the manifest is empty");
        return PS_OK;
    }
    for (size_t i = 0; i < manifest->reader->known_count; i++)
        if (manifest->reader->known[i].role == PS_ROLE_PHOTO)
            return PS_OK;
    source->finished = true;
    ps_manifest_complain(manifest, source->row, 0, "manifest.no-photo", "the first row names the columns",
                         "there is no column \"photo\"");
    return PS_OK;
}

enum ps_status ps_csv_open(struct ps_manifest *manifest, int fd, struct ps_error *error)
{
    struct ps_source *source = calloc(1, sizeof *source);
    FILE *file = source ? fdopen(fd, "rb") : NULL;
    if (!file) {
        free(source);
        return ps_manifest_fail_memory(manifest, error);
    }
    source->manifest = manifest;
    source->lines = (struct ps_text_lines){.file = file, .carriage_ends = true};
    manifest->reader->source = source;
    manifest->reader->next = next_row;
    manifest->reader->close = close_source;
    const enum ps_status status = find_delimiter(source, error);
    if (status || source->finished)
        return status;
    reset_parser(source);
    return read_header(source, error);
}
