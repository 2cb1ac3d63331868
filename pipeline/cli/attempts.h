/* Rendering until a clip passes the quality gate. */
#ifndef PS_CLI_ATTEMPTS_H
#define PS_CLI_ATTEMPTS_H

#include "cli/progress.h"

enum cli_on_fail { CLI_ON_FAIL_REPORT, CLI_ON_FAIL_REROLL };

enum { CLI_MAX_REROLLS = 99 };

/* What is rendered, and what was made of it. Zeroed but for the inputs. */
struct cli_attempts {
    struct ps_model *model;
    const struct ps_photo *photo;
    struct ps_render_params *params; /* the seed becomes that of the clip that is kept */
    enum cli_on_fail on_fail;
    uint32_t rerolls; /* seeds that may be tried after the first */
    const struct ps_render_events *events;
    struct cli_report *report;
    struct ps_clip *clip; /* the caller frees it */
    struct ps_quality quality;
    json_t *tried; /* seed and findings of each attempt; the caller drops it */
    bool measured;
};

/* Renders; with CLI_ON_FAIL_REROLL also measures, and tries the next seeds while there are findings. Keeps the clip with
 * the fewest, the earlier of two. Status: those of ps_render and ps_clip_measure. */
enum ps_status cli_attempts_run(struct cli_attempts *attempts, struct ps_error *error);

/* Measures the clip unless that is done, without a word. Status: those of ps_clip_measure. */
enum ps_status cli_attempts_measure(struct cli_attempts *attempts, struct ps_error *error);

#endif
