/* Inside of the manifest: a source finds rows as lists of cells, whoever wrote them; rows.c makes sense of the cells. */
#ifndef PS_JOBS_SOURCE_H
#define PS_JOBS_SOURCE_H

#include <stdio.h>
#include <sys/stat.h>

#include "jobs/manifest.h"

/* What the cells under a name are. */
enum ps_role {
    PS_ROLE_PHOTO,
    PS_ROLE_PRESET,
    PS_ROLE_SEED,
    PS_ROLE_OUTPUT,
    PS_ROLE_PRIORITY,
    PS_ROLE_SETTING,
    PS_ROLE_LABEL,
    PS_ROLE_WRONG, /* told of already */
    PS_ROLE_BLANK  /* a column of a table without a name, which may hold no text */
};

struct ps_known_column {
    char *name;
    enum ps_role role;
};

/* Text of a row that is being read. Cells name their text by its offset, since `bytes` moves as it grows. */
struct ps_raw_cell {
    size_t at;       /* offset in `bytes`; ends with a NUL */
    uint32_t known;  /* index of its column */
    uint32_t column; /* as in a problem */
};

struct ps_raw_row {
    uint64_t row;
    char *bytes;
    size_t size, capacity;
    struct ps_raw_cell *cells; /* PS_MANIFEST_COLUMNS */
    size_t count;
};

struct ps_source;

struct ps_manifest_reader {
    const struct ps_manifest_params *params;
    char *name;         /* the manifest's */
    char *folder;       /* absolute: photos are relative to it */
    struct stat before; /* the file, when its hash was taken */
    struct ps_source *source;
    /* Reads on to a row whose form is sound; *found is false after the last. */
    enum ps_status (*next)(struct ps_manifest *manifest, bool *found, struct ps_error *error);
    void (*close)(struct ps_source *source);
    struct ps_known_column known[PS_MANIFEST_COLUMNS];
    size_t known_count;
    const char *names[PS_MANIFEST_COLUMNS]; /* what ps_manifest.columns is */
    uint64_t found;                         /* rows of sound form, however sound their cells */
    struct ps_raw_row raw;
    struct ps_manifest_row row;
    struct ps_manifest_cell *cells; /* PS_MANIFEST_COLUMNS */
    char *path;                     /* the row's */
    char *ignored;                  /* the row's reason, or null */
    struct ps_manifest_problem *problems;
};

/* Opens the sources. `fd` is the manifest, which they close with the source. */
enum ps_status ps_csv_open(struct ps_manifest *manifest, int fd, struct ps_error *error);
enum ps_status ps_json_lines_open(struct ps_manifest *manifest, int fd, struct ps_error *error);
enum ps_status ps_manifest_folder_open(struct ps_manifest *manifest, int fd, struct ps_error *error);

enum ps_status ps_manifest_fail_memory(const struct ps_manifest *manifest, struct ps_error *error);
enum ps_status ps_manifest_fail_read(const struct ps_manifest *manifest, int code, struct ps_error *error);

/* The index of a column, taken up where it is new: what it is is found out, and told of in `row` and `column` where it is
 * unknown. PS_MANIFEST_COLUMNS where there are too many, which is told of too, or where memory is short. */
uint32_t ps_manifest_know(struct ps_manifest *manifest, const char *name, uint64_t row, uint32_t column);

/* The same for a column of a table that has no name. */
uint32_t ps_manifest_know_blank(struct ps_manifest *manifest, uint64_t row, uint32_t column);

/* Empties the row and gives it its number. */
void ps_raw_begin(struct ps_raw_row *raw, uint64_t row);
/* Adds a cell with a copy of its text. False where memory is short. */
bool ps_raw_add(struct ps_raw_row *raw, uint32_t known, uint32_t column, const char *text, size_t size);

/* Makes the manifest's row of the raw one, photo opened. *sound is false where it has problems. */
enum ps_status ps_manifest_take_row(struct ps_manifest *manifest, bool *sound, struct ps_error *error);
void ps_manifest_drop_row(struct ps_manifest *manifest);

/* Whether the file is still the one whose hash was taken: PS_ERR_INPUT "manifest.changing" if not. */
enum ps_status ps_manifest_check_unchanged(const struct ps_manifest *manifest, int fd,
                                           struct ps_error *error);

/* Lines of a file, without their ends. */
struct ps_text_lines {
    FILE *file;
    char *bytes; /* of the line, with a NUL after it */
    size_t size, capacity;
    bool carriage_ends; /* a carriage return alone ends a line too */
};

enum ps_line { PS_LINE_READ, PS_LINE_END, PS_LINE_TOO_LONG, PS_LINE_UNREADABLE, PS_LINE_MEMORY };

/* The next line, of up to `limit` bytes. */
enum ps_line ps_text_line(struct ps_text_lines *lines, size_t limit);

/* Tells of a line that has a NUL or is not UTF-8, and says so. Tabs may stand in it, other control characters are told of
 * too; `ends` lets line ends stand. The column that is told of is `column`, or the byte's where that is 0. */
bool ps_manifest_check_text(struct ps_manifest *manifest, uint64_t row, uint32_t column, const char *text,
                            size_t size, bool ends);

#endif
