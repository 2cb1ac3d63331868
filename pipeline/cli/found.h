/* What already lies where a job's files will go, and whose it is. */
#ifndef PS_CLI_FOUND_H
#define PS_CLI_FOUND_H

#include "cli/delivery.h"

/* From harmless to not. */
enum cli_found {
    CLI_FOUND_NOTHING, /* no file at all */
    CLI_FOUND_WHOLE, /* every clip is there with the sidecar of this very job, and its hash is the sidecar's */
    CLI_FOUND_PART,  /* some are, and the others are not there */
    CLI_FOUND_BARE, /* a clip of packshot's, labelled, without a sidecar: what a crash between the two names leaves */
    CLI_FOUND_OTHER,  /* a clip that packshot made in another job, as its sidecar says */
    CLI_FOUND_FOREIGN /* anything else */
};

/* Looks at the delivery's files; `key` is the job's. May decode clips, in a process of their own. */
enum cli_found cli_find(const struct cli_delivery *delivery, const char *key);

/* Whether a job may replace what was found: all of it where the command line says so (`overwrite`), packshot's own where the
 * job is to be made again (`forced`), and a bare clip where an attempt at this job came to no end (`cut_off`). */
bool cli_may_replace(enum cli_found found, bool overwrite, bool forced, bool cut_off);

/* The name and the member of the section of sidecars by which they are known: {"job": {"key": ...}}. */
json_t *cli_found_section(const char *key);

/* ps_output_sweep of all of the delivery's files. Returns how many were removed. */
unsigned cli_found_sweep(const struct cli_delivery *delivery, bool certain);

#endif
