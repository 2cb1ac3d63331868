/* The keys of an INI file, judged by the table of options. */
#ifndef PS_CLI_KEYS_H
#define PS_CLI_KEYS_H

#include "cli/report.h"
#include "cli/settings.h"
#include "preset/ini.h"

/* What the keys of a file may say. */
struct cli_file_kind {
    const char *what;            /* "a preset" */
    enum cli_scope scope;        /* of the options that may stand in it */
    bool confined;               /* names nothing outside the file's own folder */
    const char *own;             /* a section for the file itself, or null */
    const char *const *own_keys; /* its keys, ends with null */
    const struct cli_option
        *own_options;    /* whose values those of its keys have that are named like one; or null */
    const char *command; /* the section with the options */
};

/* Lays the file's options as settings of the layer at hand; adds what is wrong to the file's problems. The file has to
 * live as long as the settings. Status: PS_ERR_MEMORY. */
enum ps_status cli_read_keys(struct ps_ini *ini, const struct cli_file_kind *kind,
                             struct cli_settings *settings, struct ps_error *error);

/* Fails with the file's first problem, if it has one. `check` is the command line that lists all. Status: PS_ERR_INPUT.
 */
enum ps_status cli_fail_file(const struct ps_ini *ini, const char *check, struct ps_error *error);

/* Prints every problem, or emits one event each. */
void cli_tell_problems(struct cli_report *report, const struct ps_ini *ini);

#endif
