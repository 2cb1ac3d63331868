/* What the tests of run and vk have in common: cmocka, a seeded generator, and assertions on errors. */
#ifndef TESTS_RUN_SUITE_H
#define TESTS_RUN_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

/* xorshift64*; `state` is not 0. */
static inline uint64_t suite_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull >> 11;
}

static inline uint32_t suite_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)(suite_random(state) % bound);
}

#define assert_no_error(error)                                                                               \
    do {                                                                                                     \
        if ((error).status)                                                                                  \
            fail_msg("%s: %s", (error).id, (error).message);                                                 \
    } while (0)

#define assert_error(error, wanted_status, wanted_id)                                                        \
    do {                                                                                                     \
        assert_int_equal((error).status, wanted_status);                                                     \
        assert_string_equal((error).id, wanted_id);                                                          \
        assert_true((error).message[0]);                                                                     \
    } while (0)

#endif
