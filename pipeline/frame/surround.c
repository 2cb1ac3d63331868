/* The inner picture is halved again and again (Burt and Adelson 1983, "The Laplacian pyramid"). A pixel
 * outside takes the colour at its mirrored place from the two halvings that are nearest to the blur that its
 * distance asks for. Whole numbers throughout: the same bytes on every machine. */
#include "frame/surround.h"

#include <math.h>
#include <stdlib.h>

enum {
    MAX_LEVELS = 8,
    DEPTH = 3,    /* one in so many pixels of a side is mirrored at most */
    COARSEST = 3, /* pixels a side of the coarsest level, at least */
    ONE = 256     /* of the fixed point of samples and of weights */
};

/* One halving: samples [height, width, 3] in 256ths of a level. */
struct level {
    uint32_t width, height;
    uint16_t *samples;
    uint16_t *line; /* [width, 3]: between two rows, for the row of the frame that is being filled */
};

/* Two neighbours on a level's axis and the share of the second. */
struct between {
    uint32_t first, second, share;
};

/* Of one column or row of the frame: its mirrored place in the inner picture, where that is in every level, and
 * how far out it is. */
struct mirror {
    uint32_t place;
    uint32_t distance; /* pixels; 0 inside */
    struct between at[MAX_LEVELS];
};

/* Where to sample at a distance: level and the share of the next one. */
struct blur {
    uint32_t level, share;
};

struct ps_surround {
    struct ps_size frame;
    struct ps_rect inner;
    uint32_t level_count;
    struct level levels[MAX_LEVELS];
    struct mirror *columns, *rows;
    struct blur *blurs; /* by distance */
    uint16_t *halved;   /* a level halved across alone */
};

static struct mirror mirrored(uint32_t at, uint32_t start, uint32_t size)
{
    const uint32_t end = start + size, deepest = size / DEPTH;
    const uint32_t out = at < start ? start - at : at >= end ? at - end + 1 : 0;
    if (!out)
        return (struct mirror){.place = at - start};
    /* The outermost pixel is the first to be repeated. The image slows down and never gets deeper than a
     * share of the picture: a second product is not wanted. */
    const uint32_t depth = (uint32_t)((uint64_t)(out - 1) * deepest / (deepest + out - 1 + !deepest));
    return (struct mirror){.place = at < start ? depth : size - 1 - depth, .distance = out};
}

static struct between find_between(uint32_t place, uint32_t level, uint32_t count)
{
    /* Middle of the pixel in the level's own pixels, in ONE-ths: (place + 1/2) / 2^level - 1/2. */
    const int64_t at = (((int64_t)place * 2 + 1) * ONE >> (level + 1)) - ONE / 2;
    if (at <= 0)
        return (struct between){0, 0, 0};
    const uint32_t first = (uint32_t)(at / ONE);
    if (first + 1 >= count)
        return (struct between){count - 1, count - 1, 0};
    return (struct between){first, first + 1, (uint32_t)(at % ONE)};
}

/* The blur is as wide as the place is far out. */
static struct blur blur_at(uint32_t distance, uint32_t level_count)
{
    const uint32_t width = (1 + distance) * ONE;
    uint32_t level = 0;
    while (level + 1 < level_count && width >= 2u * ONE << level)
        level++;
    const uint32_t share = (width >> level) - ONE;
    return (struct blur){level, share < ONE ? share : ONE};
}

static bool fill_tables(struct ps_surround *s)
{
    const uint32_t farthest = s->frame.width + s->frame.height;
    s->columns = malloc(s->frame.width * sizeof *s->columns);
    s->rows = malloc(s->frame.height * sizeof *s->rows);
    s->blurs = malloc((farthest + 1) * sizeof *s->blurs);
    if (!s->columns || !s->rows || !s->blurs)
        return false;
    for (uint32_t x = 0; x < s->frame.width; x++) {
        s->columns[x] = mirrored(x, s->inner.left, s->inner.width);
        for (uint32_t i = 0; i < s->level_count; i++)
            s->columns[x].at[i] = find_between(s->columns[x].place, i, s->levels[i].width);
    }
    for (uint32_t y = 0; y < s->frame.height; y++) {
        s->rows[y] = mirrored(y, s->inner.top, s->inner.height);
        for (uint32_t i = 0; i < s->level_count; i++)
            s->rows[y].at[i] = find_between(s->rows[y].place, i, s->levels[i].height);
    }
    for (uint32_t d = 0; d <= farthest; d++)
        s->blurs[d] = blur_at(d, s->level_count);
    return true;
}

static bool fill_levels(struct ps_surround *s)
{
    uint32_t width = s->inner.width, height = s->inner.height;
    for (s->level_count = 0; s->level_count < MAX_LEVELS; s->level_count++) {
        struct level *level = &s->levels[s->level_count];
        *level = (struct level){.width = width, .height = height};
        level->samples = malloc((size_t)width * height * 3 * sizeof *level->samples);
        level->line = malloc((size_t)width * 3 * sizeof *level->line);
        if (!level->samples || !level->line)
            return false;
        if (width < 2 * COARSEST || height < 2 * COARSEST) {
            s->level_count++;
            break;
        }
        width = (width + 1) / 2;
        height = (height + 1) / 2;
    }
    s->halved = malloc((size_t)s->inner.width * s->inner.height * 3 * sizeof *s->halved);
    return s->halved != NULL;
}

