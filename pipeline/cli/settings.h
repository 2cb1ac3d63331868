/* What the options of a command are set to, and where. Settings are made layer on layer, weak ones first: a
 * stronger layer replaces what it sets, and drops what cannot go with that. */
#ifndef PS_CLI_SETTINGS_H
#define PS_CLI_SETTINGS_H

#include "cli/options.h"

struct cli_setting {
    const char *text;   /* null where the option is not set */
    const char *origin; /* a file's or a variable's name; null for the command line */
    uint32_t line;      /* of the file; 0 where there is none */
    uint32_t layer;     /* a number that rises with the strength of the layer */
};

struct cli_settings {
    const struct cli_option *options;
    struct cli_setting of[CLI_MAX_OPTIONS]; /* by row of the table */
    uint32_t layer;                         /* the layer that is being laid */
    struct cli_kept *kept;
};

void cli_settings_begin(struct cli_settings *settings, const struct cli_option *options);

/* The settings made from here on are stronger than all before. */
void cli_settings_layer(struct cli_settings *settings);

/* Sets the option of a row in the layer at hand. The texts have to live as long as the settings. */
void cli_settings_set(struct cli_settings *settings, const struct cli_option *option, const char *text,
                      const char *origin, uint32_t line);

/* Lays what is set in `from`, as one layer. */
void cli_settings_lay(struct cli_settings *settings, const struct cli_settings *from);

/* Begins settings of cli_request_options with what is set in `from`, of another command, under the same names. */
void cli_settings_share(struct cli_settings *settings, const struct cli_settings *from);

/* The option of that name, or null. */
const struct cli_option *cli_settings_find(const struct cli_settings *settings, const char *name);

/* What an option is set to, never null. */
const struct cli_setting *cli_settings_of(const struct cli_settings *settings,
                                          const struct cli_option *option);

/* A copy that lives as long as the settings; null where memory is short. */
const char *cli_settings_keep(struct cli_settings *settings, const char *text);

/* "hero.ini:7", "PACKSHOT_SEED" or "the command line". Returns `to`. */
char *cli_settings_origin(char *to, size_t size, const struct cli_setting *setting);

/* Prints "key  value  origin", or emits that; without a value the option's default. */
void cli_settings_tell(const struct cli_settings *settings, const struct cli_option *option,
                       struct cli_report *report);

/* That no two options of one layer exclude each other. Status: PS_ERR_USAGE, or PS_ERR_INPUT where a file says
 * so. */
enum ps_status cli_settings_check(const struct cli_settings *settings, const struct cli_command *command,
                                  struct ps_error *error);

/* That no option of the command line does nothing because one that it needs is set nowhere. A file may set such a one for
 * those who give the other. Status: PS_ERR_USAGE. */
enum ps_status cli_settings_check_needs(const struct cli_settings *settings,
                                        const struct cli_command *command, struct ps_error *error);

/* Fills the command's struct. Every text is one that cli_accepts. */
void cli_settings_store(const struct cli_settings *settings, void *values);

void cli_settings_end(struct cli_settings *settings);

#endif
