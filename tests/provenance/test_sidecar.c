/* Sidecars: what is written is read back, and nothing else is read. */
#include "provenance/origins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "provenance/sidecar.h"

static const struct ps_library libraries[] = {{"libsomething", "1.2.3"}};

/* Writes a sidecar of the origin to FOLDER/clip.mp4.json. */
static void write_sidecar(const char *folder, const struct ps_origin *origin, const char *sections)
{
    char path[512];
    struct ps_error error = {0};
    struct ps_output *output;
    struct ps_sidecar_facts facts = {.origin = origin,
                                     .labelled = true,
                                     .composite = true,
                                     .created = "2026-03-01T12:00:00Z",
                                     .sections = sections,
                                     .libraries = libraries,
                                     .library_count = 1,
                                     .clip = {.name = "clip.mp4", .bytes = 12345}};
    memset(facts.clip.sha256, 'd', PS_SHA256_TEXT - 1);
    assert_ok(ps_output_open(&output, join(path, folder, "clip.mp4.json"), true, &error), error);
    assert_ok(ps_sidecar_write(output, &facts, &error), error);
    assert_ok(ps_output_commit(output, NULL, NULL, &error), error);
    ps_output_close(&output);
}

static void assert_same_file(const struct ps_fingerprint *a, const struct ps_fingerprint *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->bytes, b->bytes);
    assert_string_equal(a->sha256, b->sha256);
}

static void assert_same_params(const struct ps_render_params *a, const struct ps_render_params *b)
{
    struct ps_render_params first = *a, second = *b;
    assert_int_equal(a->sigma_count, b->sigma_count);
    if (a->sigma_count)
        assert_memory_equal(a->sigmas, b->sigmas, a->sigma_count * sizeof *a->sigmas);
    first.sigmas = second.sigmas = NULL;
    assert_memory_equal(&first, &second, sizeof first);
}

static void assert_same_origin(const struct ps_origin *a, const struct ps_origin *b)
{
    assert_same_file(&a->photo, &b->photo);
    assert_same_file(&a->noise, &b->noise);
    assert_int_equal(a->photo_width, b->photo_width);
    assert_int_equal(a->photo_height, b->photo_height);
    assert_string_equal(a->model, b->model);
    assert_string_equal(a->layout, b->layout);
    assert_string_equal(a->family, b->family);
    assert_string_equal(a->licence, b->licence);
    assert_string_equal(a->device, b->device);
    assert_string_equal(a->driver, b->driver);
    assert_int_equal(a->file_count, b->file_count);
    for (uint32_t i = 0; i < a->file_count; i++)
        assert_same_file(&a->files[i], &b->files[i]);
    assert_same_params(&a->params, &b->params);
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 2, PS_MAX_STEPS + 1};
    char path[512];
    char *folder = folder_new();
    join(path, folder, "clip.mp4.json");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct ps_error error = {0};
        struct ps_sidecar *sidecar;
        struct ps_origin *origin = origin_new(counts[i]);
        if (i == 1)
            origin->noise = origin->files[1];
        write_sidecar(folder, origin, NULL);
        assert_ok(ps_sidecar_open(&sidecar, path, &error), error);
        assert_same_origin(sidecar->origin, origin);
        assert_true(sidecar->labelled);
        assert_true(sidecar->composite);
        assert_string_equal(ps_sidecar_photo(sidecar), "shoe.png");
        assert_string_equal(ps_sidecar_model(sidecar), "svd-xt");
        assert_string_equal(ps_sidecar_output(sidecar), "clip.mp4");
        assert_same_params(ps_sidecar_params(sidecar), &origin->params);
        assert_null(ps_sidecar_section_name(sidecar, 0));
        ps_sidecar_close(&sidecar);
        assert_null(sidecar);
        ps_origin_free(&origin);
    }
    folder_remove(folder);
}

/* In packshot.h 0 is the default, so none has to be said in another way. */
static void test_no_motion_is_asked_for_as_none(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
    struct ps_error error = {0};
    struct ps_sidecar *sidecar;
    struct ps_origin *origin = origin_new(0);
    origin->params.motion = origin->params.noise_augmentation = 0;
    write_sidecar(folder, origin, NULL);
    assert_ok(ps_sidecar_open(&sidecar, join(path, folder, "clip.mp4.json"), &error), error);
    assert_true(ps_sidecar_params(sidecar)->motion < 0);
    assert_true(ps_sidecar_params(sidecar)->noise_augmentation < 0);
    ps_sidecar_close(&sidecar);
    ps_origin_free(&origin);
    folder_remove(folder);
}

