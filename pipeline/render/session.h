/* One render of one or several takes, which differ by their seed: its request, what passes between its phases, and
 * the phases themselves. */
#ifndef PS_RENDER_SESSION_H
#define PS_RENDER_SESSION_H

#include "media/clip.h"
#include "render/layout.h"
#include "render/params.h"
#include "render/taps.h"

/* One clip on its way. Host data; all pointers are null while planning. Layouts are channels-last, float. */
struct ps_take {
    uint64_t seed;
    uint32_t step;        /* sampling steps done */
    float *image;         /* [height, width, 3] in [-1, 1], noise augmentation included */
    float *image_latents; /* [latent_h, latent_w, latent_channels] */
    float *latents;       /* [frames, latent_h, latent_w, latent_channels] after `step` steps */
    float *
        preview; /* of a draft, as long: the latents at noise level 0 that its last step predicts; else null */
};

/* What a session tells of. Each returns false to stop the render, having set the run's error or to cancel. */
struct ps_session_events {
    /* A step of the take at work is done in a phase, the interpreter having finished. */
    bool (*step_done)(void *user, uint32_t step, uint32_t steps);
    bool (*sampled)(void *user, uint32_t take);
    bool (*decoding)(void *user, uint32_t take); /* sets `clip` */
    bool (*decoded)(void *user, uint32_t take);  /* takes `clip` away */
    void *user;
};

struct ps_session {
    const struct ps_model *model;
    const struct ps_request *request;
    uint32_t until;       /* sampling step at which takes stop; a draft where that is not the last */
    uint8_t *photo;       /* [height, width, 3]: the photo in the frame */
    uint8_t *photo_alpha; /* [height, width], or null where all of it is opaque */
    bool has_focus;
    struct ps_point focus; /* in the frame, where the parameters name one */
    float *pixels;         /* [image_size, image_size, 3], for the vision tower */
    float *embedding;      /* [projection_dim] */
    struct ps_take *takes;
    uint32_t take_count;
    uint32_t take;                          /* the one at work */
    struct ps_clip *clip;                   /* what the decoder fills; null while planning */
    uint32_t handed;                        /* takes decoded and handed over */
    float *spare;                           /* room for a take's latents while they come from the device */
    struct ps_taps *taps;                   /* null for none */
    struct ps_state *state;                 /* null for none */
    const struct ps_session_events *events; /* null while planning */
};

enum { PS_PHASE_VISION, PS_PHASE_ENCODER, PS_PHASE_UNET, PS_PHASE_DECODER };

/* The four phases of a session, in order. Those that no take needs have no steps. */
void ps_session_phases(struct ps_session *session, struct ps_phase phases[PS_MAX_PHASES]);

/* Elements of one frame's latents. */
uint64_t ps_latent_frame(const struct ps_request *request);

#endif
