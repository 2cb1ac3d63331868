#include "media/webp.h"

#include <libavutil/error.h>
#include <string.h>

#include "media/bytes.h"

/* The container is RIFF: chunks of four characters, a size of four bytes, and so many bytes padded to an even number
 * (RFC 9649). The first is VP8X with flags and the canvas, each frame is an ANMF. */
enum { FILE_HEAD = 12, CHUNK = 8, CANVAS = 10 /* size of VP8X */, FRAME = 16 /* what an ANMF begins with */ };

/* Of a file of one picture, in front of the picture's own chunks. */
enum { PICTURE_HEAD = FILE_HEAD + CHUNK + CANVAS };

/* Far above any picture of 16384 pixels a side. */
#define LARGEST (UINT32_C(1) << 30)

static int fail(struct ps_webp *webp, const char *problem)
{
    webp->problem = problem;
    return AVERROR_INVALIDDATA;
}

static bool refuse(struct ps_webp *webp, const char *problem)
{
    fail(webp, problem);
    return false;
}

bool ps_webp_open(struct ps_webp *webp, const uint8_t *bytes, uint64_t size)
{
    const uint8_t is_animated = 0x02;
    *webp = (struct ps_webp){.bytes = bytes, .size = size};
    if (size < FILE_HEAD + CHUNK + CANVAS || memcmp(bytes, "RIFF", 4) || memcmp(bytes + 8, "WEBP", 4) ||
        ps_le32(bytes + 4) + (uint64_t)CHUNK != size)
        return refuse(webp, "it does not begin as a WebP file of its size");
    const uint8_t *canvas = bytes + FILE_HEAD + CHUNK;
    if (memcmp(bytes + FILE_HEAD, "VP8X", 4) || ps_le32(bytes + FILE_HEAD + 4) != CANVAS ||
        !(canvas[0] & is_animated))
        return refuse(webp, "it is no animation");
    webp->width = ps_le24(canvas + 4) + 1;
    webp->height = ps_le24(canvas + 7) + 1;
    webp->at = PICTURE_HEAD;
    return true;
}

static void put_le32(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

/* A file of one picture; `frame` is the body of an ANMF of `size` bytes. */
static int make_picture(AVPacket *packet, const uint8_t *frame, uint32_t size)
{
    const uint8_t has_alpha = 0x10;
    const uint32_t picture = size - FRAME;
    if (av_new_packet(packet, (int)(picture + PICTURE_HEAD)))
        return AVERROR(ENOMEM);
    uint8_t *to = packet->data;
    memcpy(to, "RIFF", 4);
    put_le32(to + 4, picture + PICTURE_HEAD - CHUNK);
    memcpy(to + 8, "WEBPVP8X", 8);
    put_le32(to + 16, CANVAS);
    put_le32(to + 20, memcmp(frame + FRAME, "ALPH", 4) ? 0 : has_alpha);
    memcpy(to + 24, frame + 6, 6); /* width and height less one, three bytes each, as in a frame */
    memcpy(to + PICTURE_HEAD, frame + FRAME, picture);
    return 0;
}

static int take_frame(struct ps_webp *webp, AVPacket *packet, const uint8_t *frame, uint32_t size)
{
    if (size < FRAME + CHUNK || size > LARGEST)
        return fail(webp, "a frame has no possible size");
    webp->across = ps_le24(frame + 6) + 1;
    webp->down = ps_le24(frame + 9) + 1;
    if (2 * ps_le24(frame) + webp->across > webp->width || 2 * ps_le24(frame + 3) + webp->down > webp->height)
        return fail(webp, "a frame is larger than the clip");
    webp->frames++;
    webp->milliseconds += ps_le24(frame + 12);
    return make_picture(packet, frame, size);
}

int ps_webp_next(struct ps_webp *webp, AVPacket *packet)
{
    while (webp->at < webp->size) {
        if (webp->size - webp->at < CHUNK)
            return fail(webp, "it ends too early");
        const uint8_t *chunk = webp->bytes + webp->at;
        const uint32_t size = ps_le32(chunk + 4);
        const uint64_t padded = (uint64_t)size + size % 2;
        if (padded > webp->size - webp->at - CHUNK)
            return fail(webp, "it ends too early");
        if (!memcmp(chunk, "ANMF", 4)) {
            const int code = take_frame(webp, packet, chunk + CHUNK, size);
            webp->at += code ? 0 : CHUNK + padded;
            return code;
        }
        webp->at += CHUNK + padded;
    }
    return AVERROR_EOF;
}
