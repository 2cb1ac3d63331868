/* What renders: a device and a checkpoint, opened once and lent to one job after the other. */
#ifndef PS_CLI_ENGINE_H
#define PS_CLI_ENGINE_H

#include "cli/request.h"
#include "cli/settings.h"
#include "cli/turn.h"

/* What becomes of the device's warnings. Stays when the engine is closed. */
struct cli_notices {
    void (*warned)(void *user, const char *line); /* told of each; may be null */
    void *user;
    bool
        once; /* a warning is remembered, and what is remembered is not said again: plans of many clips are alike */
    uint64_t said[16]; /* those, as hashes; the eldest goes first */
    unsigned next;
};

/* Zeroed where nothing is open. */
struct cli_engine {
    struct ps_context *context;
    struct cli_turn *turn; /* at its device */
    struct ps_model *model;
    /* What they were opened as. */
    char *device, *kernels, *checkpoint, *unet; /* null where the request names none */
    uint32_t threads;
    bool validate;
    struct cli_report *report; /* where the device's messages go */
    struct cli_notices notices;
};

/* Makes the engine the one that the request names: what is open already stays, and what is another's is closed first. Says
 * what was chosen where the request leaves it open. Status: those of ps_context_open and ps_model_open. */
enum ps_status cli_engine_open(struct cli_engine *engine, const struct cli_request *request,
                               struct cli_report *report, struct ps_error *error);

/* Takes the checkpoint's hashes, once; `keeps` them in this user's cache for the next time. Status: those of
 * ps_model_identify. */
enum ps_status cli_engine_identify(struct cli_engine *engine, bool keeps, struct ps_error *error);

/* Fails if the validation layer has given messages. Status: PS_ERR_INTERNAL. */
enum ps_status cli_engine_check(const struct cli_engine *engine, struct ps_error *error);

/* Warns where the command line gives threads to a device that does not ask for them. `settings` have cli_request_options. */
void cli_engine_warn(const struct cli_engine *engine, const struct cli_settings *settings,
                     struct cli_report *report);

void cli_engine_close(struct cli_engine *engine);

#endif
