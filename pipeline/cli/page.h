/* A page that shows candidates side by side. */
#ifndef PS_CLI_PAGE_H
#define PS_CLI_PAGE_H

#include "cli/report.h"

/* Writes an HTML file with the clips of `takes`, an array of what cli/takes.c tells of each, and how to finish one. Clips
 * are named without their folder: the page lies beside them. Status: PS_ERR_OUTPUT, PS_ERR_MEMORY. */
enum ps_status cli_page_write(const char *path, bool overwrite, const json_t *takes, struct ps_error *error);

#endif
