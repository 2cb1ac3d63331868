/* What the quality gate says, for people and for programs. */
#ifndef PS_CLI_QUALITY_H
#define PS_CLI_QUALITY_H

#include "cli/report.h"

/* "needs eyes: ..." with every finding on stderr; nothing where there is none. */
void cli_tell_quality(struct cli_report *report, const struct ps_quality *quality);

/* The member "quality" of an event. */
json_t *cli_quality_event(const struct ps_quality *quality);

#endif
