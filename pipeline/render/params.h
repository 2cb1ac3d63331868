/* Parameters with every default filled in and every range checked. */
#ifndef PS_RENDER_PARAMS_H
#define PS_RENDER_PARAMS_H

#include "render/model.h"
#include "sample/schedule.h"

struct ps_request {
    struct ps_render_params params; /* resolved; 0 in motion and noise_augmentation means 0 here */
    uint32_t latent_h, latent_w, latent_channels;
    struct ps_sigmas sigmas;
    bool guided;
    float guidance[PS_MAX_FRAMES]; /* scale by frame */
    enum ps_type type, encoder_type;
};

/* Status: PS_ERR_USAGE, naming the parameter, its range and what it was. `params` may be null. */
enum ps_status ps_request_resolve(struct ps_request *request, const struct ps_model *model,
                                  const struct ps_render_params *params, struct ps_error *error);

/* What other calls judge their parameters with. Each is false with PS_ERR_USAGE in `error`. */
bool ps_param_in_range(const char *name, double value, double low, double high, struct ps_error *error);
bool ps_param_is_size(const char *name, uint32_t pixels, struct ps_error *error);
/* Fills in the context's default; *type is how tensors are stored then. */
bool ps_param_type(enum ps_dtype *dtype, enum ps_type *type, const struct ps_context *context,
                   struct ps_error *error);

#endif
