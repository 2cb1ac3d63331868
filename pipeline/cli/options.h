/* The options of a command: one table that reads the command line, the environment and INI files and writes
 * the help, so that they cannot differ. */
#ifndef PS_CLI_OPTIONS_H
#define PS_CLI_OPTIONS_H

#include <stddef.h>

#include "cli/hours.h"
#include "cli/report.h"

/* What an option's value is, and what of the command's struct it is stored in. */
enum cli_kind {
    CLI_FLAG, /* bool: yes or no, and yes without a value; the command line takes no value for a CLI_ARGUMENT */
    CLI_TEXT,       /* const char *: anything but nothing */
    CLI_PATH,       /* the same: a file or folder; in an INI file relative to the file's folder */
    CLI_CHOICE,     /* int: position in `choices` plus `low` */
    CLI_WHOLE,      /* uint32_t: `low` to `high`, a multiple of `step` unless that is 0 */
    CLI_AUTO_WHOLE, /* the same, or "auto" for 0 */
    CLI_SEED,       /* uint64_t: any */
    CLI_SIZE,       /* uint64_t: bytes, 1 or more */
    CLI_REAL,       /* float: `low` to `high` */
    CLI_AMOUNT,     /* the same; 0 is stored as -1, which packshot.h takes for none */
    CLI_PAIR,       /* uint32_t[2]: WxH, each `low` to `high` */
    CLI_RATE,       /* struct ps_rate: N, N/D, or 23.976 and the like, from `low` to `high` */
    CLI_SPAN,       /* float[2]: MIN:MAX, each `low` to `high` */
    CLI_FOCUS,      /* struct cli_focus: "auto", or X:Y, each 0 to 1 */
    CLI_FORMATS,    /* struct cli_formats: see cli_read_formats */
    CLI_LIST,       /* struct cli_list: `low` to `high` numbers with commas between */
    CLI_HOURS,      /* struct cli_hours: HH:MM-HH:MM */
    CLI_SHARD,      /* struct cli_shard: I/N, I from 1 to N and N up to `high` */
    CLI_COLOUR,     /* uint32_t: RRGGBB; black is stored as 000001, which packshot.h takes for it */
    CLI_BACKGROUND  /* struct ps_photo_params, its members of the background; see cli_read_background */
};

/* Numbers of a CLI_LIST; freed by the command. */
struct cli_list {
    float *values;
    uint32_t count;
};

/* A CLI_SHARD: part `part` of `parts`; 0 of 0 is all. */
struct cli_shard {
    uint32_t part, parts;
};

/* Where an option may be given. */
enum cli_scope {
    CLI_ANYWHERE, /* also in a preset: it is about the look of the clip */
    CLI_MACHINE,  /* in packshot.ini, the environment and on the command line: it is about this machine */
    CLI_ARGUMENT  /* on the command line alone: it is about this call */
};

enum { CLI_MAX_OPTIONS = 128 };

/* A CLI_FOCUS, as ps_render_params has it. */
struct cli_focus {
    enum ps_focus how;
    float at[2];
};

struct cli_option {
    const char *heading; /* that help prints above it; null for none */
    const char *name;    /* on the command line with -- before it; the same word is the key in an INI file */
    char letter;         /* short form; 0 for none */
    enum cli_kind kind;
    enum cli_scope scope;
    size_t offset;     /* in the command's struct */
    const char *value; /* what help calls the value */
    const char *help;
    const char *fallback; /* what help says that happens without it; null for nothing */
    double low, high;
    uint32_t step;
    const char *const *choices; /* ends with null */
    bool trusted;               /* not to be set by a file that others may have written */
    const char *excludes;       /* names, with spaces between, of options that it cannot go with; or null */
    /* The option without which it does nothing, as "logo" or "loop=seamless", or several with spaces between of which one
     * is enough; or null. */
    const char *needs;
    const char *
        suggests; /* what shells offer as the value, as cli_suggestions; null for what follows from the kind */
};

struct cli_command {
    const char *name; /* one word, or two with a space between */
    const char *summary;
    const char *operand;   /* what help calls the one argument beside options; null for none */
    size_t operand_offset; /* const char * in the command's struct */
    bool operand_optional;
    const char *operand_suggests;     /* what shells offer for it, as cli_suggestions; null for files */
    const char *const *examples;      /* ends with null */
    const struct cli_option *options; /* ends with a row without a name; every command also has --help */
    const char *notes;                /* paragraphs at the end of the help, or null */
    /* argv[0] is the last word of the name. */
    int (*run)(const struct cli_command *command, int argc, char **argv);
};

struct cli_settings;

/* Reads the command line from argv[1] on into settings, and the operand into `values`, the command's zeroed
 * struct. Status: PS_ERR_USAGE; *help is set where help was asked for instead, and then nothing else counts. */
enum ps_status cli_read_arguments(const struct cli_command *command, int argc, char **argv,
                                  struct cli_settings *settings, void *values, bool *help,
                                  struct ps_error *error);

/* Begins a command whose options stand on the command line alone: opens the report and fills `values`, its
 * zeroed struct. False where it has nothing to do: the line is wrong, or help was asked for and has been given.
 * The command ends with cli_finish either way. */
bool cli_begin(const struct cli_command *command, int argc, char **argv, void *values,
               struct cli_report *report, struct ps_error *error);

/* The same, with what was given in `settings`, to be ended by the command whatever comes back. */
bool cli_begin_settings(const struct cli_command *command, int argc, char **argv,
                        struct cli_settings *settings, void *values, struct cli_report *report,
                        struct ps_error *error);

/* --help, which stands in no command's table. */
extern const struct cli_option cli_help_option;

/* An option's explanation: what it does, what its value must be, its default. Returns `to`. */
char *cli_explain(char *to, size_t size, const struct cli_option *option);

/* Prints the command's help to stdout. */
void cli_help(struct cli_report *report, const struct cli_command *command);

/* True where --json stands among the arguments: errors of parsing are then reported as events too. */
bool cli_wants_json(int argc, char **argv);

/* What a shell may offer as an option's value: words with a space between, of which "@files" stands for file names and
 * another "@NAME" for the first words of the lines that the command NAME prints. Empty for nothing. Returns `to`. */
char *cli_suggestions(char *to, size_t size, const struct cli_option *option);

/* What an option's value must be, in words, such as "a whole number from 1 to 120". */
void cli_describe(char *to, size_t size, const struct cli_option *option);

#endif
