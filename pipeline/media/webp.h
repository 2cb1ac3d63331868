/* Animated WebP, which libavformat does not read: its frames one by one, each as a file of one picture, which
 * libavcodec decodes. */
#ifndef PS_MEDIA_WEBP_H
#define PS_MEDIA_WEBP_H

#include <libavcodec/packet.h>
#include <stdbool.h>
#include <stdint.h>

struct ps_webp {
    const uint8_t *bytes;   /* the whole file; not owned */
    uint64_t size, at;      /* bytes; `at` is where reading stands, or what is wrong */
    uint32_t width, height; /* pixels of the canvas */
    uint32_t across, down;  /* pixels of the frame given last */
    uint32_t frames;        /* given so far */
    uint64_t milliseconds;  /* that they stand in all */
    const char *problem;    /* what is wrong with the file, a static text; null for nothing */
};

/* Reads the head of bytes from anywhere. False, with the problem, where it is not that of an animation. */
bool ps_webp_open(struct ps_webp *webp, const uint8_t *bytes, uint64_t size);

/* The next frame into a packet, unreferenced before. 0; AVERROR_EOF after the last; AVERROR_INVALIDDATA with the
 * problem; AVERROR(ENOMEM). */
int ps_webp_next(struct ps_webp *webp, AVPacket *packet);

#endif
