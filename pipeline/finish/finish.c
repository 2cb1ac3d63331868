#include "finish/finish.h"

#include <stdlib.h>
#include <string.h>

#include "finish/mix.h"
#include "media/framing.h"
#include "media/resample.h"

enum { WHOLE = 65536 };

static enum ps_status open_card(struct ps_finish *finish, struct ps_error *error)
{
    const struct ps_finish_plan *plan = finish->plan;
    const struct ps_photo *picture = plan->params.end_card.picture;
    if (!picture)
        return PS_OK;
    finish->card = malloc((size_t)plan->width * plan->height * 3);
    if (!finish->card)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for an end card");
    const struct ps_framing centred = {.fit = PS_FIT_CROP};
    struct ps_framed framed;
    if (ps_frame_photo(&framed, picture, &centred, (struct ps_size){plan->width, plan->height}, error))
        return error->status;
    ps_resize_lanczos(finish->card, plan->width, plan->height, &framed.view, error);
    ps_framed_free(&framed);
    return error->status;
}

enum ps_status ps_finish_open(struct ps_finish *finish, const struct ps_clip *clip,
                              const struct ps_finish_plan *plan, unsigned threads, struct ps_error *error)
{
    *finish = (struct ps_finish){.plan = plan};
    if (plan->card_hold || plan->fade_in || plan->fade_out) {
        finish->mixed = malloc((size_t)plan->width * plan->height * 3);
        if (!finish->mixed)
            return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a frame of %u x %u pixels",
                           plan->width, plan->height);
    }
    if (open_card(finish, error) || ps_strip_open(&finish->strip, clip, plan, threads, error) ||
        ps_picture_open(&finish->picture, plan, threads, error))
        return error->status;
    return PS_OK;
}

void ps_finish_close(struct ps_finish *finish)
{
    ps_picture_close(&finish->picture);
    ps_strip_close(&finish->strip);
    free(finish->card);
    free(finish->mixed);
    *finish = (struct ps_finish){0};
}

/* The frame as the strip and the picture stage make it. */
static enum ps_status base_frame(struct ps_finish *finish, uint32_t frame, struct ps_error *error)
{
    struct ps_view strip;
    bool fresh;
    if (ps_strip_frame(&finish->strip, frame, &strip, &fresh, error))
        return error->status;
    return fresh ? ps_picture_frame(&finish->picture, &strip, &finish->shown, error) : PS_OK;
}

static void mix_card(const struct ps_finish *finish, struct ps_view *view, uint32_t share)
{
    const size_t row = (size_t)view->width * 3;
    for (uint32_t y = 0; y < view->height; y++)
        ps_mix(finish->mixed + y * row, view->rgb + y * view->stride, finish->card + y * row, row, share);
    *view = (struct ps_view){finish->mixed, view->width, view->height, row};
}

static void mix_fade(const struct ps_finish *finish, struct ps_view *view, uint32_t share)
{
    const size_t row = (size_t)view->width * 3;
    for (uint32_t y = 0; y < view->height; y++)
        ps_mix_colour(finish->mixed + y * row, view->rgb + y * view->stride, finish->plan->params.fade_colour,
                      view->width, share);
    *view = (struct ps_view){finish->mixed, view->width, view->height, row};
}

enum ps_status ps_finish_frame(struct ps_finish *finish, uint32_t frame, struct ps_view *view,
                               struct ps_error *error)
{
    const struct ps_finish_plan *plan = finish->plan;
    const uint32_t card = ps_finish_card_share(plan, frame), fade = ps_finish_fade_share(plan, frame);
    *view = (struct ps_view){finish->card, plan->width, plan->height, (size_t)plan->width * 3};
    if (card < WHOLE) {
        if (base_frame(finish, frame, error))
            return error->status;
        *view = finish->shown;
        if (card)
            mix_card(finish, view, card);
    }
    if (fade)
        mix_fade(finish, view, fade);
    return PS_OK;
}
