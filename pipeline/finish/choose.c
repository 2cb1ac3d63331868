/* What of a clip a result of another aspect shows. */
#include "finish/plan.h"
#include "frame/product.h"
#include "media/clip.h"

static double held(double value)
{
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

/* The box, larger or smaller about its middle, within the clip. */
static struct ps_box grown(const struct ps_box *box, double share)
{
    const double x = (box->left + box->right) / 2, y = (box->top + box->bottom) / 2;
    const double width = (box->right - box->left) * share / 2, height = (box->bottom - box->top) * share / 2;
    return (struct ps_box){held(x - width), held(y - height), held(x + width), held(y + height)};
}

static struct ps_crop crop_of(const struct ps_rect *rect)
{
    return (struct ps_crop){rect->left, rect->top, rect->width, rect->height};
}

enum ps_status ps_clip_choose_crop(struct ps_finish_params *finish, const struct ps_clip *clip, float safe,
                                   struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_product product = {{0, 0, 1, 1}, false};
    error = error ? error : &local;
    if (!finish->width || !finish->height || !(safe <= 2))
        return ps_fail(error, PS_ERR_USAGE, "usage.crop",
                       "a result of %u x %u pixels with %g of the product: expected a size, and up to 2",
                       finish->width, finish->height, (double)safe);
    if (clip->photo &&
        ps_find_product(&product, clip->photo, clip->photo_alpha, clip->width, clip->height, error))
        return error->status;
    const struct ps_point focus = clip->has_focus ? clip->focus : ps_product_middle(&product);
    const struct ps_box point = {held(focus.x), held(focus.y), held(focus.x), held(focus.y)};
    const struct ps_box keep =
        product.found && safe >= 0 ? grown(&product.box, safe == 0 ? 1 : (double)safe) : point;
    const struct ps_placement placement =
        ps_place_kept((struct ps_size){clip->width, clip->height},
                      (struct ps_size){finish->width, finish->height}, focus, keep);
    finish->crop = crop_of(&placement.picture);
    finish->place = crop_of(&placement.frame);
    return PS_OK;
}
