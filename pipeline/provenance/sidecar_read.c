#include "provenance/sidecar.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provenance/xmp.h"

enum { MAX_TAKEN = 24 };

/* An object being read key by key. Every key has to be there, and no other. */
struct reader {
    const char *label; /* of the file */
    const char *path;  /* of the object: "parameters" */
    const json_t *object;
    const char *taken[MAX_TAKEN];
    size_t count;
    struct ps_error *error;
};

static void fail_key(const struct reader *reader, const char *key, const char *problem)
{
    ps_fail(reader->error, PS_ERR_INPUT, "sidecar.value", "%.200s: %s%s%s: %s", reader->label, reader->path,
            *reader->path ? "." : "", key, problem);
    ps_hint(reader->error, "this is not a sidecar as packshot %s writes them", PS_VERSION);
}

/* The value, borrowed; null, with an error, where it is missing. */
static const json_t *take(struct reader *reader, const char *key)
{
    const json_t *value = json_object_get(reader->object, key);
    if (!value)
        fail_key(reader, key, "is missing");
    else if (reader->count < MAX_TAKEN)
        reader->taken[reader->count++] = key;
    return reader->error->status ? NULL : value;
}

static void take_text(struct reader *reader, const char *key, char *to, size_t size)
{
    const json_t *value = take(reader, key);
    to[0] = '\0';
    if (value && (!json_is_string(value) || json_string_length(value) >= size))
        fail_key(reader, key, "expected a text that is not too long");
    else if (value)
        snprintf(to, size, "%s", json_string_value(value));
}

static uint64_t take_whole(struct reader *reader, const char *key, uint64_t low, uint64_t high)
{
    const json_t *value = take(reader, key);
    const json_int_t whole = json_integer_value(value);
    char problem[96];
    if (!value)
        return low;
    if (json_is_integer(value) && whole >= 0 && (uint64_t)whole >= low && (uint64_t)whole <= high)
        return (uint64_t)whole;
    snprintf(problem, sizeof problem, "expected a whole number from %" PRIu64 " to %" PRIu64, low, high);
    fail_key(reader, key, problem);
    return low;
}

static bool real_of(const json_t *value, double low, double high, float *to)
{
    const double real = json_number_value(value);
    *to = (float)real;
    return json_is_number(value) && isfinite(real) && real >= low && real <= high;
}

static float take_real(struct reader *reader, const char *key, double low, double high)
{
    const json_t *value = take(reader, key);
    char problem[96];
    float real = (float)low;
    if (value && !real_of(value, low, high, &real)) {
        snprintf(problem, sizeof problem, "expected a number from %g to %g", low, high);
        fail_key(reader, key, problem);
    }
    return real;
}

/* The position of the value in `words`. */
static int take_word(struct reader *reader, const char *key, const char *const *words)
{
    char text[128];
    take_text(reader, key, text, sizeof text);
    for (int i = 0; words[i]; i++)
        if (!strcmp(words[i], text))
            return i;
    if (!reader->error->status)
        fail_key(reader, key, "is none of its words");
    return 0;
}

static bool take_bool(struct reader *reader, const char *key)
{
    const json_t *value = take(reader, key);
    if (value && !json_is_boolean(value))
        fail_key(reader, key, "expected true or false");
    return json_is_true(value);
}

/* Text or null. */
static void take_optional(struct reader *reader, const char *key)
{
    const json_t *value = take(reader, key);
    if (value && !json_is_null(value) && !json_is_string(value))
        fail_key(reader, key, "expected a text or null");
}

/* A reader of the object under `key`. */
static struct reader enter(struct reader *reader, const char *key)
{
    struct reader inner = {.label = reader->label, .path = key, .error = reader->error};
    inner.object = take(reader, key);
    if (inner.object && !json_is_object(inner.object))
        fail_key(reader, key, "expected an object");
    return inner;
}

static void leave(const struct reader *reader)
{
    const char *key;
    json_t *value;
    if (reader->error->status)
        return;
    json_object_foreach((json_t *)(uintptr_t)reader->object, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < reader->count; i++)
            known = known || !strcmp(key, reader->taken[i]);
        if (!known) {
            fail_key(reader, key, "is unknown");
            return;
        }
    }
}

static void read_fingerprint(struct reader *reader, struct ps_fingerprint *file, bool may_be_empty)
{
    take_text(reader, "name", file->name, sizeof file->name);
    file->bytes = take_whole(reader, "bytes", 0, INT64_MAX);
    take_text(reader, "sha256", file->sha256, sizeof file->sha256);
    if (!reader->error->status && !ps_sha256_is(file->sha256) && !(may_be_empty && !file->sha256[0]))
        fail_key(reader, "sha256", "expected 64 lower-case hexadecimal digits");
}

static void read_photo(struct reader *root, struct ps_origin *origin)
{
    struct reader reader = enter(root, "photo");
    read_fingerprint(&reader, &origin->photo, true);
    origin->photo_width = (uint32_t)take_whole(&reader, "width", 1, UINT32_MAX);
    origin->photo_height = (uint32_t)take_whole(&reader, "height", 1, UINT32_MAX);
    leave(&reader);
}