static void test_sections(void **state)
{
    (void)state;
    static const char *const refused[] = {"[]", "{", "{\"seed\":1}{}", "{\"a\":1,\"a\":2}", "{\"output\":{}}",
                                          "3"};
    char path[512];
    char *folder = folder_new();
    struct ps_error error = {0};
    struct ps_sidecar *sidecar;
    struct ps_origin *origin = origin_new(0);
    write_sidecar(folder, origin, "{\"options\": {\"crf\": \"20\"}, \"latents\": [1, 0.5]}");
    assert_ok(ps_sidecar_open(&sidecar, join(path, folder, "clip.mp4.json"), &error), error);
    assert_string_equal(ps_sidecar_section_name(sidecar, 0), "options");
    assert_string_equal(ps_sidecar_section_name(sidecar, 1), "latents");
    assert_null(ps_sidecar_section_name(sidecar, 2));
    assert_string_equal(ps_sidecar_section(sidecar, "options"), "{\"crf\":\"20\"}");
    assert_string_equal(ps_sidecar_section(sidecar, "latents"), "[1,0.5]");
    assert_string_equal(ps_sidecar_section(sidecar, "version"), "1");
    assert_null(ps_sidecar_section(sidecar, "nothing"));
    ps_sidecar_close(&sidecar);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct ps_error fault = {0};
        assert_int_equal(ps_sidecar_check_sections(refused[i], &fault), PS_ERR_USAGE);
        assert_error(&fault, PS_ERR_USAGE, "sidecar.sections");
    }
    assert_ok(ps_sidecar_check_sections("{\"seed\": 1}", &error), error);
    ps_origin_free(&origin);
    folder_remove(folder);
}

/* ---- hostile files ---- */

static void assert_refused(const char *text, size_t size, const char *what)
{
    struct ps_error error = {0};
    struct ps_sidecar *sidecar;
    if (!ps_sidecar_parse(&sidecar, text, size, "x.json", &error))
        fail_msg("accepted: %s", what);
    assert_int_equal(error.status, PS_ERR_INPUT);
    assert_int_equal(strncmp(error.id, "sidecar.", 8), 0);
    assert_null(sidecar);
}

static void assert_json_refused(const json_t *root, const char *what)
{
    char *text = json_dumps(root, JSON_COMPACT);
    assert_refused(text, strlen(text), what);
    free(text);
}

/* Breaks every member of `object`, which is a part of `root`, in turn. */
static void break_members(json_t *root, json_t *object, bool strict)
{
    json_t *copy = json_copy(object), *value;
    const char *key;
    json_object_foreach(copy, key, value)
    {
        json_object_set_new(object, key, json_pack("{s:i}", "x", 1));
        assert_json_refused(root, key);
        json_object_set_new(object, key, json_real(1.5e300));
        assert_json_refused(root, key);
        json_object_del(object, key);
        if (strict)
            assert_json_refused(root, key);
        json_object_set(object, key, value);
        if (json_is_object(value))
            break_members(root, value, strcmp(key, "libraries") != 0);
    }
    if (strict && object != root) {
        json_object_set_new(object, "surplus", json_null());
        assert_json_refused(root, "surplus");
        json_object_del(object, "surplus");
    }
    json_decref(copy);
}

static json_t *load_sidecar(const char *folder)
{
    char path[512];
    json_t *root = json_load_file(join(path, folder, "clip.mp4.json"), 0, NULL);
    assert_non_null(root);
    return root;
}

static void test_every_member_is_needed_and_checked(void **state)
{
    (void)state;
    char *folder = folder_new();
    struct ps_origin *origin = origin_new(3);
    origin->noise = origin->files[0];
    write_sidecar(folder, origin, NULL);
    json_t *root = load_sidecar(folder);
    break_members(root, root, true);
    json_t *files = json_object_get(json_object_get(root, "checkpoint"), "files");
    break_members(root, json_array_get(files, 0), true);
    break_members(root, json_array_get(files, 1), true);
    json_array_append_new(files, json_integer(1));
    assert_json_refused(root, "a file that is a number");
    json_array_clear(files);
    assert_json_refused(root, "no files");
    json_decref(root);
    ps_origin_free(&origin);
    folder_remove(folder);
}

