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

static uint64_t lowest_fit(bool taken[SEGMENTS][UNITS], uint32_t units)
{
    for (uint32_t segment = 0; segment < SEGMENTS; segment++)
        for (uint32_t first = 0; first + units <= UNITS; first++) {
            uint32_t unused = 0;
            while (unused < units && !taken[segment][first + unused])
                unused++;
            if (unused == units)
                return AT(segment, first * PS_ALIGNMENT);
        }
    return PS_NO_OFFSET;
}

static void fuzz(uint64_t seed)
{
    bool taken[SEGMENTS][UNITS] = {{0}};
    struct {
        uint64_t offset;
        uint32_t units;
    } held[HELD];
    uint32_t count = 0;
    uint64_t peaks[SEGMENTS] = {0};
    struct ps_arena arena;
    ps_arena_init(&arena, UNITS * PS_ALIGNMENT);
    for (int step = 0; step < 5000; step++) {
        if (count == HELD || (count && suite_below(&seed, 100) < 48)) {
            const uint32_t victim = suite_below(&seed, count);
            const uint32_t segment = (uint32_t)(held[victim].offset >> PS_SEGMENT_SHIFT);
            const uint32_t first = (uint32_t)(held[victim].offset & 0xffffffff) / PS_ALIGNMENT;
            memset(&taken[segment][first], 0, held[victim].units);
            ps_arena_give(&arena, held[victim].offset);
            held[victim] = held[--count];
            continue;
        }
        const uint32_t bytes = 1 + suite_below(&seed, 12 * PS_ALIGNMENT);
        const uint32_t units = (bytes + PS_ALIGNMENT - 1) / PS_ALIGNMENT;
        const uint64_t offset = ps_arena_take(&arena, bytes), wanted = lowest_fit(taken, units);
        if (wanted == PS_NO_OFFSET) {
            assert_true(offset == PS_NO_OFFSET || offset >> PS_SEGMENT_SHIFT >= SEGMENTS);
            if (offset != PS_NO_OFFSET)
                ps_arena_give(&arena, offset);
            continue;
        }
        assert_int_equal(offset, wanted);
        const uint32_t segment = (uint32_t)(offset >> PS_SEGMENT_SHIFT);
        const uint32_t first = (uint32_t)(offset & 0xffffffff) / PS_ALIGNMENT;
        memset(&taken[segment][first], 1, units);
        const uint64_t end = (uint64_t)(first + units) * PS_ALIGNMENT;
        peaks[segment] = peaks[segment] > end ? peaks[segment] : end;
        held[count].offset = offset;
        held[count++].units = units;

        uint64_t used = 0;
        for (uint32_t i = 0; i < count; i++)
            used += held[i].units * PS_ALIGNMENT;
        assert_int_equal(arena.used, used);
        assert_int_equal(arena.live_count, count);
        for (uint32_t i = 0; i < SEGMENTS; i++)
            assert_int_equal(arena.peak[i], peaks[i]);
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
