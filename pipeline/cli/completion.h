/* Completion scripts, one file a shell. Each prints a script for all of cli_commands and `help`. */
#ifndef PS_CLI_COMPLETION_H
#define PS_CLI_COMPLETION_H

#include "cli/commands.h"

void cli_complete_bash(struct cli_report *report);
void cli_complete_zsh(struct cli_report *report);
void cli_complete_fish(struct cli_report *report);

enum { CLI_WORDS = 2048 };

/* A text as a shell's single-quoted word: quotes in it, and where `backslash` backslashes too, are escaped by a
 * backslash (fish), else by '\'' (bash, zsh). Returns `to`, cut where it does not fit. */
char *cli_quoted(char *to, size_t size, const char *text, bool backslash);

/* What a shell may offer as a command's operand, as cli_suggestions; empty where it takes none. */
const char *cli_operand_suggestions(const struct cli_command *command);

/* The word after `command`'s name that makes a longer name: "show" of "presets show" for presets; the i-th such, or null. */
const char *cli_second_word(const struct cli_command *command, size_t i);

#endif
