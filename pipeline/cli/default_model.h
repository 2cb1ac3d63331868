/* The model that comes with packshot. */
#ifndef PS_CLI_DEFAULT_MODEL_H
#define PS_CLI_DEFAULT_MODEL_H

#include "cli/paths.h"
#include "packshot.h"

/* Writes the path of its folder to `to`. It is looked for where the program is, never in the current folder: in the
 * source tree where the program lies in its build folder, and in the data folder that it is installed with. Status:
 * PS_ERR_USAGE where it is in neither, naming both. */
enum ps_status cli_default_model(char to[CLI_PATH_SIZE], struct ps_error *error);

#endif
