/* What the command line of `packshot batch` asks for. */
#ifndef PS_CLI_BATCH_H
#define PS_CLI_BATCH_H

#include "cli/request.h"

struct cli_batch_request {
    struct cli_request render; /* what applies to every clip; no single one's files */
    const char *manifest, *out, *name, *poster, *root, *journal, *states;
    struct cli_shard shard;
    float retry_delay; /* seconds; 0 for the default */
    bool retry_failed, skip_existing, force, fail_if_empty, requeue;
};

/* The table that fills the struct. */
extern const struct cli_option cli_batch_options[];

#endif
