/* The product's part of the photo is looked for in frames of the clip, in small pictures of luma. */
#include <math.h>
#include <stdlib.h>

#include "frame/product.h"
#include "quality/measure.h"
#include "quality/shrink.h"

/* Pixels of the product's longer side in the small pictures, and frames that are looked at. */
enum { SIDE = 28, LOOKS = 8, SIZES = 5 };

/* Pixels of the longer side of the small pictures, however small the product. */
#define LONGEST 256.0

/* Standard deviation of luma in the product's box that a correlation needs. */
#define CONTRAST 3.0

/* A light that travels over a product makes it brighter and darker, and its gloss takes chroma away, but it does not turn
 * the hue: these weigh differences of lightness and chroma as the parametric factors of CIE 1994 do (1 there, 2 for
 * lightness in textiles). */
#define LIGHTNESS_FACTOR 4.0
#define CHROMA_FACTOR 2.0

static const double sizes[SIZES] = {1, 0.8, 0.9, 1.12, 1.25};

/* The box of the photo at one size, less its mean, and the root of the sum of its squares. */
struct pattern {
    uint32_t width, height;
    uint32_t left, top; /* where it is in the photo, in pixels of the small pictures */
    float *luma;
    double norm;
};

struct search {
    const struct ps_frames *frames;
    struct ps_rect box; /* of the photo, in its pixels */
    double scale;       /* from the clip's pixels to those of the small pictures */
    struct pattern patterns[SIZES];
    double linear[256]; /* of sRGB values */
};

/* The best place of a pattern in a frame. */
struct place {
    double correlation;
    uint32_t left, top, size;
};

static uint32_t scaled(uint32_t pixels, double scale)
{
    const double rounded = floor(pixels * scale + 0.5);
    return rounded > 1 ? (uint32_t)rounded : 1;
}

/* The pattern is cut from the photo at its own size, so that a product nearer to the camera finds its like. */
static enum ps_status make_pattern(struct pattern *pattern, const struct search *search, const uint8_t *photo,
                                   double size, struct ps_error *error)
{
    const struct ps_rect *box = &search->box;
    const uint32_t width = search->frames->width;
    uint8_t *cut = malloc((size_t)box->width * box->height * 3);
    struct ps_grey grey = {0};
    if (!cut)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to measure a clip");
    for (size_t y = 0; y < box->height; y++)
        for (size_t i = 0; i < (size_t)box->width * 3; i++)
            cut[y * box->width * 3 + i] = photo[((box->top + y) * width + box->left) * 3 + i];
    const enum ps_status status =
        ps_shrink(&grey, scaled(box->width, search->scale * size), scaled(box->height, search->scale * size),
                  cut, box->width, box->height, error);
    free(cut);
    *pattern = (struct pattern){grey.width,
                                grey.height,
                                (uint32_t)(box->left * search->scale),
                                (uint32_t)(box->top * search->scale),
                                grey.luma,
                                0};
    const size_t count = (size_t)grey.width * grey.height;
    double sum = 0, squares = 0;
    for (size_t i = 0; !status && i < count; i++)
        sum += (double)grey.luma[i];
    for (size_t i = 0; !status && i < count; i++) {
        grey.luma[i] -= (float)(sum / (double)count);
        squares += (double)grey.luma[i] * (double)grey.luma[i];
    }
    pattern->norm = sqrt(squares);
    return status;
}

/* Normalised correlation of the pattern with the frame at a place; 0 where the frame is flat. */
static double correlate(const struct pattern *pattern, const struct ps_grey *frame, uint32_t left,
                        uint32_t top)
{
    double sum = 0, squares = 0, product = 0;
    for (uint32_t y = 0; y < pattern->height; y++) {
        const float *a = pattern->luma + (size_t)y * pattern->width;
        const float *b = frame->luma + (size_t)(top + y) * frame->width + left;
        float row_sum = 0, row_squares = 0, row_product = 0;
        for (uint32_t x = 0; x < pattern->width; x++) {
            row_sum += b[x];
            row_squares += b[x] * b[x];
            row_product += a[x] * b[x];
        }
        sum += (double)row_sum;
        squares += (double)row_squares;
        product += (double)row_product;
    }
    const double count = (double)pattern->width * pattern->height;
    const double variance = squares - sum * sum / count;
    return variance > count * 0.25 ? product / (pattern->norm * sqrt(variance)) : 0;
}

