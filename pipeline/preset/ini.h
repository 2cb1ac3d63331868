/* INI files as people write them, read strictly through inih: whatever is not a key with a value, a section or a
 * comment is told of, with its line and column, and nothing is cut or guessed. */
#ifndef PS_PRESET_INI_H
#define PS_PRESET_INI_H

#include "base/error.h"

enum {
    PS_INI_BYTES = 65536,  /* of a file, at most */
    PS_INI_LINE = 16384,   /* bytes of a line, at most */
    PS_INI_ENTRIES = 1024, /* keys of a file, at most */
    PS_INI_PROBLEMS = 64   /* that are told of, at most; reading ends there */
};

/* Lines and columns count from 1, columns in bytes. The texts belong to the file. */
struct ps_ini_entry {
    const char *section; /* empty before the first */
    const char *key, *value;
    uint32_t line, key_column, value_column;
};

struct ps_ini_section {
    const char *name;
    uint32_t line;
};

struct ps_ini_problem {
    uint32_t line, column; /* line 0 where the file as a whole is meant */
    char id[40];           /* stable machine-readable name, such as "ini.duplicate" */
    char message[512];     /* without the place */
    char hint[160];        /* may be empty */
};

struct ps_ini {
    char *name; /* as it is told of */
    struct ps_ini_entry *entries;
    struct ps_ini_section *sections;
    struct ps_ini_problem *problems;
    size_t entry_count, section_count, problem_count;
    struct ps_ini_text *texts;
};

/* Reads a file. What is wrong with its text becomes `problems`. Status: PS_ERR_INPUT where it is not there, no regular
 * file, unreadable or too large; PS_ERR_MEMORY. */
enum ps_status ps_ini_open(struct ps_ini **ini, const char *path, struct ps_error *error);

/* The same for `size` bytes in memory. */
enum ps_status ps_ini_parse(struct ps_ini **ini, const char *name, const void *bytes, size_t size,
                            struct ps_error *error);

/* Adds a problem in its place among the others, also for whoever judges keys and values. `hint` may be null. Beyond
 * PS_INI_PROBLEMS there is no effect. */
void ps_ini_complain(struct ps_ini *ini, uint32_t line, uint32_t column, const char *id, const char *hint,
                     const char *format, ...) PS_PRINTF(6, 7);

/* The first entry of a key, or null. */
const struct ps_ini_entry *ps_ini_find(const struct ps_ini *ini, const char *section, const char *key);

void ps_ini_close(struct ps_ini **ini);

#endif
