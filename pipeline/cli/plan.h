/* A render's plan, for people and for programs. */
#ifndef PS_CLI_PLAN_H
#define PS_CLI_PLAN_H

#include "cli/report.h"

/* Both: a table on stderr, and the event "plan". */
void cli_tell_plan(struct cli_report *report, const struct ps_plan *plan);

/* The resolved parameters as an object. */
json_t *cli_params_event(const struct ps_render_params *params);

/* "f16"; a static string. */
const char *cli_dtype_name(enum ps_dtype dtype);

/* "full" or "q8". */
const char *cli_weights_name(enum ps_weights weights);

#endif
