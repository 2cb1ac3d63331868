/* One render: its request, what passes between its phases, and the phases themselves. */
#ifndef PS_RENDER_SESSION_H
#define PS_RENDER_SESSION_H

#include "media/clip.h"
#include "render/layout.h"
#include "render/params.h"
#include "render/taps.h"

/* Host data between phases; all null while planning. Layouts are channels-last, float. */
struct ps_session {
    const struct ps_model *model;
    const struct ps_request *request;
    float *pixels;        /* [image_size, image_size, 3], for the vision tower */
    float *image;         /* [height, width, 3] in [-1, 1], noise augmentation included */
    float *embedding;     /* [projection_dim] */
    float *image_latents; /* [latent_h, latent_w, latent_channels] */
    float *latents;       /* [frames, latent_h, latent_w, latent_channels] */
    struct ps_clip *clip;
    struct ps_taps *taps; /* null for none */
    /* Told when a step of a phase is done, the interpreter having finished; false cancels. */
    bool (*step_done)(void *user, uint32_t step, uint32_t steps);
    void *user;
};

enum { PS_PHASE_VISION, PS_PHASE_ENCODER, PS_PHASE_UNET, PS_PHASE_DECODER };

/* The four phases of a session, in order. */
void ps_session_phases(struct ps_session *session, struct ps_phase phases[PS_MAX_PHASES]);

#endif
