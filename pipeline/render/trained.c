#include "render/trained.h"

/* SVD, SVD-XT and their fine-tunes, by the widths of the UNet, were trained on 1024 x 576. The model has no
 * encoding of positions but what padding tells its convolutions, and its pictures soon suffer at other sizes. */
enum { TRAINED_LONG = 1024, TRAINED_SHORT = 576, SVD_LEVELS = 4, SVD_WIDTH = 320 };

/* 768x768, 1280x720 and 576x1024 are in use and pass; 512x512 and 1920x1080 do not. */
#define FAR 1.5

static bool is_far(uint32_t side, uint32_t trained)
{
    return side > trained * FAR || side * FAR < trained;
}

void ps_warn_of_size(const struct ps_model *model, uint32_t width, uint32_t height)
{
    const struct ps_unet_config *unet = &model->checkpoint->unet;
    const uint32_t longer = width > height ? width : height, shorter = width > height ? height : width;
    if (unet->levels != SVD_LEVELS || unet->block_out_channels[0] != SVD_WIDTH)
        return;
    if (is_far(longer, TRAINED_LONG) || is_far(shorter, TRAINED_SHORT))
        ps_log(model->context, PS_LOG_WARNING,
               "%ux%u is far from %dx%d, the size that this model was trained on; the clip will be the worse "
               "for it",
               width, height, TRAINED_LONG, TRAINED_SHORT);
}
