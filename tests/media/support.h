/* What the tests of photos, clips and outputs share. */
#ifndef PS_TESTS_MEDIA_SUPPORT_H
#define PS_TESTS_MEDIA_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/file.h"
#include "packshot.h"

#define MEDIA_DATA PACKSHOT_SOURCE_DIR "/tests/media/data/"
#define GOLDEN PACKSHOT_SOURCE_DIR "/tests/golden/"

/* Fails the test, with the error's text, unless the status is PS_OK. */
#define assert_ok(call, error)                                                                               \
    do {                                                                                                     \
        if (call)                                                                                            \
            fail_msg("%s: %s", (error).id, (error).message);                                                 \
    } while (0)

/* Fails the test unless `error` is of this status and name, with a message. */
void assert_error(const struct ps_error *error, enum ps_status status, const char *id);

/* A new empty folder, and its removal with all that is in it. */
char *folder_new(void);
void folder_remove(char *folder);
/* The number of entries in a folder, hidden ones too. */
int folder_count(const char *folder);
/* "FOLDER/NAME" in a buffer of the caller's. */
const char *join(char to[512], const char *folder, const char *name);

void write_file(const char *path, const void *bytes, size_t size);
/* A whole file; free its bytes. */
struct ps_file read_file(const char *path);

/* Setup and teardown of a test in which nothing may reach standard error: the library never prints. */
int silence_begin(void **state);
int silence_end(void **state);
/* Ends it whatever was written. */
void silence_drop(void);

#define silent_unit_test(test) cmocka_unit_test_setup_teardown(test, silence_begin, silence_end)

/* The formula photo of tests/golden/common.py, [height, width, 3]; to be freed. */
uint8_t *formula_photo(uint32_t width, uint32_t height);

/* Mean and largest absolute difference. */
double mean_difference(const uint8_t *a, const uint8_t *b, size_t count);
int largest_difference(const uint8_t *a, const uint8_t *b, size_t count);

#endif