static void try_size(struct place *best, const struct pattern *pattern, uint32_t size,
                     const struct ps_grey *frame)
{
    if (pattern->width > frame->width || pattern->height > frame->height)
        return;
    const uint32_t reach_x = frame->width / 4, reach_y = frame->height / 4;
    const uint32_t last_x = frame->width - pattern->width, last_y = frame->height - pattern->height;
    const uint32_t top = pattern->top > reach_y ? pattern->top - reach_y : 0;
    const uint32_t left = pattern->left > reach_x ? pattern->left - reach_x : 0;
    for (uint32_t y = top; y <= last_y && y <= pattern->top + reach_y; y++)
        for (uint32_t x = left; x <= last_x && x <= pattern->left + reach_x; x++) {
            const double correlation = correlate(pattern, frame, x, y);
            if (correlation > best->correlation)
                *best = (struct place){correlation, x, y, size};
        }
}

/* The colour of a part of a picture, in CIELAB for D65: its mean lightness L*, and the means of a* and b* divided by
 * (L* + 16) / 116. Brighter or darker light on a pixel multiplies X, Y and Z alike and leaves those quotients. */
struct colour {
    double lightness, a, b;
};

static void fill_linear(double linear[256])
{
    for (int i = 0; i < 256; i++) {
        const double value = i / 255.0;
        linear[i] = value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
    }
}

static void add_pixel(struct colour *sum, const uint8_t *rgb, const double linear[256])
{
    static const double rows[3][3] = {{0.4124 / 0.9505, 0.3576 / 0.9505, 0.1805 / 0.9505},
                                      {0.2126, 0.7152, 0.0722},
                                      {0.0193 / 1.089, 0.1192 / 1.089, 0.9505 / 1.089}};
    double f[3];
    for (int i = 0; i < 3; i++) {
        const double t =
            rows[i][0] * linear[rgb[0]] + rows[i][1] * linear[rgb[1]] + rows[i][2] * linear[rgb[2]];
        f[i] = t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
    }
    sum->lightness += 116 * f[1] - 16;
    sum->a += 500 * (f[0] / f[1] - 1);
    sum->b += 200 * (1 - f[2] / f[1]);
}

static struct colour mean_colour(const struct search *search, const uint8_t *rgb, const struct ps_rect *at)
{
    const double count = (double)at->width * at->height;
    struct colour sum = {0};
    for (size_t y = at->top; y < (size_t)at->top + at->height; y++)
        for (size_t x = at->left; x < (size_t)at->left + at->width; x++)
            add_pixel(&sum, rgb + (y * search->frames->width + x) * 3, search->linear);
    return (struct colour){sum.lightness / count, sum.a / count, sum.b / count};
}

/* In units of CIELAB, under the photo's light. */
static double colour_difference(const struct colour *seen, const struct colour *photo)
{
    const double light = (photo->lightness + 16) / 116;
    const double chroma = light * (hypot(seen->a, seen->b) - hypot(photo->a, photo->b)),
                 both = light * hypot(seen->a - photo->a, seen->b - photo->b),
                 hue = sqrt(fmax(both * both - chroma * chroma, 0)),
                 lightness = seen->lightness - photo->lightness;
    return hypot(hue, hypot(chroma / CHROMA_FACTOR, lightness / LIGHTNESS_FACTOR));
}

/* The place in the clip's pixels. */
static struct ps_rect rect_of(const struct search *search, const struct place *place)
{
    const struct pattern *pattern = &search->patterns[place->size];
    const uint32_t width = search->frames->width, height = search->frames->height;
    struct ps_rect rect = {(uint32_t)(place->left / search->scale), (uint32_t)(place->top / search->scale),
                           scaled(pattern->width, 1 / search->scale),
                           scaled(pattern->height, 1 / search->scale)};
    rect.left = rect.left < width ? rect.left : width - 1;
    rect.top = rect.top < height ? rect.top : height - 1;
    rect.width = rect.width < width - rect.left ? rect.width : width - rect.left;
    rect.height = rect.height < height - rect.top ? rect.height : height - rect.top;
    return rect;
}

