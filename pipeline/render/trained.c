#include "render/trained.h"

/* SVD, SVD-XT and their fine-tunes, by the widths of the UNet, were trained on 1024 x 576. The model has no
 * encoding of positions but what padding tells its convolutions, and its pictures soon suffer at other sizes. */
enum { SVD_WIDE = 1024, SVD_HIGH = 576, SVD_LEVELS = 4, SVD_FIRST = 320 };

/* 768x768, 1280x720 and 576x1024 are in use and pass; 512x512 and 1920x1080 do not. */
#define FAR 1.5

static bool is_far(uint32_t side, uint32_t trained)
{
    return side > trained * FAR || side * FAR < trained;
}

static uint32_t longer(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t shorter(uint32_t a, uint32_t b)
{
    return a > b ? b : a;
}

void ps_warn_of_size(const struct ps_model *model, uint32_t width, uint32_t height)
{
    const struct ps_unet_config *unet = &model->checkpoint->unet;
    uint32_t wide = model->checkpoint->defaults.width, high = model->checkpoint->defaults.height;
    if (!wide || !high) {
        if (unet->levels != SVD_LEVELS || unet->block_out_channels[0] != SVD_FIRST)
            return;
        wide = SVD_WIDE;
        high = SVD_HIGH;
    }
    if (is_far(longer(width, height), longer(wide, high)) ||
        is_far(shorter(width, height), shorter(wide, high)))
        ps_log(&model->context->log, PS_LOG_WARNING,
               "%ux%u is far from %ux%u, the size that this model was trained on; the clip will be the worse "
               "for it",
               width, height, wide, high);
}
