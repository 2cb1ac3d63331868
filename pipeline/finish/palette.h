/* The colours of a GIF: one palette for all frames, and each frame dithered into it. */
#ifndef PS_FINISH_PALETTE_H
#define PS_FINISH_PALETTE_H

#include "finish/graph.h"

/* The frame of 16 x 16 pixels that palettegen makes of every frame that was pushed. */
struct ps_palette {
    struct ps_graph graph;
    AVFilterContext *in, *out;
    int64_t count;
};

void ps_palette_open(struct ps_palette *palette, const struct ps_inlet *inlet);
void ps_palette_add(struct ps_palette *palette, const struct ps_view *rgb);
/* Takes the palette out: the caller's to free, null after an error. */
AVFrame *ps_palette_take(struct ps_palette *palette);
void ps_palette_close(struct ps_palette *palette);

/* Frames of 8 bits with that palette. */
struct ps_dither {
    struct ps_graph graph;
    AVFilterContext *in, *out;
};

/* Takes over `palette`. */
void ps_dither_open(struct ps_dither *dither, const struct ps_inlet *inlet, AVFrame **palette);
/* Frame number `at` to `to`; false after an error. */
bool ps_dither_frame(struct ps_dither *dither, const struct ps_view *rgb, int64_t at, AVFrame *to);
void ps_dither_close(struct ps_dither *dither);

#endif
