/* libavfilter graphs of typed options. A graph keeps its first error and then does nothing, so that the caller
 * asks once; no text that a user wrote is ever parsed as a description of a graph. */
#ifndef PS_FINISH_GRAPH_H
#define PS_FINISH_GRAPH_H

#include <libavfilter/avfilter.h>
#include <libavutil/frame.h>

#include "base/error.h"
#include "media/photo.h"

struct ps_graph {
    AVFilterGraph *filters;
    int code;          /* of libav, negative after an error */
    const char *doing; /* what failed, a static string */
};

/* How libswscale computes wherever it is asked to: every chroma sample of its own, exactly rounded, alike on all
 * processors. */
#define PS_SCALE_EXACT "accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"

/* Begins a graph. `threads` of 0 means as many as there are processors. */
void ps_graph_open(struct ps_graph *graph, unsigned threads);
void ps_graph_close(struct ps_graph *graph);

/* What pictures enter by. */
struct ps_inlet {
    enum AVPixelFormat format;
    uint32_t width, height;
    struct ps_rate rate; /* one picture each rate.den / rate.num seconds, counted from 0 */
};

/* Each returns null after an error. A filter's options are set before it is linked. */
AVFilterContext *ps_graph_source(struct ps_graph *graph, const struct ps_inlet *inlet);
AVFilterContext *ps_graph_filter(struct ps_graph *graph, const char *name);
void ps_graph_text(struct ps_graph *graph, AVFilterContext *filter, const char *option, const char *value);
void ps_graph_number(struct ps_graph *graph, AVFilterContext *filter, const char *option, int64_t value);
/* Feeds input `input` of `to` from the only output of `from`; input 0 first, which makes the filter ready. */
void ps_graph_link(struct ps_graph *graph, AVFilterContext *from, AVFilterContext *to, unsigned input);
AVFilterContext *ps_graph_sink(struct ps_graph *graph, AVFilterContext *from, enum AVPixelFormat format);
/* After the last link. */
void ps_graph_ready(struct ps_graph *graph);

/* Pushes a picture that stays the caller's and must not change before the graph has given out what it makes of
 * it; `at` is its number. With a null view: the end. */
void ps_graph_push(struct ps_graph *graph, AVFilterContext *source, const struct ps_view *view, int64_t at);
void ps_graph_push_frame(struct ps_graph *graph, AVFilterContext *source, AVFrame *frame);

/* The next picture into `frame`; false where there is none before more is pushed, or after an error. */
bool ps_graph_pull(struct ps_graph *graph, AVFilterContext *sink, AVFrame *frame);

/* The graph's error as the library reports it, or PS_OK. */
enum ps_status ps_graph_status(const struct ps_graph *graph, struct ps_error *error);

/* Bytes of a pixel of the packed formats that are used here. */
unsigned ps_pixel_bytes(enum AVPixelFormat format);

#endif
