/* From the text of an option to the member of the command's struct that its row of the table names. */
#ifndef PS_CLI_STORE_H
#define PS_CLI_STORE_H

#include "cli/options.h"

/* Stores the value that `text` is in the command's struct. False where the text is not what cli_describe says;
 * the member may then hold anything. CLI_PATH, CLI_TEXT and CLI_BACKGROUND keep `text` itself. */
bool cli_store(const struct cli_option *option, const char *text, void *values);

/* Whether cli_store would take the text. */
bool cli_accepts(const struct cli_option *option, const char *text);

/* Whether a text that cli_accepts names a file: always with CLI_PATH, and with CLI_BACKGROUND where it is a picture. */
bool cli_is_path(const struct cli_option *option, const char *text);

#endif
