#include "finish/picture.h"

#include <stdlib.h>
#include <string.h>

#include "media/clip.h"

static enum ps_status open_scale(struct ps_picture *picture, unsigned threads, struct ps_error *error)
{
    const struct ps_finish_plan *plan = picture->plan;
    const struct ps_inlet inlet = {AV_PIX_FMT_RGB24, plan->crop.width, plan->crop.height, {25, 1}};
    struct ps_graph *graph = &picture->scale;
    ps_graph_open(graph, threads);
    picture->scale_in = ps_graph_source(graph, &inlet);
    AVFilterContext *filter = ps_graph_filter(graph, "scale");
    ps_graph_number(graph, filter, "w", plan->place.width);
    ps_graph_number(graph, filter, "h", plan->place.height);
    ps_graph_text(graph, filter, "flags", "lanczos+" PS_SCALE_EXACT);
    ps_graph_link(graph, picture->scale_in, filter, 0);
    picture->scale_out = ps_graph_sink(graph, filter, AV_PIX_FMT_RGB24);
    ps_graph_ready(graph);
    return ps_graph_status(graph, error);
}

/* Where the crop does not fill the result. */
static enum ps_status open_surround(struct ps_picture *picture, struct ps_error *error)
{
    const struct ps_finish_plan *plan = picture->plan;
    const struct ps_crop *place = &plan->place;
    if (place->width == plan->width && place->height == plan->height)
        return PS_OK;
    picture->canvas = malloc((size_t)plan->width * plan->height * 3 + PS_CLIP_PADDING);
    if (!picture->canvas)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a frame of %u x %u pixels",
                       plan->width, plan->height);
    const struct ps_rect inner = {place->left, place->top, place->width, place->height};
    return ps_surround_new(&picture->surround, (struct ps_size){plan->width, plan->height}, inner, error);
}

static void surround(struct ps_picture *picture, struct ps_view *view)
{
    const struct ps_finish_plan *plan = picture->plan;
    const size_t row = (size_t)plan->width * 3;
    uint8_t *to = picture->canvas + plan->place.top * row + (size_t)plan->place.left * 3;
    for (uint32_t y = 0; y < view->height; y++)
        memcpy(to + y * row, view->rgb + y * view->stride, (size_t)view->width * 3);
    ps_surround_fill(picture->surround, picture->canvas);
    *view = (struct ps_view){picture->canvas, plan->width, plan->height, row};
}

static enum ps_status open_paste(struct ps_picture *picture, unsigned threads, struct ps_error *error)
{
    const struct ps_finish_plan *plan = picture->plan;
    const struct ps_inlet inlet = {AV_PIX_FMT_RGB24, plan->width, plan->height, {25, 1}};
    struct ps_graph *graph = &picture->paste;
    AVFilterContext *sources[PS_MAX_OVERLAYS];
    ps_graph_open(graph, threads);
    AVFilterContext *last = picture->paste_in = ps_graph_source(graph, &inlet);
    for (uint32_t i = 0; i < picture->overlay_count; i++) {
        const struct ps_overlay *overlay = &picture->overlays[i];
        const struct ps_inlet pasted = {AV_PIX_FMT_RGBA, overlay->width, overlay->height, {25, 1}};
        sources[i] = ps_graph_source(graph, &pasted);
        AVFilterContext *filter = ps_graph_filter(graph, "overlay");
        ps_graph_number(graph, filter, "x", overlay->left);
        ps_graph_number(graph, filter, "y", overlay->top);
        ps_graph_text(graph, filter, "format", "rgb");
        ps_graph_text(graph, filter, "alpha", "premultiplied");
        ps_graph_text(graph, filter, "eof_action", "repeat");
        ps_graph_link(graph, last, filter, 0);
        ps_graph_link(graph, sources[i], filter, 1);
        last = filter;
    }
    picture->paste_out = ps_graph_sink(graph, last, AV_PIX_FMT_RGB24);
    ps_graph_ready(graph);
    for (uint32_t i = 0; i < picture->overlay_count; i++) {
        const struct ps_overlay *overlay = &picture->overlays[i];
        const struct ps_view view = {overlay->rgba, overlay->width, overlay->height,
                                     overlay->width * (size_t)4};
        ps_graph_push(graph, sources[i], &view, 0);
        ps_graph_push(graph, sources[i], NULL, 0);
    }
    return ps_graph_status(graph, error);
}

static enum ps_status open_overlays(struct ps_picture *picture, unsigned threads, struct ps_error *error)
{
    const struct ps_finish_params *params = &picture->plan->params;
    if (params->logo.picture &&
        ps_overlay_logo(&picture->overlays[picture->overlay_count++], picture->plan, error))
        return error->status;
    const struct ps_caption *const texts[] = {&params->caption, &params->visible_label};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i]->text &&
            ps_overlay_caption(&picture->overlays[picture->overlay_count++], picture->plan, texts[i], error))
            return error->status;
    return picture->overlay_count ? open_paste(picture, threads, error) : PS_OK;
}

enum ps_status ps_picture_open(struct ps_picture *picture, const struct ps_finish_plan *plan,
                               unsigned threads, struct ps_error *error)
{
    *picture = (struct ps_picture){.plan = plan, .scaled = av_frame_alloc(), .pasted = av_frame_alloc()};
    if (!picture->scaled || !picture->pasted)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a frame");
    picture->scales = plan->place.width != plan->crop.width || plan->place.height != plan->crop.height;
    if (picture->scales && open_scale(picture, threads, error))
        return error->status;
    if (open_surround(picture, error))
        return error->status;
    return open_overlays(picture, threads, error);
}

void ps_picture_close(struct ps_picture *picture)
{
    ps_graph_close(&picture->scale);
    ps_graph_close(&picture->paste);
    for (uint32_t i = 0; i < picture->overlay_count; i++)
        ps_overlay_free(&picture->overlays[i]);
    ps_surround_free(&picture->surround);
    free(picture->canvas);
    av_frame_free(&picture->scaled);
    av_frame_free(&picture->pasted);
    *picture = (struct ps_picture){0};
}

/* One frame through a graph that gives one for one. */
static enum ps_status pass(struct ps_picture *picture, struct ps_graph *graph, AVFilterContext *in,
                           AVFilterContext *out, AVFrame *frame, struct ps_view *view, struct ps_error *error)
{
    ps_graph_push(graph, in, view, picture->count);
    if (ps_graph_pull(graph, out, frame)) {
        *view = (struct ps_view){frame->data[0], (uint32_t)frame->width, (uint32_t)frame->height,
                                 (size_t)frame->linesize[0]};
        return PS_OK;
    }
    return ps_graph_status(graph, error)
               ? error->status
               : ps_fail(error, PS_ERR_INTERNAL, "finish.picture", "a filter kept a frame to itself");
}

enum ps_status ps_picture_frame(struct ps_picture *picture, const struct ps_view *from, struct ps_view *to,
                                struct ps_error *error)
{
    const struct ps_crop *crop = &picture->plan->crop;
    *to = (struct ps_view){from->rgb + crop->top * from->stride + (size_t)crop->left * 3, crop->width,
                           crop->height, from->stride};
    picture->count++;
    if (picture->scales &&
        pass(picture, &picture->scale, picture->scale_in, picture->scale_out, picture->scaled, to, error))
        return error->status;
    if (picture->surround)
        surround(picture, to);
    if (picture->overlay_count &&
        pass(picture, &picture->paste, picture->paste_in, picture->paste_out, picture->pasted, to, error))
        return error->status;
    return PS_OK;
}
