/* The state of a render: a file of its latents (render/take_file.c), replaced after each sampling step, that says what
 * it belongs to. A render that was killed goes on from it, to the very clip of one that was not.
 *
 * What follows from the photo alone, its embedding and its latents, is not in it: both are functions of the facts that
 * a state has to agree in, on the same device, as each step is, and take a few percent of a render. */
#ifndef PS_RENDER_STATE_H
#define PS_RENDER_STATE_H

#include "render/session.h"

/* Fails unless a state can be written at `path`: PS_ERR_OUTPUT as ps_output_check with overwrite, PS_ERR_INPUT where
 * another file than a state lies there. */
enum ps_status ps_state_check(const char *path, struct ps_error *error);

/* Sets session->state, where the parameters ask for one, from the photo in the frame and what the first take begins
 * with. Then goes on from what lies at its path if that is this very render's, and else tells the log why not. Status:
 * PS_ERR_USAGE for a model that was not identified, PS_ERR_MEMORY; those of ps_file_hash. */
enum ps_status ps_state_open(struct ps_session *session, struct ps_error *error);
void ps_state_close(struct ps_state **state);

/* Writes the first take as it is now; nothing where `state` is null. Status: PS_ERR_OUTPUT, PS_ERR_MEMORY. */
enum ps_status ps_state_write(const struct ps_state *state, const struct ps_session *session,
                              struct ps_error *error);

#endif
