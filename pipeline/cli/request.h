/* What the command line of `packshot render` asks for. */
#ifndef PS_CLI_REQUEST_H
#define PS_CLI_REQUEST_H

#include "cli/attempts.h"
#include "cli/default_model.h"
#include "cli/format.h"
#include "cli/options.h"
#include "cli/sign.h"

struct cli_request {
    const char *photo, *output, *model, *unet, *device, *kernels, *preset, *from;
    char default_model[CLI_PATH_SIZE]; /* what `model` points to where none was asked for */
    struct ps_render_params params;
    struct ps_save_params save;
    struct ps_photo_params photo_params;
    uint32_t threads;
    int on_fail;                            /* enum cli_on_fail */
    uint32_t rerolls, candidates, draft;    /* 0 in the last two for none */
    int fit, schedule, rng, dtype, weights; /* of the enums of ps_render_params */
    int sandbox;                            /* enum ps_sandbox */
    const char *poster, *logo, *end_card;
    int codec, loop, interpolation, logo_anchor, caption_anchor,
        visible_label_anchor; /* of the enums of ps_save_params */
    float guidance[2];
    struct cli_focus focus;
    struct cli_formats formats;
    float safe;
    struct cli_list sigmas;
    bool dry_run, validate, json, quiet, no_sidecar;
    struct cli_signer signer;
    struct ps_provenance provenance; /* save.provenance points here once resolved */
};

/* The table that fills the struct. */
extern const struct cli_option cli_request_options[];

/* Judges what no option can judge alone, finds the model where none is named, and fills `params` and `save`, but for
 * pictures. Status: PS_ERR_USAGE. */
enum ps_status cli_request_resolve(struct cli_request *request, struct ps_error *error);

void cli_request_free(struct cli_request *request);

#endif
