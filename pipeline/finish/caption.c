#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "finish/font.h"
#include "finish/graph.h"
#include "finish/overlay.h"

/* The caption is drawn once, in white on black, and the picture becomes an overlay: that gives its true size, so
 * that it keeps to the margins, and costs nothing per frame. */

enum { SMALLEST = 8 /* pixels of a font */, PIXEL = 3 /* bytes */ };

/* A picture of the text and what of it is not black. It is RGB of equal channels: in grey, white is drawn as 235. */
struct drawing {
    AVFrame *frame;     /* RGB24 */
    struct ps_crop box; /* empty where all of it is black */
};

struct lines {
    const struct ps_caption *caption; /* whose they are */
    char text[1024];
    const char *at[PS_MAX_CAPTION_LINES];
    uint32_t count;
};

static void split_lines(struct lines *lines, const struct ps_caption *caption)
{
    char *rest = NULL;
    lines->caption = caption;
    snprintf(lines->text, sizeof lines->text, "%s", caption->text);
    lines->count = 0;
    for (char *line = strtok_r(lines->text, "\n", &rest); line && lines->count < PS_MAX_CAPTION_LINES;
         line = strtok_r(NULL, "\n", &rest))
        lines->at[lines->count++] = line;
}

/* The canvas: room for the widest line that is tried, the text at a distance of `size` from the edges. */
static void canvas_size(uint32_t *width, uint32_t *height, const struct ps_finish_plan *plan, uint32_t size,
                        uint32_t lines)
{
    *width = 4 * plan->width + 2 * size;
    *height = (lines * 5 / 4 + 4) * size;
}

static void add_line(struct ps_graph *graph, AVFilterContext **last, const struct ps_caption *caption,
                     const char *text, uint32_t size, uint32_t baseline, uint32_t border)
{
    /* Lines stand under each other as the whole stands in the frame. */
    static const char *const columns[] = {"0", "(w-text_w)/2", "w-text_w"};
    char y[64];
    snprintf(y, sizeof y, "%u-ascent", baseline);
    AVFilterContext *filter = ps_graph_filter(graph, "drawtext");
    ps_graph_text(graph, filter, "expansion", "none");
    ps_graph_text(graph, filter, "fontfile", ps_font_path(caption));
    ps_graph_text(graph, filter, "text", text);
    ps_graph_number(graph, filter, "fontsize", size);
    ps_graph_text(graph, filter, "fontcolor", "white");
    ps_graph_text(graph, filter, "bordercolor", "white");
    ps_graph_number(graph, filter, "borderw", border);
    ps_graph_text(graph, filter, "x", columns[(unsigned)(caption->anchor - PS_ANCHOR_TOP_LEFT) % 3]);
    ps_graph_text(graph, filter, "y", y);
    ps_graph_link(graph, *last, filter, 0);
    *last = filter;
}

static void find_box(struct drawing *drawing)
{
    uint32_t left = UINT32_MAX, top = UINT32_MAX, right = 0, bottom = 0;
    for (int y = 0; y < drawing->frame->height; y++) {
        const uint8_t *row = drawing->frame->data[0] + y * (ptrdiff_t)drawing->frame->linesize[0];
        for (int x = 0; x < drawing->frame->width; x++) {
            if (!row[x * PIXEL])
                continue;
            left = (uint32_t)x < left ? (uint32_t)x : left;
            right = (uint32_t)x >= right ? (uint32_t)x + 1 : right;
            top = (uint32_t)y < top ? (uint32_t)y : top;
            bottom = (uint32_t)y + 1;
        }
    }
    drawing->box = bottom ? (struct ps_crop){left, top, right - left, bottom - top} : (struct ps_crop){0};
}

/* Draws the lines; `border` pixels wider all around. */
static enum ps_status draw(struct drawing *drawing, const struct ps_finish_plan *plan,
                           const struct lines *lines, uint32_t size, uint32_t border, struct ps_error *error)
{
    struct ps_inlet inlet = {.format = AV_PIX_FMT_RGB24, .rate = {25, 1}};
    struct ps_graph graph;
    canvas_size(&inlet.width, &inlet.height, plan, size, lines->count);
    uint8_t *black = calloc(inlet.height, (size_t)inlet.width * PIXEL);
    if (!black)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a caption");
    ps_graph_open(&graph, 1);
    AVFilterContext *source = ps_graph_source(&graph, &inlet), *last = source;
    for (uint32_t i = 0; i < lines->count; i++)
        add_line(&graph, &last, lines->caption, lines->at[i], size, 2 * size + i * size * 5 / 4, border);
    AVFilterContext *sink = ps_graph_sink(&graph, last, AV_PIX_FMT_RGB24);
    ps_graph_ready(&graph);
    const struct ps_view view = {black, inlet.width, inlet.height, (size_t)inlet.width * PIXEL};
    ps_graph_push(&graph, source, &view, 0);
    if (ps_graph_pull(&graph, sink, drawing->frame))
        find_box(drawing);
    else if (!ps_graph_status(&graph, error))
        ps_fail(error, PS_ERR_INTERNAL, "finish.caption", "drawtext gave no picture");
    ps_graph_close(&graph);
    free(black);
    return error->status;
}

