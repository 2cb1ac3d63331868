/* From the text of an option to the member of the command's struct that its row of the table names. */
#ifndef PS_CLI_STORE_H
#define PS_CLI_STORE_H

#include "cli/options.h"

/* Stores the value that `text` is in the command's struct. False where the text is not what cli_describe says;
 * the member may then hold anything. CLI_PATH and CLI_TEXT keep `text` itself. */
bool cli_store(const struct cli_option *option, const char *text, void *values);

/* Whether cli_store would take the text. */
bool cli_accepts(const struct cli_option *option, const char *text);

#endif
