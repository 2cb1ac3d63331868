/* Brings a packed matrix of run/weight.h, [taps][rows / 4][columns][4], into the panels of tile.h. */
#include "base/checked.h"
#include "cpu/tile.h"
#include "cpu/vec.h"

struct pack_work {
    struct ps_tensor t;
    const char *from;
    char *to;
    uint32_t panels;
};

/* Four factors each of `width` columns: bf16 and q8 to two rows of pairs, else to four rows. */
PS_INLINE void pack_quad(enum ps_type type, const char *from, uint32_t width, char *to)
{
    if (type == PS_BF16) {
        const uint32_t *pairs = (const uint32_t *)(const void *)from;
        uint32_t *rows = (uint32_t *)(void *)to;
        for (uint32_t c = 0; c < width; c++) {
            rows[c] = pairs[2 * c];
            rows[width + c] = pairs[2 * c + 1];
        }
    } else if (type == PS_Q8) {
        const uint16_t *pairs = (const uint16_t *)(const void *)from;
        uint16_t *rows = (uint16_t *)(void *)to;
        for (uint32_t c = 0; c < width; c++) {
            rows[c] = pairs[2 * c];
            rows[width + c] = pairs[2 * c + 1];
        }
    } else if (type == PS_F16) {
        const uint16_t *quads = (const uint16_t *)(const void *)from;
        uint16_t *rows = (uint16_t *)(void *)to;
        for (uint32_t c = 0; c < width; c++)
            for (uint32_t i = 0; i < 4; i++)
                rows[i * width + c] = quads[4 * c + i];
    } else {
        const float *quads = (const float *)(const void *)from;
        float *rows = (float *)(void *)to;
        for (uint32_t c = 0; c < width; c++)
            for (uint32_t i = 0; i < 4; i++)
                rows[i * width + c] = quads[4 * c + i];
    }
}

PS_INLINE void pack_panel(enum ps_type type, const struct pack_work *work, uint32_t tap, uint32_t panel)
{
    const struct ps_tensor t = work->t;
    const uint64_t quad = 4 * ps_type_bytes(type);
    const uint32_t column = panel * PS_PANEL, width = (uint32_t)ps_min_u64(PS_PANEL, t.w - column);
    const char *from = work->from + ((uint64_t)tap * t.h * t.w + column) * quad;
    char *to = work->to + ((uint64_t)column * t.n + (uint64_t)tap * width) * t.h * quad;
    for (uint32_t q = 0; q < t.h; q++, from += t.w * quad, to += width * quad)
        pack_quad(type, from, width, to);
}

static void task(void *user, uint32_t index, void *scratch)
{
    (void)scratch;
    const struct pack_work *work = user;
    if (work->t.type == PS_Q8)
        pack_panel(PS_Q8, work, index / work->panels, index % work->panels);
    else
        V_TYPED(work->t.type, pack_panel, work, index / work->panels, index % work->panels);
}

void PS_NAME(pack)(struct ps_pool *pool, struct ps_tensor t, const void *from, void *to)
{
    const uint64_t scales = ps_scale_bytes(t);
    struct pack_work work = {.t = t,
                             .from = (const char *)from + scales,
                             .to = (char *)to + scales,
                             .panels = ps_div_up(t.w, PS_PANEL)};
    memcpy(to, from, scales);
    ps_pool_run(pool, task, &work, t.n * work.panels);
}
