/* The list of a batch: a CSV file as spreadsheets write it, JSON lines, or a folder of photos. It is read row by row, and
 * everything that is wrong is kept as a problem with its row and column while reading goes on, so that one run tells all.
 *
 *   ps_manifest_open       what kind it is, its hash, its columns
 *   ps_manifest_next       until there is no more row; wrong rows are passed over
 *   ps_manifest_complain   for what the caller finds wrong with a row
 *   ps_manifest_close
 *
 * A CSV file is UTF-8, with or without a byte order mark; commas, semicolons or tabs lie between its cells, as its first
 * line says with "sep=;" or as the header shows; quoted cells may have line ends. Rows without any text are skipped. The
 * columns are named by the header, in upper or lower case: photo (the only one that must be there), preset, seed, output,
 * priority, and what the caller's `column` knows. An empty cell sets nothing. JSON lines have the same names as keys, each
 * at most once an object; numbers are taken as they are, true and false as yes and no, null sets nothing. A folder gives
 * each file in it, sorted by name; what is no photo by its name is given too, with the reason in `ignored`. */
#ifndef PS_JOBS_MANIFEST_H
#define PS_JOBS_MANIFEST_H

#include "base/error.h"

#define PS_MANIFEST_BYTES (UINT64_C(64) << 20) /* of a file, at most */
enum {
    PS_MANIFEST_ROWS = 100000,   /* at most */
    PS_MANIFEST_LINE = 1 << 20,  /* bytes of a row, at most */
    PS_MANIFEST_COLUMNS = 160,   /* at most */
    PS_MANIFEST_PROBLEMS = 1000, /* that are kept; more are only counted */
    PS_MANIFEST_PRIORITY = 1000  /* priorities are from minus this to this */
};

enum ps_manifest_kind { PS_MANIFEST_CSV, PS_MANIFEST_JSON_LINES, PS_MANIFEST_FOLDER };

/* What a column beside photo, preset, seed, output and priority is. */
enum ps_column {
    PS_COLUMN_UNKNOWN, /* a problem */
    PS_COLUMN_REFUSED, /* likewise: an option that is not a row's */
    PS_COLUMN_SETTING, /* sets the option of that name */
    PS_COLUMN_LABEL    /* only for names of outputs */
};

struct ps_manifest_params {
    const char *root; /* folder that photos must not leave; null for none */
    /* Says what a column is; for an unknown one may point *guess at the name that was probably meant. Null: all are
     * unknown. */
    enum ps_column (*column)(void *user, const char *name, const char **guess);
    /* Whether the value of a setting, or the name of a preset (key "preset"), can be used; if not, writes what was
     * expected and found to `problem`. Null: every value can. */
    bool (*check)(void *user, const char *key, const char *value, char *problem, size_t size);
    void *user;
};

struct ps_manifest_cell {
    const char *key, *value; /* neither is null; the value is never empty */
    uint32_t column;         /* as in a problem */
    enum ps_column kind;     /* PS_COLUMN_SETTING or PS_COLUMN_LABEL */
};

/* One row. All of it belongs to the manifest and is valid until the next row is asked for. */
struct ps_manifest_row {
    uint64_t
        row; /* as a spreadsheet numbers it: 1 is the header of a CSV file, the first line of JSON lines, the
                             first file of a folder; "sep=;" does not count */
    const char *photo;  /* as the manifest has it */
    const char *path;   /* absolute path of the photo, to be opened with ps_beneath_open */
    int fd;             /* the photo, open for reading; -1 where `ignored` */
    uint64_t bytes;     /* of the photo */
    const char *preset; /* null where not given; `check` has accepted it */
    const char *output; /* relative path without "." and ".." components; null where not given */
    bool has_seed;
    uint64_t seed;
    int32_t priority;                     /* 0 where not given; higher goes first */
    const struct ps_manifest_cell *cells; /* settings and labels, in the order of the columns */
    size_t cell_count;
    const char *ignored; /* null, or why this file of a folder is no job */
};

struct ps_manifest_problem {
    uint64_t row; /* as in a row; 0 where the manifest as a whole is meant */
    uint32_t
        column; /* cell of the row, from 1; of JSON lines the byte of the line; 0 where the row as a whole is meant */
    char id[40];       /* stable machine-readable name, such as "manifest.value" */
    char message[512]; /* what was expected and found, without the place; printable, in one line */
    char hint[160];    /* may be empty */
};

struct ps_manifest {
    const char *name; /* as it is told of: the path that it was opened with */
    enum ps_manifest_kind kind;
    char
        sha256[65]; /* of the file, 64 hexadecimal digits; of a folder: of the names, sizes and times in it */
    /* Names of the columns, in lower case: of a CSV file those of the header, of JSON lines the keys of the first object,
     * of a folder photo. */
    const char *const *columns;
    size_t column_count;
    uint64_t rows;          /* given by ps_manifest_next so far */
    uint64_t problem_count; /* all of them; the first PS_MANIFEST_PROBLEMS are kept, by row and column */
    const struct ps_manifest_problem *problems;
    struct ps_manifest_reader *reader;
};

/* Opens a manifest and reads its header; a wrong header is a problem, and then there are no rows. `params` and what it
 * points at must live as long as the manifest. Status: PS_ERR_INPUT where it is not there, neither a regular file nor a
 * folder, too large, UTF-16, or outside the root, with ids "manifest.*"; PS_ERR_MEMORY. */
enum ps_status ps_manifest_open(struct ps_manifest **manifest, const char *path,
                                const struct ps_manifest_params *params, struct ps_error *error);

/* Reads on to the next row that is sound, with its photo opened: *row, or null after the last. Status: PS_ERR_INPUT where
 * reading fails or the file was changed meanwhile ("manifest.changing"), PS_ERR_MEMORY. A photo that is missing is a
 * problem of its row. */
enum ps_status ps_manifest_next(struct ps_manifest *manifest, const struct ps_manifest_row **row,
                                struct ps_error *error);

/* Adds a problem in its place among the others. `hint` may be null. */
void ps_manifest_complain(struct ps_manifest *manifest, uint64_t row, uint32_t column, const char *id,
                          const char *hint, const char *format, ...) PS_PRINTF(6, 7);

/* The column of a name as problems count it; 0 where there is none, as in JSON lines. */
uint32_t ps_manifest_column_of(const struct ps_manifest *manifest, const char *name);

/* What a row asks for, as the text of a JSON object: "preset" and "seed" (a text, since seeds go to 2^64 - 1) where they
 * are given, "settings" and "labels" with a text for each key. Keys are sorted, so that equal rows give equal text. To be
 * freed; null when out of memory. */
char *ps_manifest_row_text(const struct ps_manifest_row *row);

void ps_manifest_close(struct ps_manifest **manifest);

#endif