static void test_values_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *member, *key, *value;
    } cases[] = {
        {NULL, "version", "2"},
        {NULL, "version", "0"},
        {NULL, "schema", "\"other\""},
        {"parameters", "width", "0"},
        {"parameters", "width", "-8"},
        {"parameters", "width", "8200"},
        {"parameters", "frames", "0"},
        {"parameters", "frames", "2.0"},
        {"parameters", "fps", "121"},
        {"parameters", "motion", "1024"},
        {"parameters", "motion", "-1"},
        {"parameters", "fit", "\"fill\""},
        {"parameters", "focus", "[0.5]"},
        {"parameters", "focus", "[0, 1.5]"},
        {"parameters", "focus", "\"left\""},
        {"parameters", "pad_colour", "\"000000\""},
        {"parameters", "pad_colour", "\"12345G\""},
        {"parameters", "steps", "1001"},
        {"parameters", "seed", "7"},
        {"parameters", "seed", "\"\""},
        {"parameters", "seed", "\"-1\""},
        {"parameters", "seed", "\"18446744073709551616\""},
        {"parameters", "seed", "\"0x10\""},
        {"parameters", "sigmas", "[1]"},
        {"parameters", "sigmas", "[1, \"0\"]"},
        {"parameters", "guidance_min", "0"},
        {"output", "bytes", "-1"},
        {"output", "sha256", "\"abc\""},
        {"photo", "width", "0"},
        {"label", "xmp", "1"},
    };
    char *folder = folder_new();
    struct ps_origin *origin = origin_new(0);
    write_sidecar(folder, origin, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *root = load_sidecar(folder);
        json_t *object = cases[i].member ? json_object_get(root, cases[i].member) : root;
        json_object_set_new(object, cases[i].key, json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
        assert_json_refused(root, cases[i].value);
        json_decref(root);
    }
    ps_origin_free(&origin);
    folder_remove(folder);
}

static void test_text_that_is_no_sidecar(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "null",
                                        "{}",
                                        "{}{}",
                                        "{\"schema\":\"packshot-sidecar\",\"schema\":\"packshot-sidecar\"}",
                                        "{\"a\\u0000b\":1}",
                                        "{\"a\":\"\xff\"}",
                                        "{\"a\":NaN}",
                                        "<!DOCTYPE html>"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_refused(texts[i], strlen(texts[i]), texts[i]);
    assert_refused("{}\0", 3, "an end inside");
    enum { DEEP = 200000 };
    char *deep = malloc(DEEP);
    memset(deep, '[', DEEP);
    assert_refused(deep, DEEP, "depth");
    free(deep);
}

/* A whole sidecar, cut at every byte. */
static void test_cut_files(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new();
    struct ps_origin *origin = origin_new(0);
    write_sidecar(folder, origin, NULL);
    struct ps_file whole = read_file(join(path, folder, "clip.mp4.json"));
    for (size_t size = 0; size + 2 < whole.size; size++)
        assert_refused((const char *)whole.bytes, size, "a cut file");
    free(whole.bytes);
    ps_origin_free(&origin);
    folder_remove(folder);
}

static void test_what_is_not_opened(void **state)
{
    (void)state;
    char path[512];
    char *folder = folder_new(), *large = malloc(5 << 20);
    struct ps_sidecar *sidecar;
    memset(large, ' ', 5 << 20);
    write_file(join(path, folder, "large.json"), large, 5 << 20);
    mkfifo(join(path, folder, "pipe.json"), 0600);
    for (const char *const *name =
             (const char *const[]){"missing.json", "large.json", "pipe.json", ".", NULL};
         *name; name++) {
        struct ps_error error = {0};
        assert_int_equal(ps_sidecar_open(&sidecar, join(path, folder, *name), &error), PS_ERR_INPUT);
        assert_error(&error, PS_ERR_INPUT, "sidecar.unreadable");
        assert_null(sidecar);
    }
    free(large);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        silent_unit_test(test_what_is_written_is_read),
        silent_unit_test(test_no_motion_is_asked_for_as_none),
        silent_unit_test(test_sections),
        silent_unit_test(test_every_member_is_needed_and_checked),
        silent_unit_test(test_values_out_of_range),
        silent_unit_test(test_text_that_is_no_sidecar),
        silent_unit_test(test_cut_files),
        silent_unit_test(test_what_is_not_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
