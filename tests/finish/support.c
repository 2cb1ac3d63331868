#include "finish/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/photo.h"
#include "media/png_maker.h"

struct ps_clip *moving_ball(uint32_t width, uint32_t height, uint32_t frames, uint32_t fps)
{
    struct ps_clip *clip = NULL;
    struct ps_error error = {0};
    assert_ok(ps_clip_new(&clip, width, height, frames, fps, &error), error);
    for (uint32_t f = 0; f < frames; f++) {
        uint8_t *to = ps_clip_frame_pixels(clip, f);
        const double x0 = width * (f + 1.0) / (frames + 1.0), y0 = height / 2.0, radius = height / 4.0;
        for (uint32_t y = 0; y < height; y++)
            for (uint32_t x = 0; x < width; x++) {
                const double edge = radius - hypot(x - x0, y - y0), ball = edge < -2  ? 0
                                                                           : edge > 2 ? 1
                                                                                      : (edge + 2) / 4;
                const double ramp[3] = {60.0 + 120.0 * x / width, 80.0 + 100.0 * y / height, 130.0};
                for (size_t c = 0; c < 3; c++)
                    *to++ = (uint8_t)(ramp[c] * (1 - 0.5 * ball) + 0.5);
            }
    }
    assert_null(ps_clip_frame_pixels(clip, frames));
    assert_null(ps_clip_frame(clip, frames));
    return clip;
}

struct ps_clip *grey_clip(uint32_t width, uint32_t height, const uint8_t *levels, uint32_t frames,
                          uint32_t fps)
{
    struct ps_clip *clip = NULL;
    struct ps_error error = {0};
    assert_ok(ps_clip_new(&clip, width, height, frames, fps, &error), error);
    for (uint32_t f = 0; f < frames; f++)
        memset(ps_clip_frame_pixels(clip, f), levels[f], (size_t)width * height * 3);
    return clip;
}

void fill_noise(struct ps_clip *clip)
{
    uint32_t random = 1;
    for (size_t i = 0; i < (size_t)clip->width * clip->height * 3 * clip->frames; i++)
        clip->rgb[i] = (uint8_t)((random = random * 1664525u + 1013904223u) >> 24);
}

struct ps_photo *flat_photo(uint32_t width, uint32_t height, uint32_t colour)
{
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    uint8_t *rgb = malloc((size_t)width * height * 3);
    assert_non_null(rgb);
    for (size_t i = 0; i < (size_t)width * height; i++) {
        rgb[i * 3] = (uint8_t)(colour >> 16);
        rgb[i * 3 + 1] = (uint8_t)(colour >> 8);
        rgb[i * 3 + 2] = (uint8_t)colour;
    }
    assert_ok(ps_photo_from_rgb(&photo, rgb, width, height, &error), error);
    free(rgb);
    return photo;
}

struct ps_photo *half_photo(uint32_t width, uint32_t height, uint32_t colour)
{
    struct ps_photo *photo = NULL;
    struct ps_error error = {0};
    uint16_t *samples = calloc((size_t)width * height * 4, sizeof *samples);
    assert_non_null(samples);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            uint16_t *to = samples + ((size_t)y * width + x) * 4;
            to[0] = colour >> 16 & 0xff;
            to[1] = colour >> 8 & 0xff;
            to[2] = colour & 0xff;
            to[3] = x < width / 2 ? 255 : 0;
        }
    const struct png_plan plan = {
        .width = width, .height = height, .depth = 8, .colour = PNG_COLOR_TYPE_RGB_ALPHA, .samples = samples};
    struct ps_file file = make_png(&plan);
    assert_ok(ps_photo_decode(&photo, &file, NULL, &error), error);
    free(file.bytes);
    free(samples);
    return photo;
}
