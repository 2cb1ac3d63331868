/* Named intermediate tensors: what a render writes for comparison with another implementation, in diffusers'
 * layout and order, and the noise that it can be given. */
#ifndef PS_RENDER_TAPS_H
#define PS_RENDER_TAPS_H

#include "render/params.h"
#include "run/run.h"

/* A taps file being written. Every function accepts null and then does nothing. */
struct ps_taps;

/* Begins the file at params.taps, or sets *taps to null where that is null. Status: PS_ERR_OUTPUT. */
enum ps_status ps_taps_open(struct ps_taps **taps, const struct ps_request *request,
                            const struct ps_model *model, struct ps_error *error);
/* Gives the file its name. Status: PS_ERR_OUTPUT. */
enum ps_status ps_taps_commit(struct ps_taps *taps, struct ps_error *error);
void ps_taps_close(struct ps_taps **taps);

/* clip.pixel_values and vae.image, from [size, size, 3] and [height, width, 3]. */
enum ps_status ps_taps_inputs(struct ps_taps *taps, const float *pixels, const float *image,
                              struct ps_error *error);
/* clip.image_embeds and vae.image_latents, from [projection_dim] and [h, w, c]. */
enum ps_status ps_taps_encoded(struct ps_taps *taps, const float *embedding, const float *image_latents,
                               struct ps_error *error);
/* unet.v.N and latents.N, from float32 tensors [frames, h, w, c]. */
void ps_taps_step(struct ps_taps *taps, struct ps_run *run, uint32_t step, struct ps_tensor v,
                  struct ps_tensor latents);
/* One frame of decoder.frames, from [height, width, 3]. */
void ps_taps_frame(struct ps_taps *taps, uint32_t frame, const float *pixels);

/* Replaces what params.taps_in names: `image` [height, width, 3] and `latents` [frames, h, w, c], unit
 * variance. Status: PS_ERR_INPUT for an unknown name or a wrong shape. */
enum ps_status ps_taps_read_noise(const struct ps_request *request, float *image, float *latents,
                                  struct ps_error *error);

/* [frames, pixels, channels] from [frames, channels, pixels], and back. */
void ps_channels_last(float *to, const float *from, uint64_t frames, uint64_t pixels, uint64_t channels);
void ps_channels_first(float *to, const float *from, uint64_t frames, uint64_t pixels, uint64_t channels);

#endif