/* The list of weight files, whose length is known once the file has been looked at. */
static const json_t *find_files(const json_t *root, uint32_t *count)
{
    const json_t *files = json_object_get(json_object_get(root, "checkpoint"), "files");
    const size_t size = json_array_size(files);
    *count = size <= PS_ORIGIN_FILES ? (uint32_t)size : 0;
    return files;
}

static void read_checkpoint(struct reader *root, struct ps_origin *origin)
{
    struct reader reader = enter(root, "checkpoint");
    take_text(&reader, "name", origin->model, sizeof origin->model);
    take_text(&reader, "layout", origin->layout, sizeof origin->layout);
    take_text(&reader, "family", origin->family, sizeof origin->family);
    take_text(&reader, "licence", origin->licence, sizeof origin->licence);
    const json_t *files = take(&reader, "files");
    if (files &&
        (!json_is_array(files) || json_array_size(files) != origin->file_count || !origin->file_count))
        fail_key(&reader, "files", "expected a list of 1 to 4096 files");
    for (uint32_t i = 0; i < origin->file_count && !root->error->status; i++) {
        struct reader file = {.label = root->label, .path = "checkpoint.files", .error = root->error};
        file.object = json_array_get(files, i);
        read_fingerprint(&file, &origin->files[i], false);
        leave(&file);
    }
    leave(&reader);
}

static void read_sigmas(struct reader *reader, struct ps_origin *origin)
{
    const json_t *list = take(reader, "sigmas");
    const size_t count = json_array_size(list);
    if (!list || json_is_null(list))
        return;
    float levels[PS_MAX_STEPS + 1];
    bool valid = json_is_array(list) && count >= 2 && count <= PS_MAX_STEPS + 1;
    for (size_t i = 0; valid && i < count; i++)
        valid = real_of(json_array_get(list, i), 0, 1e6, &levels[i]);
    if (valid)
        ps_origin_set_sigmas(origin, levels, (uint32_t)count, reader->error);
    else
        fail_key(reader, "sigmas", "expected null or 2 to 1001 numbers from 0 to 1e6");
}

/* Digits alone, up to 2^64 - 1. */
static uint64_t take_seed(struct reader *reader)
{
    char text[24];
    take_text(reader, "seed", text, sizeof text);
    uint64_t seed = 0;
    bool valid = *text != '\0';
    for (const char *at = text; *at && valid; at++)
        valid = *at >= '0' && *at <= '9' && !__builtin_mul_overflow(seed, 10, &seed) &&
                !__builtin_add_overflow(seed, (uint64_t)(*at - '0'), &seed);
    if (!valid && !reader->error->status)
        fail_key(reader, "seed", "expected a text of digits, at most 18446744073709551615");
    return seed;
}

static void read_focus(struct reader *reader, struct ps_render_params *params)
{
    const json_t *value = take(reader, "focus");
    const char *word = json_string_value(value);
    const bool is_point = json_array_size(value) == 2 &&
                          real_of(json_array_get(value, 0), 0, 1, &params->focus_x) &&
                          real_of(json_array_get(value, 1), 0, 1, &params->focus_y);
    params->focus = is_point ? PS_FOCUS_POINT : PS_FOCUS_CENTRE;
    if (word && !strcmp(word, ps_focus_words[PS_FOCUS_AUTO]))
        params->focus = PS_FOCUS_AUTO;
    else if (value && !is_point && (!word || strcmp(word, ps_focus_words[PS_FOCUS_CENTRE]) != 0))
        fail_key(reader, "focus", "expected centre, auto or two numbers from 0 to 1");
}

static void read_colour(struct reader *reader, const char *key, uint32_t *colour)
{
    const json_t *value = take(reader, key);
    const char *text = json_string_value(value);
    const bool valid = text && strlen(text) == 6 && strspn(text, "0123456789abcdef") == 6;
    if (valid)
        *colour = (uint32_t)strtoul(text, NULL, 16);
    if (value && !json_is_null(value) && (!valid || !*colour))
        fail_key(reader, key, "expected null or six lower-case hexadecimal digits above 000000");
}

static void read_params(struct reader *root, struct ps_origin *origin)
{
    struct reader reader = enter(root, "parameters");
    struct ps_render_params *params = &origin->params;
    params->width = (uint32_t)take_whole(&reader, "width", 16, 8192);
    params->height = (uint32_t)take_whole(&reader, "height", 16, 8192);
    params->fit = (enum ps_fit)take_word(&reader, "fit", ps_fit_words);
    read_focus(&reader, params);
    read_colour(&reader, "pad_colour", &params->pad_colour);
    params->frames = (uint32_t)take_whole(&reader, "frames", 1, PS_MAX_FRAMES);
    params->fps = (uint32_t)take_whole(&reader, "fps", 1, 120);
    params->motion = take_real(&reader, "motion", 0, 1023);
    params->noise_augmentation = take_real(&reader, "noise_aug", 0, 10);
    params->steps = (uint32_t)take_whole(&reader, "steps", 1, PS_MAX_STEPS);
    params->schedule = (enum ps_schedule)take_word(&reader, "schedule", ps_schedule_words);
    read_sigmas(&reader, origin);
    params->guidance_min = take_real(&reader, "guidance_min", 0.01, 100);
    params->guidance_max = take_real(&reader, "guidance_max", 0.01, 100);
    params->seed = take_seed(&reader);
    params->rng = (enum ps_rng)take_word(&reader, "rng", ps_rng_words);
    params->dtype = (enum ps_dtype)(PS_DTYPE_F32 + take_word(&reader, "dtype", ps_dtype_words));
    params->weights = (enum ps_weights)take_word(&reader, "weights", ps_weights_words);
    params->decode_chunk = (uint32_t)take_whole(&reader, "decode_chunk", 0, PS_MAX_FRAMES);
    leave(&reader);
}

