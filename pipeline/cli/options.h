/* The options of a command: one table that parses the command line and writes the help, so that they cannot
 * differ. */
#ifndef PS_CLI_OPTIONS_H
#define PS_CLI_OPTIONS_H

#include <stddef.h>

#include "cli/report.h"

/* What an option's value is, and what of the command's struct it is stored in. */
enum cli_kind {
    CLI_FLAG,       /* bool; no value */
    CLI_TEXT,       /* const char *: anything but nothing */
    CLI_CHOICE,     /* int: position in `choices` plus `low` */
    CLI_WHOLE,      /* uint32_t: `low` to `high`, a multiple of `step` unless that is 0 */
    CLI_AUTO_WHOLE, /* the same, or "auto" for 0 */
    CLI_SEED,       /* uint64_t: any */
    CLI_SIZE,       /* uint64_t: bytes, 1 or more */
    CLI_REAL,       /* float: `low` to `high` */
    CLI_AMOUNT,     /* the same; 0 is stored as -1, which packshot.h takes for none */
    CLI_SPAN,       /* float[2]: MIN:MAX, each `low` to `high` */
    CLI_LIST,       /* struct cli_list: `low` to `high` numbers with commas between */
    CLI_COLOUR      /* uint32_t: RRGGBB; black is stored as 000001, which packshot.h takes for it */
};

/* Numbers of a CLI_LIST; freed by the command. */
struct cli_list {
    float *values;
    uint32_t count;
};

struct cli_option {
    const char *name;
    char letter; /* short form; 0 for none */
    enum cli_kind kind;
    size_t offset;     /* in the command's struct */
    const char *value; /* what help calls the value */
    const char *help;
    const char *fallback; /* what help says that happens without it; null for nothing */
    double low, high;
    uint32_t step;
    const char *const *choices; /* ends with null */
};

struct cli_command {
    const char *name;
    const char *summary;
    const char *operand;              /* what help calls the one argument beside options; null for none */
    size_t operand_offset;            /* const char * in the command's struct */
    const char *const *examples;      /* ends with null */
    const struct cli_option *options; /* ends with a row without a name; every command also has --help */
    const char *notes;                /* paragraphs at the end of the help, or null */
    int (*run)(const struct cli_command *command, int argc, char **argv);
};

/* Fills `values`, the command's zeroed struct, from argv[1] on. Status: PS_ERR_USAGE; *help is set where help
 * was asked for instead, and then nothing else counts. */
enum ps_status cli_parse(const struct cli_command *command, int argc, char **argv, void *values, bool *help,
                         struct ps_error *error);

/* Prints the command's help to stdout. */
void cli_help(struct cli_report *report, const struct cli_command *command);

/* True where --json stands among the arguments: errors of parsing are then reported as events too. */
bool cli_wants_json(int argc, char **argv);

/* What an option's value must be, in words, such as "a whole number from 1 to 120". */
void cli_describe(char *to, size_t size, const struct cli_option *option);

/* The candidate that `word` was probably meant to be, or null. `next` returns the names one after the other.
 */
const char *cli_guess(const char *word, const char *(*next)(const void *from, size_t i), const void *from);

#endif
