/* Blocks of a frame are looked for in the next one, in pictures of at most LONG pixels a side. */
#include <math.h>
#include <stdlib.h>

#include "quality/measure.h"
#include "quality/shrink.h"

enum { LONG = 192, BLOCK = 12, REACH = 12 };

/* Standard deviation of luma below which a block matches everywhere. */
#define TEXTURE 3.0
/* A place is better than staying only if its difference is less by this share: noise does not move. */
#define BETTER 0.9

static uint32_t longer(const struct ps_grey *grey)
{
    return grey->width > grey->height ? grey->width : grey->height;
}

static float difference(const struct ps_grey *from, const struct ps_grey *to, uint32_t x, uint32_t y, int dx,
                        int dy)
{
    float sum = 0;
    for (uint32_t j = 0; j < BLOCK; j++) {
        const float *a = from->luma + (size_t)(y + j) * from->width + x;
        const float *b = to->luma + (size_t)((int)(y + j) + dy) * to->width + (size_t)((int)x + dx);
        for (uint32_t i = 0; i < BLOCK; i++)
            sum += fabsf(a[i] - b[i]);
    }
    return sum;
}

static bool has_texture(const struct ps_grey *grey, uint32_t x, uint32_t y)
{
    double sum = 0, squares = 0;
    for (uint32_t j = 0; j < BLOCK; j++)
        for (uint32_t i = 0; i < BLOCK; i++) {
            const double luma = (double)grey->luma[(size_t)(y + j) * grey->width + x + i];
            sum += luma;
            squares += luma * luma;
        }
    const double count = BLOCK * BLOCK, mean = sum / count;
    return squares / count - mean * mean > TEXTURE * TEXTURE;
}

/* A block and the picture in which it is looked for. */
struct hunt {
    const struct ps_grey *from, *to;
    uint32_t x, y;
};

/* HUGE_VALF where the place lies outside. */
static float difference_at(const struct hunt *hunt, int dx, int dy)
{
    const int x = (int)hunt->x + dx, y = (int)hunt->y + dy;
    if (x < 0 || y < 0 || x + BLOCK > (int)hunt->to->width || y + BLOCK > (int)hunt->to->height)
        return HUGE_VALF;
    return difference(hunt->from, hunt->to, hunt->x, hunt->y, dx, dy);
}

/* Where between its neighbours the least of three lies, -0.5 to 0.5: sums of differences rise in straight lines on
 * both sides of it. */
static double between(float before, float least, float after)
{
    const float highest = fmaxf(before, after);
    return isfinite(highest) && highest > least ? 0.5 * (double)((before - after) / (highest - least)) : 0;
}

/* Pixels that the block goes. */
static double way_of(const struct hunt *hunt)
{
    const int reach = (int)(longer(hunt->from) * REACH / LONG);
    float least = difference_at(hunt, 0, 0) * (float)BETTER;
    int x = 0, y = 0;
    for (int dy = -reach; dy <= reach; dy++)
        for (int dx = -reach; dx <= reach; dx++) {
            const float found = difference_at(hunt, dx, dy);
            if (found >= least)
                continue;
            least = found;
            x = dx;
            y = dy;
        }
    least = difference_at(hunt, x, y);
    return hypot(x + between(difference_at(hunt, x - 1, y), least, difference_at(hunt, x + 1, y)),
                 y + between(difference_at(hunt, x, y - 1), least, difference_at(hunt, x, y + 1)));
}

/* Mean over the blocks with texture, in pixels. */
static double mean_way(const struct ps_grey *from, const struct ps_grey *to)
{
    double sum = 0;
    uint32_t count = 0;
    for (uint32_t y = 0; y + BLOCK <= from->height; y += BLOCK)
        for (uint32_t x = 0; x + BLOCK <= from->width; x += BLOCK) {
            if (!has_texture(from, x, y))
                continue;
            sum += way_of(&(struct hunt){from, to, x, y});
            count++;
        }
    return count ? sum / count : 0;
}

/* The frame, small, less its mean: light that changes everywhere is no motion. */
static enum ps_status shrink_frame(struct ps_grey *grey, const struct ps_frames *frames, uint32_t frame,
                                   struct ps_error *error)
{
    const uint32_t side = frames->width > frames->height ? frames->width : frames->height;
    double sum = 0;
    if (ps_shrink(grey, (uint32_t)((uint64_t)frames->width * LONG / side),
                  (uint32_t)((uint64_t)frames->height * LONG / side), ps_frames_at(frames, frame),
                  frames->width, frames->height, error))
        return PS_ERR_MEMORY;
    const size_t count = (size_t)grey->width * grey->height;
    for (size_t i = 0; i < count; i++)
        sum += (double)grey->luma[i];
    for (size_t i = 0; i < count; i++)
        grey->luma[i] -= (float)(sum / (double)count);
    return PS_OK;
}

enum ps_status ps_measure_motion(double *motion, const struct ps_frames *frames, struct ps_error *error)
{
    struct ps_grey before = {0}, after = {0};
    double sum = 0;
    *motion = 0;
    enum ps_status status = shrink_frame(&before, frames, 0, error);
    for (uint32_t f = 1; !status && f < frames->count; f++) {
        status = shrink_frame(&after, frames, f, error);
        if (!status)
            sum += mean_way(&before, &after);
        free(before.luma);
        before = after;
        after.luma = NULL;
    }
    if (!status && frames->count > 1)
        *motion = sum / (frames->count - 1) / longer(&before);
    free(before.luma);
    return status;
}
