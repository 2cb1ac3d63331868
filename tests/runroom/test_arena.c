#include "runroom/suite.h"

#include "run/arena.h"
#include "tensor/tensor.h"

#define KIB 1024ull
#define AT(segment, bytes) ((uint64_t)(segment) << PS_SEGMENT_SHIFT | (bytes))

static void first_fit(void **state)
{
    (void)state;
    struct ps_arena arena;
    ps_arena_init(&arena, 64 * KIB);
    const uint64_t a = ps_arena_take(&arena, 1 * KIB);
    const uint64_t b = ps_arena_take(&arena, 2 * KIB);
    const uint64_t c = ps_arena_take(&arena, 1 * KIB);
    assert_int_equal(a, 0);
    assert_int_equal(b, 1 * KIB);
    assert_int_equal(c, 3 * KIB);
    ps_arena_give(&arena, b);
    assert_int_equal(arena.used, 2 * KIB);
    assert_int_equal(ps_arena_take(&arena, 3 * KIB), 4 * KIB);
    assert_int_equal(ps_arena_take(&arena, 1), 1 * KIB);
    assert_int_equal(ps_arena_take(&arena, 2 * KIB - PS_ALIGNMENT), 1 * KIB + PS_ALIGNMENT);
    assert_int_equal(ps_arena_peak(&arena), 7 * KIB);
    ps_arena_free(&arena);
}

static void peaks_stay(void **state)
{
    (void)state;
    struct ps_arena arena;
    ps_arena_init(&arena, 64 * KIB);
    const uint64_t a = ps_arena_take(&arena, 10 * KIB), b = ps_arena_take(&arena, 20 * KIB);
    ps_arena_give(&arena, a);
    ps_arena_give(&arena, b);
    assert_int_equal(arena.used, 0);
    assert_int_equal(arena.live_count, 0);
    assert_int_equal(ps_arena_peak(&arena), 30 * KIB);
    assert_int_equal(ps_arena_take(&arena, 5 * KIB), 0);
    assert_int_equal(ps_arena_peak(&arena), 30 * KIB);
    ps_arena_free(&arena);
}

static void segments(void **state)
{
    (void)state;
    struct ps_arena arena;
    ps_arena_init(&arena, 4 * KIB + 100);
    assert_int_equal(arena.segment_limit, 4 * KIB);
    assert_int_equal(ps_arena_take(&arena, 3 * KIB), AT(0, 0));
    assert_int_equal(ps_arena_take(&arena, 2 * KIB), AT(1, 0));
    assert_int_equal(ps_arena_take(&arena, 1 * KIB), AT(0, 3 * KIB));
    assert_int_equal(ps_arena_take(&arena, 4 * KIB), AT(2, 0));
    assert_int_equal(ps_arena_take(&arena, 2 * KIB), AT(1, 2 * KIB));
    assert_int_equal(ps_arena_take(&arena, 4 * KIB + 1), PS_NO_OFFSET);
    assert_int_equal(ps_arena_take(&arena, UINT64_MAX), PS_NO_OFFSET);
    ps_arena_give(&arena, AT(1, 0));
    assert_int_equal(ps_arena_take(&arena, 1), AT(1, 0));
    assert_int_equal(arena.segments, 3);
    assert_int_equal(ps_arena_peak(&arena), 12 * KIB);
    ps_arena_free(&arena);
}

static void no_more_segments(void **state)
{
    (void)state;
    struct ps_arena arena;
    ps_arena_init(&arena, PS_ALIGNMENT);
    for (uint32_t i = 0; i < PS_MAX_SEGMENTS; i++)
        assert_int_equal(ps_arena_take(&arena, 1), AT(i, 0));
    assert_int_equal(ps_arena_take(&arena, 1), PS_NO_OFFSET);
    ps_arena_give(&arena, AT(17, 0));
    assert_int_equal(ps_arena_take(&arena, 1), AT(17, 0));
    ps_arena_free(&arena);
}

/* The oracle: one byte of state for every PS_ALIGNMENT bytes of every segment. */
#define UNITS 40
#define SEGMENTS 6
#define HELD 64

/* What is held: `units` in each of `pieces` segments but the last, `last` there. */
struct held {
    uint64_t offset;
    uint32_t units, pieces, last;
};

static uint32_t units_in(const struct held *held, uint32_t piece)
{
    return piece + 1 == held->pieces ? held->last : held->units;
}

