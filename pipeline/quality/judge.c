/* Thresholds, and why they are where they are. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "quality/measure.h"

/* Mean luma of 255 below which a frame is black to the eye on a screen in a room; one of a photo that is itself
 * less than twice as bright is meant to be dark. */
#define BLACK 12.0
/* Share of the photo's standard deviation of luma below which nothing is left of the picture; a tenth is a picture
 * behind thick fog. A photo with less than FAINT levels has nothing to lose. */
#define FLAT 0.1
#define FAINT 4.0
/* Mean change of luma, in levels, of two frames that are the same: the decoder's own noise changes more than one
 * pixel in twenty by a level. */
#define STILL 0.05
/* Share of the clip that may stand still in a row: a slow start is seen as one, more as a photo. */
#define FROZEN 0.25
/* Levels of amplitude of what alternates from frame to frame: 1 is 2 levels up and down, one percent of a mid grey,
 * which is about where flicker at five to ten hertz is seen. */
#define FLICKER 1.0
/* Share of the longer side that the picture goes from a frame to the next: at 3 % and 7 frames a second it crosses
 * the frame in under five seconds, in jumps of 30 pixels of 1024 that no longer look like motion. */
#define MOTION 0.03
/* Less than half of the product's luma correlates with the photo's: another side of it, or another thing. */
#define DRIFT 0.5
/* In CIELAB, hue counting most (drift.c): 2.3 is just seen side by side, ten is another colour of the product. */
#define COLOUR 10.0

static PS_PRINTF(5, 6) void find(struct ps_quality *quality, const char *id, double figure, double limit,
                                 const char *format, ...)
{
    struct ps_finding *finding = &quality->findings[quality->finding_count++];
    va_list arguments;
    finding->figure = figure;
    finding->limit = limit;
    snprintf(finding->id, sizeof finding->id, "%s", id);
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
}

/* Counts black and flat frames against the photo, or where there is none against the brightest and the richest
 * frame. */
static void count_lost(struct ps_quality *quality, const struct ps_light *light, uint32_t frames,
                       const struct ps_light *photo)
{
    struct ps_light reference = {0};
    for (uint32_t f = 0; f < frames && !photo; f++) {
        reference.mean = fmax(reference.mean, light[f].mean);
        reference.deviation = fmax(reference.deviation, light[f].deviation);
    }
    if (photo)
        reference = *photo;
    for (uint32_t f = 0; f < frames; f++) {
        const bool black = light[f].mean < BLACK && reference.mean >= 2 * BLACK;
        const bool flat = light[f].deviation < FLAT * reference.deviation && reference.deviation >= FAINT;
        quality->black_frames += black;
        quality->flat_frames += flat && !black;
    }
}

static void judge(struct ps_quality *quality, uint32_t frames)
{
    const double frozen = frames > 1 ? (double)quality->frozen_frames / (frames - 1) : 0;
    if (quality->not_finite)
        find(quality, "quality.not-finite", (double)quality->not_finite, 0,
             "%llu values that the decoder gave are no numbers", (unsigned long long)quality->not_finite);
    if (quality->black_frames)
        find(quality, "quality.black", quality->black_frames, 0, "%u of %u frames are black",
             quality->black_frames, frames);
    if (quality->flat_frames)
        find(quality, "quality.flat", quality->flat_frames, 0, "%u of %u frames show nothing of the picture",
             quality->flat_frames, frames);
    if (frozen > FROZEN)
        find(quality, "quality.frozen", quality->frozen_frames, FROZEN * (frames - 1),
             "%u frames in a row stand still; up to %.0f would do", quality->frozen_frames,
             floor(FROZEN * (frames - 1)));
    if (quality->flicker > FLICKER)
        find(quality, "quality.flicker", quality->flicker, FLICKER,
             "the light flickers by %.1f levels; up to %.1f is not seen", quality->flicker, FLICKER);
    if (quality->motion > MOTION)
        find(quality, "quality.motion", quality->motion, MOTION,
             "the picture moves by %.1f %% of its side a frame; up to %.1f %% looks like motion",
             100 * quality->motion, 100 * MOTION);
    if (quality->drift > DRIFT)
        find(quality, "quality.drift", quality->drift, DRIFT,
             "the product differs from the photo by %.2f; up to %.2f is the same product", quality->drift,
             DRIFT);
    if (quality->colour_drift > COLOUR)
        find(quality, "quality.colour", quality->colour_drift, COLOUR,
             "the product's colour is %.1f from the photo's (CIELAB); up to %.1f is the same colour",
             quality->colour_drift, COLOUR);
}

static enum ps_status measure_light(struct ps_quality *quality, const struct ps_frames *frames,
                                    const struct ps_frames *photo, struct ps_error *error)
{
    const size_t pixels = (size_t)frames->width * frames->height;
    struct ps_light *light = malloc(frames->count * sizeof *light);
    if (!light)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to measure a clip");
    for (uint32_t f = 0; f < frames->count; f++)
        light[f] = ps_measure_light(ps_frames_at(frames, f), pixels);
    const struct ps_light seen = photo->rgb ? ps_measure_light(photo->rgb, pixels) : (struct ps_light){0};
    count_lost(quality, light, frames->count, photo->rgb ? &seen : NULL);
    const struct ps_steadiness steadiness = ps_measure_steadiness(frames, light, STILL);
    quality->frozen_frames = steadiness.frozen;
    quality->flicker = steadiness.flicker;
    free(light);
    return PS_OK;
}

enum ps_status ps_clip_measure(struct ps_quality *quality, const struct ps_clip *clip, struct ps_error *error)
{
    const struct ps_frames frames = {clip->width, clip->height, clip->frames, clip->rgb};
    const struct ps_frames photo = {clip->width, clip->height, 1, clip->photo};
    struct ps_drift drift = {0};
    *quality = (struct ps_quality){.not_finite = clip->not_finite, .drift = -1, .colour_drift = -1};
    enum ps_status status = measure_light(quality, &frames, &photo, error);
    if (!status)
        status = ps_measure_motion(&quality->motion, &frames, error);
    if (!status && photo.rgb)
        status = ps_measure_drift(&drift, &frames, &photo, clip->photo_alpha, error);
    if (drift.measured) {
        quality->drift = drift.shape;
        quality->colour_drift = drift.colour;
    }
    if (!status)
        judge(quality, frames.count);
    return status;
}