enum ps_status ps_surround_new(struct ps_surround **surround, struct ps_size frame, struct ps_rect inner,
                               struct ps_error *error)
{
    struct ps_surround *s = calloc(1, sizeof *s);
    *surround = s;
    if (s) {
        s->frame = frame;
        s->inner = inner;
    }
    if (s && fill_levels(s) && fill_tables(s))
        return PS_OK;
    ps_surround_free(surround);
    return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the surroundings of %u x %u pixels",
                   frame.width, frame.height);
}

void ps_surround_free(struct ps_surround **surround)
{
    struct ps_surround *s = *surround;
    *surround = NULL;
    if (!s)
        return;
    for (uint32_t i = 0; i < MAX_LEVELS; i++) {
        free(s->levels[i].samples);
        free(s->levels[i].line);
    }
    free(s->columns);
    free(s->rows);
    free(s->blurs);
    free(s->halved);
    free(s);
}

/* Halves `lines` lines of `count` pixels that are `step` samples apart with the weights 1 3 3 1; the edge
 * repeats. */
static void halve(uint16_t *to, size_t to_step, size_t to_line, const uint16_t *from, size_t step,
                  size_t line, uint32_t count, uint32_t lines)
{
    for (uint32_t l = 0; l < lines; l++, to += to_line, from += line)
        for (uint32_t i = 0; i < (count + 1) / 2; i++) {
            const uint32_t at = 2 * i, next = at + 1 < count ? at + 1 : count - 1;
            const uint32_t before = at ? at - 1 : 0, after = at + 2 < count ? at + 2 : count - 1;
            for (uint32_t c = 0; c < 3; c++) {
                const uint32_t sum = from[before * step + c] + 3u * from[at * step + c] +
                                     3u * from[next * step + c] + from[after * step + c];
                to[i * to_step + c] = (uint16_t)((sum + 4) / 8);
            }
        }
}

static void build_levels(struct ps_surround *s, const uint8_t *rgb)
{
    uint16_t *to = s->levels[0].samples;
    for (uint32_t y = 0; y < s->inner.height; y++) {
        const uint8_t *row = rgb + ((size_t)(s->inner.top + y) * s->frame.width + s->inner.left) * 3;
        for (uint32_t i = 0; i < s->inner.width * 3; i++)
            *to++ = (uint16_t)(row[i] * ONE);
    }
    for (uint32_t i = 1; i < s->level_count; i++) {
        const struct level *big = &s->levels[i - 1], *small = &s->levels[i];
        halve(s->halved, 3, small->width * 3u, big->samples, 3, big->width * 3u, big->width, big->height);
        halve(small->samples, small->width * 3u, 3, s->halved, small->width * 3u, 3, big->height,
              small->width);
    }
}

/* Fills the lines of all levels for a row of the frame. */
static void fill_lines(struct ps_surround *s, const struct mirror *row)
{
    for (uint32_t i = 0; i < s->level_count; i++) {
        const struct level *level = &s->levels[i];
        const struct between *down = &row->at[i];
        const size_t samples = (size_t)level->width * 3;
        const uint16_t *above = level->samples + down->first * samples;
        const uint16_t *below = level->samples + down->second * samples;
        for (size_t x = 0; x < samples; x++)
            level->line[x] = (uint16_t)((above[x] * (ONE - down->share) + below[x] * down->share) / ONE);
    }
}

static void fill_pixel(uint8_t *to, const struct ps_surround *s, const struct blur *blur,
                       const struct mirror *x)
{
    const uint32_t next = blur->level + 1 < s->level_count ? blur->level + 1 : blur->level;
    const struct between *sharp = &x->at[blur->level], *soft = &x->at[next];
    const uint16_t *sharp_line = s->levels[blur->level].line, *soft_line = s->levels[next].line;
    for (uint32_t c = 0; c < 3; c++) {
        const uint32_t a = (sharp_line[sharp->first * 3 + c] * (ONE - sharp->share) +
                            sharp_line[sharp->second * 3 + c] * sharp->share) /
                           ONE;
        const uint32_t b = (soft_line[soft->first * 3 + c] * (ONE - soft->share) +
                            soft_line[soft->second * 3 + c] * soft->share) /
                           ONE;
        const uint32_t mixed = (a * (ONE - blur->share) + b * blur->share) / ONE;
        to[c] = (uint8_t)((mixed + ONE / 2) / ONE);
    }
}

/* Whole pixels of the way out, straight or across a corner. */
static uint32_t way_out(uint32_t x, uint32_t y)
{
    return x && y ? (uint32_t)sqrt((double)x * x + (double)y * y) : x + y;
}

void ps_surround_fill(struct ps_surround *s, uint8_t *rgb)
{
    const bool sides = s->inner.width < s->frame.width;
    build_levels(s, rgb);
    for (uint32_t y = 0; y < s->frame.height; y++) {
        const struct mirror *row = &s->rows[y];
        if (!row->distance && !sides)
            continue;
        fill_lines(s, row);
        for (uint32_t x = 0; x < s->frame.width; x++) {
            const uint32_t out = way_out(s->columns[x].distance, row->distance);
            if (out)
                fill_pixel(rgb + ((size_t)y * s->frame.width + x) * 3, s, &s->blurs[out], &s->columns[x]);
        }
    }
}