static bool is_free(bool taken[SEGMENTS][UNITS], uint32_t segment, uint32_t first, const struct held *wanted)
{
    for (uint32_t i = 0; i < wanted->pieces; i++)
        for (uint32_t unit = 0; unit < units_in(wanted, i); unit++)
            if (taken[segment + i][first + unit])
                return false;
    return true;
}

static uint64_t lowest_fit(bool taken[SEGMENTS][UNITS], const struct held *wanted)
{
    for (uint32_t segment = 0; segment + wanted->pieces <= SEGMENTS; segment++)
        for (uint32_t first = 0; first + wanted->units <= UNITS; first++)
            if (is_free(taken, segment, first, wanted))
                return AT(segment, first * PS_ALIGNMENT);
    return PS_NO_OFFSET;
}

static void mark(bool taken[SEGMENTS][UNITS], const struct held *held, bool value)
{
    const uint32_t segment = (uint32_t)(held->offset >> PS_SEGMENT_SHIFT);
    const uint32_t first = (uint32_t)(held->offset & 0xffffffff) / PS_ALIGNMENT;
    for (uint32_t i = 0; i < held->pieces; i++)
        memset(&taken[segment + i][first], value, units_in(held, i));
}

/* What the arena's counts must be. */
static void check_counts(const struct ps_arena *arena, bool taken[SEGMENTS][UNITS],
                         uint32_t highest[SEGMENTS])
{
    uint64_t used = 0;
    for (uint32_t segment = 0; segment < SEGMENTS; segment++) {
        for (uint32_t unit = 0; unit < UNITS; unit++) {
            used += taken[segment][unit] * PS_ALIGNMENT;
            if (taken[segment][unit] && unit >= highest[segment])
                highest[segment] = unit + 1;
        }
        assert_int_equal(arena->peak[segment], (uint64_t)highest[segment] * PS_ALIGNMENT);
    }
    assert_int_equal(arena->used, used);
}

static struct held random_wish(uint64_t *seed)
{
    const uint32_t pieces = suite_below(seed, 4) ? 1 : 1 + suite_below(seed, 4);
    const uint32_t units = 1 + suite_below(seed, pieces > 1 ? UNITS / 2 : 12);
    return (struct held){
        .units = units, .pieces = pieces, .last = pieces > 1 ? 1 + suite_below(seed, units) : units};
}

static void fuzz(uint64_t seed)
{
    bool taken[SEGMENTS][UNITS] = {{0}};
    uint32_t highest[SEGMENTS] = {0}, count = 0;
    struct held held[HELD];
    struct ps_arena arena;
    ps_arena_init(&arena, UNITS * PS_ALIGNMENT);
    for (int step = 0; step < 5000; step++) {
        if (count == HELD || (count && suite_below(&seed, 100) < 48)) {
            const uint32_t victim = suite_below(&seed, count);
            mark(taken, &held[victim], false);
            ps_arena_give(&arena, held[victim].offset);
            held[victim] = held[--count];
            check_counts(&arena, taken, highest);
            continue;
        }
        struct held wish = random_wish(&seed);
        const uint32_t spare = suite_below(&seed, PS_ALIGNMENT);
        wish.offset = ps_arena_take_split(&arena, wish.units * PS_ALIGNMENT - spare, wish.pieces,
                                          wish.last * PS_ALIGNMENT - spare);
        const uint64_t wanted = lowest_fit(taken, &wish);
        if (wanted == PS_NO_OFFSET) {
            /* The oracle has fewer segments than the arena. */
            assert_true(wish.offset == PS_NO_OFFSET ||
                        (wish.offset >> PS_SEGMENT_SHIFT) + wish.pieces > SEGMENTS);
            if (wish.offset != PS_NO_OFFSET)
                ps_arena_give(&arena, wish.offset);
            memset(highest, 0, sizeof highest);
            for (uint32_t i = 0; i < SEGMENTS; i++)
                highest[i] = (uint32_t)(arena.peak[i] / PS_ALIGNMENT);
            continue;
        }
        assert_int_equal(wish.offset, wanted);
        mark(taken, &wish, true);
        held[count++] = wish;
        check_counts(&arena, taken, highest);
    }
    ps_arena_free(&arena);
}

static void random_use(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        fuzz(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_fit),        cmocka_unit_test(peaks_stay), cmocka_unit_test(segments),
        cmocka_unit_test(no_more_segments), cmocka_unit_test(random_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