static void read_noise(struct reader *root, struct ps_origin *origin)
{
    if (json_is_null(take(root, "noise")))
        return;
    struct reader reader = enter(root, "noise");
    read_fingerprint(&reader, &origin->noise, false);
    leave(&reader);
}

static void read_device(struct reader *root, struct ps_origin *origin)
{
    struct reader reader = enter(root, "device");
    take_text(&reader, "name", origin->device, sizeof origin->device);
    take_text(&reader, "driver", origin->driver, sizeof origin->driver);
    leave(&reader);
}

static void read_label(struct reader *root, struct ps_sidecar *sidecar)
{
    static const char *const types[] = {PS_IPTC_GENERATED, PS_IPTC_COMPOSITE, NULL};
    struct reader reader = enter(root, "label");
    sidecar->labelled = take_bool(&reader, "xmp");
    sidecar->composite = take_word(&reader, "digital_source_type", types) == 1;
    take_optional(&reader, "signer");
    leave(&reader);
}

static void read_libraries(struct reader *root)
{
    const struct reader reader = enter(root, "libraries");
    const char *key;
    json_t *value;
    if (reader.error->status)
        return;
    json_object_foreach((json_t *)(uintptr_t)reader.object, key, value)
    {
        if (!json_is_string(value))
            fail_key(&reader, key, "expected a text");
    }
}

/* A later version may have changed what a key means. */
static void read_version(struct reader *root)
{
    char text[32];
    take_text(root, "schema", text, sizeof text);
    if (!root->error->status && strcmp(text, PS_SIDECAR_SCHEMA))
        fail_key(root, "schema", "expected \"" PS_SIDECAR_SCHEMA "\"");
    const json_t *value = take(root, "version");
    const json_int_t version = json_integer_value(value);
    if (value && json_is_integer(value) && version > PS_SIDECAR_VERSION)
        ps_fail(root->error, PS_ERR_INPUT, "sidecar.version",
                "%.200s: version %lld of a sidecar; packshot %s reads version %d", root->label, version,
                PS_VERSION, PS_SIDECAR_VERSION);
    else if (value && (!json_is_integer(value) || version != PS_SIDECAR_VERSION))
        fail_key(root, "version", "expected 1");
    take_text(root, "packshot", text, sizeof text);
    take_optional(root, "created");
}

static void read_root(struct ps_sidecar *sidecar, const char *label, struct ps_error *error)
{
    struct reader root = {.label = label, .path = "", .object = sidecar->root, .error = error};
    read_version(&root);
    struct reader output = enter(&root, "output");
    read_fingerprint(&output, &sidecar->clip, false);
    leave(&output);
    read_label(&root, sidecar);
    read_photo(&root, sidecar->origin);
    read_checkpoint(&root, sidecar->origin);
    read_params(&root, sidecar->origin);
    read_noise(&root, sidecar->origin);
    read_device(&root, sidecar->origin);
    read_libraries(&root);
}

/* In packshot.h 0 means the default. */
static void set_request(struct ps_sidecar *sidecar)
{
    struct ps_render_params *request = &sidecar->request;
    *request = sidecar->origin->params;
    if (!(request->motion > 0))
        request->motion = -1;
    if (!(request->noise_augmentation > 0))
        request->noise_augmentation = -1;
}

enum ps_status ps_sidecar_parse(struct ps_sidecar **sidecar, const char *text, size_t size, const char *label,
                                struct ps_error *error)
{
    json_error_t where;
    uint32_t files;
    *sidecar = NULL;
    struct ps_sidecar *made = calloc(1, sizeof *made);
    if (!made)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to read a sidecar");
    made->root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    if (!made->root)
        ps_fail(error, PS_ERR_INPUT, "sidecar.json", "%.200s:%d:%d: not valid JSON: %s", label, where.line,
                where.column, where.text);
    else if (!json_is_object(made->root))
        ps_fail(error, PS_ERR_INPUT, "sidecar.json", "%.200s: not a JSON object", label);
    if (!error->status) {
        find_files(made->root, &files);
        made->origin = ps_origin_new(files, error);
    }
    if (!error->status)
        read_root(made, label, error);
    if (error->status)
        ps_sidecar_close(&made);
    else
        set_request(made);
    *sidecar = made;
    return error->status;
}