static uint32_t border_of(uint32_t size)
{
    return 1 + size / 16;
}

/* Draws with the outline, ever smaller until it fits the room. */
static enum ps_status fit(struct drawing *drawing, const struct ps_finish_plan *plan,
                          const struct lines *lines, uint32_t *size, struct ps_error *error)
{
    const struct ps_crop room = ps_overlay_room(plan, lines->caption->margin);
    /* From baseline to baseline it is 5 / 4 of the size: what cannot fit is not tried, its canvas could be huge. */
    const uint32_t gaps = lines->count ? lines->count - 1 : 0;
    const uint32_t most = gaps ? room.height * 4 / (5 * gaps) : *size;
    if (*size > most)
        *size = most > SMALLEST ? most : SMALLEST;
    while (!draw(drawing, plan, lines, *size, border_of(*size), error)) {
        const struct ps_crop *box = &drawing->box;
        if (!box->width)
            return ps_fail(error, PS_ERR_USAGE, "usage.caption", "the caption has nothing to draw in it");
        if (box->width <= room.width && box->height <= room.height)
            return PS_OK;
        const double across = (double)room.width / box->width, down = (double)room.height / box->height;
        const uint32_t smaller = (uint32_t)(*size * (across < down ? across : down));
        *size = smaller < *size ? smaller : *size - 1;
        if (*size < SMALLEST)
            return ps_fail(error, PS_ERR_USAGE, "usage.caption",
                           "the caption does not fit into %u x %u pixels in a readable size", room.width,
                           room.height);
    }
    return error->status;
}

static double luma(uint32_t colour)
{
    return 0.2126 * (colour >> 16 & 0xff) + 0.7152 * (colour >> 8 & 0xff) + 0.0722 * (colour & 0xff);
}

static const uint8_t *pixel_at(const AVFrame *frame, uint32_t x, uint32_t y)
{
    return frame->data[0] + (ptrdiff_t)y * frame->linesize[0] + (size_t)x * PIXEL;
}

/* The fill in the caption's colour, about it the outline in black or white, whichever is farther from it. */
static void colour_in(struct ps_overlay *overlay, const struct drawing *outlined,
                      const struct drawing *filled, uint32_t colour)
{
    const uint32_t outline = luma(colour) > 127 ? 0 : 255;
    for (uint32_t y = 0; y < overlay->height; y++) {
        const uint8_t *outer = pixel_at(outlined->frame, outlined->box.left, outlined->box.top + y);
        const uint8_t *inner = pixel_at(filled->frame, outlined->box.left, outlined->box.top + y);
        uint8_t *to = overlay->rgba + (size_t)y * overlay->width * 4;
        for (uint32_t x = 0; x < overlay->width; x++, to += 4) {
            const uint32_t fill = inner[x * PIXEL], outside = outer[x * PIXEL],
                           all = outside > fill ? outside : fill;
            for (unsigned c = 0; c < 3; c++)
                to[c] =
                    (uint8_t)(((colour >> (16 - 8 * c) & 0xff) * fill + outline * (all - fill) + 127) / 255);
            to[3] = (uint8_t)all;
        }
    }
}

enum ps_status ps_overlay_caption(struct ps_overlay *overlay, const struct ps_finish_plan *plan,
                                  const struct ps_caption *caption, struct ps_error *error)
{
    const uint32_t shorter = plan->width < plan->height ? plan->width : plan->height;
    struct drawing outlined = {.frame = av_frame_alloc()}, filled = {.frame = av_frame_alloc()};
    struct lines lines;
    uint32_t size = (uint32_t)lround((double)caption->size * shorter);
    *overlay = (struct ps_overlay){0};
    size = size < SMALLEST ? SMALLEST : size;
    split_lines(&lines, caption);
    if (!outlined.frame || !filled.frame)
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a caption");
    if (!error->status && !ps_font_check(caption, error) && !fit(&outlined, plan, &lines, &size, error) &&
        !draw(&filled, plan, &lines, size, 0, error)) {
        overlay->width = outlined.box.width;
        overlay->height = outlined.box.height;
        overlay->rgba = malloc((size_t)overlay->width * overlay->height * 4);
        if (!overlay->rgba)
            ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a caption");
        else
            colour_in(overlay, &outlined, &filled, caption->colour);
        ps_overlay_place(overlay, plan, caption->anchor, caption->margin);
    }
    av_frame_free(&outlined.frame);
    av_frame_free(&filled.frame);
    return error->status;
}
