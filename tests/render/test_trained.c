/* Which sizes are warned of. */
#include "base/suite.h"

#include <string.h>

#include "render/trained.h"

struct heard {
    int warnings;
    char line[256];
};

static void listen(void *user, enum ps_log_level level, const char *line)
{
    struct heard *heard = user;
    assert_int_equal(level, PS_LOG_WARNING);
    heard->warnings++;
    strncpy(heard->line, line, sizeof heard->line - 1);
}

static struct heard warned(uint32_t first_width, uint32_t width, uint32_t height)
{
    struct heard heard = {0};
    struct ps_context context = {.log = {listen, &heard}};
    struct ps_checkpoint checkpoint = {
        .unet = {.levels = 4, .block_out_channels = {first_width, 640, 1280, 1280}}};
    const struct ps_model model = {.context = &context, .checkpoint = &checkpoint};
    ps_warn_of_size(&model, width, height);
    return heard;
}

static void test_sizes(void **state)
{
    (void)state;
    static const uint32_t near[][2] = {{1024, 576}, {576, 1024}, {768, 768},
                                       {1280, 720}, {1536, 864}, {688, 384}};
    static const uint32_t far[][2] = {{512, 512},  {1544, 864}, {1920, 1080},
                                      {1024, 376}, {256, 192},  {680, 576}};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++)
        if (warned(320, near[i][0], near[i][1]).warnings)
            fail_msg("%ux%u is warned of", near[i][0], near[i][1]);
    for (size_t i = 0; i < sizeof far / sizeof *far; i++)
        if (warned(320, far[i][0], far[i][1]).warnings != 1)
            fail_msg("%ux%u is not warned of", far[i][0], far[i][1]);
    const struct heard heard = warned(320, 512, 320);
    assert_non_null(strstr(heard.line, "512x320"));
    assert_non_null(strstr(heard.line, "1024x576"));
}

/* Of another model's size nothing is known. */
static void test_other_models(void **state)
{
    (void)state;
    assert_int_equal(warned(96, 64, 64).warnings, 0);
}

/* The folder's own word counts, whatever the widths. */
static void test_what_the_folder_says(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct ps_context context = {.log = {listen, &heard}};
    struct ps_checkpoint checkpoint = {.unet = {.levels = 4, .block_out_channels = {320}},
                                       .defaults = {.width = 256, .height = 192}};
    const struct ps_model model = {.context = &context, .checkpoint = &checkpoint};
    ps_warn_of_size(&model, 256, 192);
    ps_warn_of_size(&model, 192, 320);
    assert_int_equal(heard.warnings, 0);
    ps_warn_of_size(&model, 1024, 576);
    assert_int_equal(heard.warnings, 1);
    assert_non_null(strstr(heard.line, "256x192"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sizes), cmocka_unit_test(test_other_models),
                                       cmocka_unit_test(test_what_the_folder_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
