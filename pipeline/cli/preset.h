/* Presets: INI files with the section [preset] about themselves, and [render] with options. */
#ifndef PS_CLI_PRESET_H
#define PS_CLI_PRESET_H

#include "cli/keys.h"
#include "cli/places.h"

enum {
    CLI_PRESET_DEPTH = 8, /* a preset and its bases, at most */
    CLI_PRESET_NAMES = 256
};

extern const struct cli_file_kind cli_preset_kind;

/* Presets by name, each once: a strong place hides the same name in weaker ones. */
struct cli_preset_list {
    struct {
        char *name;
        size_t place;
        size_t hides; /* places that have the name too */
    } presets[CLI_PRESET_NAMES];
    size_t count;
};

void cli_preset_list_make(struct cli_preset_list *list, const struct cli_place places[CLI_PLACES]);
void cli_preset_list_free(struct cli_preset_list *list);

/* "there is no preset "hreo"; did you mean hero?" */
void cli_preset_describe_unknown(char *to, size_t size, const char *name,
                                 const struct cli_place places[CLI_PLACES]);

/* A preset, the one that it is based on, and so on. */
struct cli_preset_chain {
    struct ps_ini *files[CLI_PRESET_DEPTH];
    size_t count;
};

/* Whether a preset is meant by its file, and not by its name: there is a / in it, or .ini at its end. */
bool cli_preset_is_file(const char *name);

/* Reads the preset of that name or file, and its bases. What is wrong
 * with a base becomes a problem of the file that names it. Status: those of ps_ini_open; PS_ERR_INPUT for an unknown
 * name. */
enum ps_status cli_preset_open(struct cli_preset_chain *chain, const char *name,
                               const struct cli_place places[CLI_PLACES], struct ps_error *error);

/* Lays the chain, the last base first. Status: PS_ERR_MEMORY. */
enum ps_status cli_preset_lay(const struct cli_preset_chain *chain, struct cli_settings *settings,
                              struct ps_error *error);

/* Fails with the first problem of the chain's files. */
enum ps_status cli_preset_check(const struct cli_preset_chain *chain, struct ps_error *error);

void cli_preset_close(struct cli_preset_chain *chain);

#endif
