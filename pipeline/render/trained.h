/* The size that a model was trained for. */
#ifndef PS_RENDER_TRAINED_H
#define PS_RENDER_TRAINED_H

#include "render/model.h"

/* Logs a warning where clips of this size are far from what the model was trained on. A model that is not
 * known by its widths gets none. */
void ps_warn_of_size(const struct ps_model *model, uint32_t width, uint32_t height);

#endif
