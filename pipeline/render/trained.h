/* The size that a model was trained for. */
#ifndef PS_RENDER_TRAINED_H
#define PS_RENDER_TRAINED_H

#include "render/model.h"

/* Logs a warning where clips of this size are far from what the model was trained on. That is
 * what its folder's packshot.json says, else SVD's size for what has SVD's widths; of others nothing is known. */
void ps_warn_of_size(const struct ps_model *model, uint32_t width, uint32_t height);

#endif
