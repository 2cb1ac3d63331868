/* libFuzzer target: any bytes are an INI file whose every key is where it says and, by the table of options, a preset
 * and a packshot.ini whose settings can be stored; or problems that each have a place and a message. Seeds:
 * tests/fuzz/corpus/preset. */
#include <stdlib.h>
#include <string.h>

#include "cli/preset.h"
#include "cli/request.h"
#include "cli/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* Where a line and column of the file are. Columns do not count a mark before the first line. */
static size_t offset_of(const uint8_t *data, size_t size, uint32_t line, uint32_t column)
{
    size_t at = size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (--line) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        require(end != NULL);
        at = (size_t)(end - data) + 1;
    }
    return at + column - 1;
}

static void check_text(const uint8_t *data, size_t size, size_t at, const char *text)
{
    require(at <= size && strlen(text) <= size - at && !memcmp(data + at, text, strlen(text)));
}

static void check_entries(const struct ps_ini *ini, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < ini->entry_count; i++) {
        const struct ps_ini_entry *entry = &ini->entries[i];
        require(entry->key[0] && entry->value_column > entry->key_column);
        check_text(data, size, offset_of(data, size, entry->line, entry->key_column), entry->key);
        check_text(data, size, offset_of(data, size, entry->line, entry->value_column), entry->value);
        require(ps_ini_find(ini, entry->section, entry->key) == entry);
    }
}

static void check_problems(const struct ps_ini *ini)
{
    for (size_t i = 0; i < ini->problem_count; i++) {
        const struct ps_ini_problem *problem = &ini->problems[i], *before = problem - 1;
        require(problem->line && problem->column && problem->id[0] && problem->message[0]);
        require(!i || before->line < problem->line ||
                (before->line == problem->line && before->column <= problem->column));
    }
}

static void check_keys(struct ps_ini *ini, const struct cli_file_kind *kind)
{
    struct ps_error error = {0};
    struct cli_settings settings;
    struct cli_request request = {0};
    cli_settings_begin(&settings, cli_request_options);
    require(!cli_read_keys(ini, kind, &settings, &error));
    for (const struct cli_option *option = settings.options; option->name; option++) {
        const struct cli_setting *setting = cli_settings_of(&settings, option);
        require(!setting->text || (option->scope <= kind->scope && cli_accepts(option, setting->text)));
    }
    cli_settings_store(&settings, &request);
    check_problems(ini);
    require(!cli_fail_file(ini, "check", &error) == !ini->problem_count);
    cli_request_free(&request);
    cli_settings_end(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cli_file_kind config = {
        .what = "packshot.ini", .scope = CLI_MACHINE, .confined = true, .command = "render"};
    static const struct cli_file_kind *const kinds[] = {&cli_preset_kind, &config};
    for (size_t i = 0; i < 2; i++) {
        struct ps_ini *ini = NULL;
        struct ps_error error = {0};
        const enum ps_status status = ps_ini_parse(&ini, "fuzz", data, size, &error);
        require((status == PS_OK) == (ini != NULL) && status == error.status);
        if (!ini)
            continue;
        check_problems(ini);
        check_entries(ini, data, size);
        check_keys(ini, kinds[i]);
        ps_ini_close(&ini);
    }
    return 0;
}
