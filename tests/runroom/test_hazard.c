/* The hazard tracker against an oracle that knows every byte: random accesses, and every pair of which one
 * writes what the other touches must have a barrier between them. */
#include "runroom/suite.h"

#include "vk/hazard.h"

#define BYTES 512
#define COMMANDS 4000

struct command {
    struct ps_range ranges[6];
    uint32_t count;
    bool barrier; /* before it */
};

static struct command random_command(uint64_t *seed, uint32_t widest, uint32_t writes_percent)
{
    struct command command = {.count = 1 + suite_below(seed, 6)};
    for (uint32_t i = 0; i < command.count; i++) {
        const uint32_t begin = suite_below(seed, BYTES - 1);
        uint32_t end = begin + 1 + suite_below(seed, widest);
        end = end < BYTES ? end : BYTES;
        command.ranges[i] = (struct ps_range){begin, end, suite_below(seed, 100) < writes_percent};
    }
    return command;
}

/* Marks what the command reads and writes, byte by byte. */
static void mark(const struct command *command, bool reads[BYTES], bool writes[BYTES])
{
    for (uint32_t i = 0; i < command->count; i++)
        for (uint64_t byte = command->ranges[i].begin; byte < command->ranges[i].end; byte++)
            (command->ranges[i].write ? writes : reads)[byte] = true;
}

/* Whether the command must not overlap in time with what has been marked. */
static bool clashes(const struct command *command, const bool reads[BYTES], const bool writes[BYTES])
{
    bool own_reads[BYTES] = {0}, own_writes[BYTES] = {0};
    mark(command, own_reads, own_writes);
    for (uint32_t byte = 0; byte < BYTES; byte++)
        if ((own_writes[byte] && (reads[byte] || writes[byte])) || (own_reads[byte] && writes[byte]))
            return true;
    return false;
}

static void play(uint64_t seed, uint32_t widest, uint32_t writes_percent)
{
    static struct command commands[COMMANDS];
    struct ps_hazards hazards = {0};
    uint32_t given = 0, needed = 0;
    for (uint32_t i = 0; i < COMMANDS; i++) {
        commands[i] = random_command(&seed, widest, writes_percent);
        commands[i].barrier = ps_hazards_note(&hazards, commands[i].ranges, commands[i].count);
        given += commands[i].barrier;
    }

    /* Every pair: marks from every command up to the next barrier, against all commands before that barrier.
     */
    for (uint32_t i = 0; i < COMMANDS; i++) {
        bool reads[BYTES] = {0}, writes[BYTES] = {0};
        mark(&commands[i], reads, writes);
        for (uint32_t j = i + 1; j < COMMANDS && !commands[j].barrier; j++)
            if (clashes(&commands[j], reads, writes))
                fail_msg("commands %u and %u clash with no barrier between", i, j);
    }

    /* The least number of barriers is that of a barrier as late as possible, each time. */
    bool reads[BYTES] = {0}, writes[BYTES] = {0};
    for (uint32_t i = 0; i < COMMANDS; i++) {
        if (clashes(&commands[i], reads, writes)) {
            needed++;
            memset(reads, 0, sizeof reads);
            memset(writes, 0, sizeof writes);
        }
        mark(&commands[i], reads, writes);
    }
    /* A full list costs a barrier that nothing else needed. */
    assert_in_range(given, needed, needed + COMMANDS * 6 / PS_HAZARD_RANGES + 1);
    assert_true(needed > 0 || writes_percent == 0);
}

static void random_sequences(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        play(seed, 8, 30);
        play(seed, 64, 10);
        play(seed, 400, 50);
        play(seed, 4, 1);
        play(seed, 64, 0);
    }
}

static void each_kind(void **state)
{
    (void)state;
    const struct {
        bool first_writes, second_writes, barrier;
    } kinds[] = {{false, false, false}, {true, false, true}, {false, true, true}, {true, true, true}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct ps_range first = {100, 200, kinds[i].first_writes};
        const uint64_t places[][2] = {{100, 200}, {0, 101}, {199, 300}, {150, 151}, {0, 400}};
        for (size_t at = 0; at < sizeof places / sizeof *places; at++) {
            struct ps_hazards hazards = {0};
            const struct ps_range second = {places[at][0], places[at][1], kinds[i].second_writes};
            assert_false(ps_hazards_note(&hazards, &first, 1));
            assert_int_equal(ps_hazards_note(&hazards, &second, 1), kinds[i].barrier);
        }
        const uint64_t apart[][2] = {{0, 100}, {200, 300}};
        for (size_t at = 0; at < sizeof apart / sizeof *apart; at++) {
            struct ps_hazards hazards = {0};
            const struct ps_range second = {apart[at][0], apart[at][1], kinds[i].second_writes};
            assert_false(ps_hazards_note(&hazards, &first, 1));
            assert_false(ps_hazards_note(&hazards, &second, 1));
        }
    }
}

/* A command may read and write the same bytes; that orders nothing within it. */
static void in_place(void **state)
{
    (void)state;
    struct ps_hazards hazards = {0};
    const struct ps_range ranges[] = {{0, 64, false}, {0, 64, true}};
    assert_false(ps_hazards_note(&hazards, ranges, 2));
    assert_true(ps_hazards_note(&hazards, ranges, 2));
    assert_true(ps_hazards_note(&hazards, ranges, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind),
        cmocka_unit_test(in_place),
        cmocka_unit_test(random_sequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
