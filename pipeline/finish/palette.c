#include "finish/palette.h"

void ps_palette_open(struct ps_palette *palette, const struct ps_inlet *inlet)
{
    struct ps_graph *graph = &palette->graph;
    palette->count = 0;
    ps_graph_open(graph, 1);
    palette->in = ps_graph_source(graph, inlet);
    AVFilterContext *filter = ps_graph_filter(graph, "palettegen");
    ps_graph_link(graph, palette->in, filter, 0);
    palette->out = ps_graph_sink(graph, filter, AV_PIX_FMT_RGB32);
    ps_graph_ready(graph);
}

void ps_palette_add(struct ps_palette *palette, const struct ps_view *rgb)
{
    ps_graph_push(&palette->graph, palette->in, rgb, palette->count++);
}

AVFrame *ps_palette_take(struct ps_palette *palette)
{
    AVFrame *frame = av_frame_alloc();
    ps_graph_push(&palette->graph, palette->in, NULL, 0);
    if (frame && !ps_graph_pull(&palette->graph, palette->out, frame))
        av_frame_free(&frame);
    return frame;
}

void ps_palette_close(struct ps_palette *palette)
{
    ps_graph_close(&palette->graph);
}

void ps_dither_open(struct ps_dither *dither, const struct ps_inlet *inlet, AVFrame **palette)
{
    const struct ps_inlet colours = {AV_PIX_FMT_RGB32, (uint32_t)(*palette)->width,
                                     (uint32_t)(*palette)->height, inlet->rate};
    struct ps_graph *graph = &dither->graph;
    ps_graph_open(graph, 1);
    dither->in = ps_graph_source(graph, inlet);
    AVFilterContext *source = ps_graph_source(graph, &colours),
                    *filter = ps_graph_filter(graph, "paletteuse");
    ps_graph_text(graph, filter, "diff_mode", "rectangle");
    ps_graph_link(graph, dither->in, filter, 0);
    ps_graph_link(graph, source, filter, 1);
    dither->out = ps_graph_sink(graph, filter, AV_PIX_FMT_PAL8);
    ps_graph_ready(graph);
    (*palette)->pts = 0;
    ps_graph_push_frame(graph, source, *palette);
    ps_graph_push_frame(graph, source, NULL);
    av_frame_free(palette);
}

bool ps_dither_frame(struct ps_dither *dither, const struct ps_view *rgb, int64_t at, AVFrame *to)
{
    ps_graph_push(&dither->graph, dither->in, rgb, at);
    return ps_graph_pull(&dither->graph, dither->out, to);
}

void ps_dither_close(struct ps_dither *dither)
{
    ps_graph_close(&dither->graph);
}
