#include "finish/graph.h"

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>

#include "finish/libav.h"

static void check(struct ps_graph *graph, int code, const char *doing)
{
    if (code >= 0 || graph->code < 0)
        return;
    graph->code = code;
    graph->doing = doing;
}

void ps_graph_open(struct ps_graph *graph, unsigned threads)
{
    *graph = (struct ps_graph){.filters = avfilter_graph_alloc()};
    if (!graph->filters) {
        check(graph, AVERROR(ENOMEM), "making a filter graph");
        return;
    }
    graph->filters->nb_threads = (int)threads;
    /* For the conversions that libavfilter puts between two filters. */
    check(graph, av_opt_set(graph->filters, "scale_sws_opts", "flags=" PS_SCALE_EXACT, 0),
          "making a filter graph");
}

void ps_graph_close(struct ps_graph *graph)
{
    avfilter_graph_free(&graph->filters);
}

AVFilterContext *ps_graph_filter(struct ps_graph *graph, const char *name)
{
    if (graph->code < 0)
        return NULL;
    const AVFilter *kind = avfilter_get_by_name(name);
    AVFilterContext *filter = kind ? avfilter_graph_alloc_filter(graph->filters, kind, NULL) : NULL;
    if (!filter)
        check(graph, kind ? AVERROR(ENOMEM) : AVERROR_FILTER_NOT_FOUND, name);
    return filter;
}

AVFilterContext *ps_graph_source(struct ps_graph *graph, const struct ps_inlet *inlet)
{
    AVFilterContext *source = ps_graph_filter(graph, "buffer");
    AVBufferSrcParameters *parameters = av_buffersrc_parameters_alloc();
    if (!parameters)
        check(graph, AVERROR(ENOMEM), "making a filter graph");
    if (graph->code >= 0) {
        parameters->format = inlet->format;
        parameters->width = (int)inlet->width;
        parameters->height = (int)inlet->height;
        parameters->time_base = (AVRational){(int)inlet->rate.den, (int)inlet->rate.num};
        parameters->frame_rate = (AVRational){(int)inlet->rate.num, (int)inlet->rate.den};
        parameters->sample_aspect_ratio = (AVRational){1, 1};
        check(graph, av_buffersrc_parameters_set(source, parameters), "making a filter graph");
        check(graph, avfilter_init_str(source, NULL), "making a filter graph");
    }
    av_free(parameters);
    return graph->code < 0 ? NULL : source;
}

void ps_graph_text(struct ps_graph *graph, AVFilterContext *filter, const char *option, const char *value)
{
    if (graph->code >= 0)
        check(graph, av_opt_set(filter, option, value, AV_OPT_SEARCH_CHILDREN), option);
}

void ps_graph_number(struct ps_graph *graph, AVFilterContext *filter, const char *option, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    ps_graph_text(graph, filter, option, text);
}

void ps_graph_link(struct ps_graph *graph, AVFilterContext *from, AVFilterContext *to, unsigned input)
{
    if (graph->code < 0)
        return;
    if (!input)
        check(graph, avfilter_init_str(to, NULL), to->filter->name);
    if (graph->code >= 0)
        check(graph, avfilter_link(from, 0, to, input), to->filter->name);
}

AVFilterContext *ps_graph_sink(struct ps_graph *graph, AVFilterContext *from, enum AVPixelFormat format)
{
    AVFilterContext *sink = ps_graph_filter(graph, "buffersink");
    const enum AVPixelFormat formats[] = {format};
    if (graph->code >= 0)
        check(graph,
              av_opt_set_bin(sink, "pix_fmts", (const uint8_t *)formats, sizeof formats,
                             AV_OPT_SEARCH_CHILDREN),
              "making a filter graph");
    ps_graph_link(graph, from, sink, 0);
    return graph->code < 0 ? NULL : sink;
}

void ps_graph_ready(struct ps_graph *graph)
{
    if (graph->code >= 0)
        check(graph, avfilter_graph_config(graph->filters, NULL), "connecting the filters");
}

unsigned ps_pixel_bytes(enum AVPixelFormat format)
{
    return format == AV_PIX_FMT_RGBA || format == AV_PIX_FMT_BGRA ? 4 : format == AV_PIX_FMT_RGB24 ? 3 : 1;
}

static void keep(void *opaque, uint8_t *bytes)
{
    (void)opaque;
    (void)bytes;
}

/* A frame about pixels that belong to somebody else and are only read. */
static AVFrame *wrap(const AVFilterContext *source, const struct ps_view *view, int64_t at)
{
    const AVFilterLink *link = source->outputs[0];
    AVFrame *frame = av_frame_alloc();
    if (!frame)
        return NULL;
    frame->format = link->format;
    frame->width = (int)view->width;
    frame->height = (int)view->height;
    frame->pts = at;
    frame->sample_aspect_ratio = (AVRational){1, 1};
    frame->linesize[0] = (int)view->stride;
    frame->data[0] = (uint8_t *)(uintptr_t)view->rgb;
    frame->buf[0] =
        av_buffer_create(frame->data[0], view->stride * view->height, keep, NULL, AV_BUFFER_FLAG_READONLY);
    if (!frame->buf[0])
        av_frame_free(&frame);
    return frame;
}

void ps_graph_push_frame(struct ps_graph *graph, AVFilterContext *source, AVFrame *frame)
{
    if (graph->code >= 0)
        check(graph, av_buffersrc_add_frame_flags(source, frame, AV_BUFFERSRC_FLAG_PUSH),
              "filtering a frame");
}

void ps_graph_push(struct ps_graph *graph, AVFilterContext *source, const struct ps_view *view, int64_t at)
{
    if (graph->code < 0)
        return;
    AVFrame *frame = view ? wrap(source, view, at) : NULL;
    if (view && !frame)
        check(graph, AVERROR(ENOMEM), "filtering a frame");
    ps_graph_push_frame(graph, source, frame);
    av_frame_free(&frame);
}

bool ps_graph_pull(struct ps_graph *graph, AVFilterContext *sink, AVFrame *frame)
{
    if (graph->code < 0)
        return false;
    av_frame_unref(frame);
    const int code = av_buffersink_get_frame(sink, frame);
    if (code >= 0)
        return true;
    if (code != AVERROR(EAGAIN) && code != AVERROR_EOF)
        check(graph, code, "filtering a frame");
    return false;
}

enum ps_status ps_graph_status(const struct ps_graph *graph, struct ps_error *error)
{
    if (graph->code >= 0)
        return PS_OK;
    if (graph->code == AVERROR_FILTER_NOT_FOUND) {
        ps_fail(error, PS_ERR_DEVICE, "filter.missing", "this machine's libavfilter has no filter \"%s\"",
                graph->doing);
        ps_hint(error, "install an FFmpeg with that filter; those of Debian and Fedora have it");
        return PS_ERR_DEVICE;
    }
    return ps_fail_av(error, graph->code, graph->doing);
}
