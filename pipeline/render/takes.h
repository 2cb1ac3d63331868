/* The takes of a session: made, filled with what sampling starts from, kept and read again. */
#ifndef PS_RENDER_TAKES_H
#define PS_RENDER_TAKES_H

#include "render/session.h"
#include "weights/safetensors.h"

/* Makes session->takes and sets session->until; what is resumed is read. Status: PS_ERR_USAGE, PS_ERR_INPUT,
 * PS_ERR_MEMORY. */
enum ps_status ps_takes_open(struct ps_session *session, const struct ps_takes *takes,
                             struct ps_error *error);
void ps_takes_close(struct ps_session *session);

/* What the phases start from: the vision tower's pixels, the noised photos, latents at the first noise level; and
 * the file of taps. Nothing where every take has been sampled. */
enum ps_status ps_takes_prepare(struct ps_session *session, const struct ps_photo *photo,
                                struct ps_error *error);

/* Makes session->clip, black, with the photo that it shows. */
enum ps_status ps_take_clip(struct ps_session *session, struct ps_error *error);

/* A text that a file of latents has beside them. */
struct ps_note {
    const char *key;
    char text[136];
};

/* Writes a take's latents, the steps that it has gone, and where it stops there what its last step predicts for the
 * end, with `count` notes. Status: PS_ERR_OUTPUT, PS_ERR_MEMORY. */
enum ps_status ps_take_keep(const struct ps_take *take, const struct ps_session *session, const char *path,
                            bool overwrite, const struct ps_note *notes, uint32_t count,
                            struct ps_error *error);
/* Reads them from an open file: allocates and fills step, latents and, where the take is to stop there, the preview.
 * Status: PS_ERR_INPUT where the file is of other sizes, noise levels or of more steps than wanted, PS_ERR_MEMORY. */
enum ps_status ps_take_load(struct ps_take *take, const struct ps_session *session,
                            const struct ps_safetensors *file, struct ps_error *error);

/* Host memory for `count` floats. */
float *ps_new_floats(uint64_t count, struct ps_error *error);

#endif