/* The middle of a box, where there is little but product. */
static struct ps_rect heart(const struct ps_rect *box)
{
    const uint32_t x = box->width / 5, y = box->height / 5;
    return (struct ps_rect){box->left + x, box->top + y, box->width - 2 * x, box->height - 2 * y};
}

/* Of the product at the place where it was found, or where it was in the photo: where light changes its shading the place
 * is uncertain, and a product of another colour has that at both. */
static double nearest_colour(const struct search *search, const uint8_t *rgb, const struct place *found,
                             const struct colour *photo)
{
    const struct ps_rect boxes[] = {search->box,
                                    found->correlation > 0 ? rect_of(search, found) : search->box};
    double least = HUGE_VAL;
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        const struct ps_rect middle = heart(&boxes[i]);
        const struct colour seen = mean_colour(search, rgb, &middle);
        least = fmin(least, colour_difference(&seen, photo));
    }
    return least;
}

/* Adds one frame to the drift. */
static enum ps_status look(struct ps_drift *drift, const struct search *search, uint32_t frame,
                           const struct colour *photo, struct ps_error *error)
{
    const struct ps_frames *frames = search->frames;
    const uint8_t *rgb = ps_frames_at(frames, frame);
    struct ps_grey grey;
    struct place best = {0};
    if (ps_shrink(&grey, scaled(frames->width, search->scale), scaled(frames->height, search->scale), rgb,
                  frames->width, frames->height, error))
        return PS_ERR_MEMORY;
    for (uint32_t i = 0; i < SIZES; i++)
        try_size(&best, &search->patterns[i], i, &grey);
    free(grey.luma);
    drift->shape = fmax(drift->shape, 1 - best.correlation);
    drift->colour = fmax(drift->colour, nearest_colour(search, rgb, &best, photo));
    return PS_OK;
}

static struct ps_rect pixels_of(const struct ps_box *box, uint32_t width, uint32_t height)
{
    struct ps_rect rect = {(uint32_t)(box->left * width), (uint32_t)(box->top * height), 0, 0};
    rect.width = (uint32_t)ceil(box->right * width) - rect.left;
    rect.height = (uint32_t)ceil(box->bottom * height) - rect.top;
    return rect;
}

enum ps_status ps_measure_drift(struct ps_drift *drift, const struct ps_frames *frames,
                                const struct ps_frames *photo, const uint8_t *alpha, struct ps_error *error)
{
    struct ps_product product;
    *drift = (struct ps_drift){0};
    if (ps_find_product(&product, photo->rgb, alpha, photo->width, photo->height, error))
        return PS_ERR_MEMORY;
    struct search search = {.frames = frames, .box = pixels_of(&product.box, photo->width, photo->height)};
    const uint32_t side = search.box.width > search.box.height ? search.box.width : search.box.height;
    search.scale = fmin(fmin((double)SIDE / side,
                             LONGEST / (frames->width > frames->height ? frames->width : frames->height)),
                        1);
    enum ps_status status = PS_OK;
    for (uint32_t i = 0; i < SIZES && !status; i++)
        status = make_pattern(&search.patterns[i], &search, photo->rgb, sizes[i], error);
    const struct pattern *first = &search.patterns[0];
    drift->measured =
        !status && product.found && first->norm > CONTRAST * sqrt((double)first->width * first->height);
    fill_linear(search.linear);
    const struct ps_rect middle = heart(&search.box);
    const struct colour colour = mean_colour(&search, photo->rgb, &middle);
    const uint32_t looks = frames->count < LOOKS ? frames->count : LOOKS;
    for (uint32_t i = 0; i < looks && drift->measured && !status; i++)
        status =
            look(drift, &search, looks > 1 ? (uint32_t)((uint64_t)i * (frames->count - 1) / (looks - 1)) : 0,
                 &colour, error);
    for (uint32_t i = 0; i < SIZES; i++)
        free(search.patterns[i].luma);
    return status;
}
