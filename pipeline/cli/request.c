#include "cli/batch.h"
#include "cli/watch.h"

static const char *const fits[] = {"crop", "stretch", "pad", "extend", NULL};
static const char *const schedules[] = {"karras", "ays", NULL};
static const char *const rngs[] = {"philox", "torch-cpu", NULL};
static const char *const on_fails[] = {"report", "reroll", NULL};
static const char *const sandboxes[] = {"auto", "strict", "off", NULL};
static const char *const dtypes[] = {"f32", "f16", "bf16", NULL};
static const char *const weights[] = {"full", "q8", NULL};
static const char *const loops[] = {"none", "boomerang", "seamless", NULL};
static const char *const interpolations[] = {"duplicate", "blend", "motion", NULL};
static const char *const anchors[] = {"top-left", "top",         "top-right", "left",         "centre",
                                      "right",    "bottom-left", "bottom",    "bottom-right", NULL};
static const char *const codecs[] = {"h264", "hevc", "av1",  "prores-422hq", "prores-4444",
                                     "vp9",  "gif",  "webp", "png",          NULL};

#define AT(member) offsetof(struct cli_request, member)
#define ONE_CLIP 1

const struct cli_option cli_request_options[] = {
#include "cli/render.def"
    {0},
};

#undef AT
#undef ONE_CLIP
#define AT(member) offsetof(struct cli_batch_request, render.member)
#define ONE_CLIP 0
#define OF(member) offsetof(struct cli_batch_request, member)

const struct cli_option cli_batch_options[] = {
#include "cli/batch.def"
#include "cli/render.def"
    {0},
};

#undef AT
#undef OF
#define AT(member) offsetof(struct cli_watch_request, batch.render.member)
#define OF(member) offsetof(struct cli_watch_request, member)

const struct cli_option cli_watch_options[] = {
#include "cli/watch.def"
#include "cli/render.def"
    {0},
};

_Static_assert(sizeof cli_request_options / sizeof *cli_request_options <= CLI_MAX_OPTIONS &&
                   sizeof cli_batch_options / sizeof *cli_batch_options <= CLI_MAX_OPTIONS &&
                   sizeof cli_watch_options / sizeof *cli_watch_options <= CLI_MAX_OPTIONS,
               "tables made from these have CLI_MAX_OPTIONS rows");
