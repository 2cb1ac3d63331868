/* Variants of kernels: that tiles change no bit, that those computing wrong results are put out of use, and what is kept of
 * that. Variants that the device cannot run are told and left out. */
#include "runroom/suite.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/half.h"
#include "conv.h"
#include "kernels/emulation/emulation.h"
#include "ops/ops.h"
#include "vk/state.h"

/* A linear layer of `rows` rows, or a 3 x 3 convolution over rows / 10 x 10 pixels. */
struct shape {
    bool conv;
    uint32_t rows, k, n;
};

static const struct shape shapes[] = {{false, 150, 72, 136},
                                      {false, 36, 4104, 72} /* in halves */,
                                      {true, 130, 24, 72},
                                      {true, 30, 464, 70} /* likewise */};
#define SHAPES (sizeof shapes / sizeof *shapes)
#define MOST_ELEMENTS (150 * 136)

#define PORTABLE 3 /* variants of that name: linear, conv, attention */
#define COOP 3

static void fill(struct ps_backend *backend, struct ps_tensor t, float scale, struct ps_error *error)
{
    uint64_t random = 88172645463325252u;
    uint16_t *to = backend->ops->upload_begin(backend, t, error);
    assert_no_error(*error);
    for (uint64_t i = 0; i < ps_elements(t); i++)
        to[i] = ps_half_from_float(scale * ((float)suite_below(&random, 2048) / 1024 - 1));
    assert_true(backend->ops->upload_end(backend, error));
}

/* What the product gives in float16; returns how many elements. */
static uint64_t compute(struct ps_backend *backend, const struct shape *s, uint16_t *result)
{
    struct ps_error error = {0};
    struct ps_run run;
    const uint64_t bytes = 4 << 20;
    struct ps_weight weight = {
        .pack = PS_PACK_MATRIX, .taps = s->conv ? 9 : 1, .rows = s->k, .columns = s->n, .source_count = 1};
    struct ps_tensor resident = ps_packed_shape(&weight, PS_F16);
    assert_true(ps_span_bytes(resident) <= bytes);
    assert_true(backend->ops->reserve(backend, PS_SCRATCH, &bytes, 1, &error));
    assert_true(backend->ops->reserve(backend, PS_WEIGHTS, &bytes, 1, &error));
    assert_true(backend->ops->reserve_staging(backend, bytes, &error));
    ps_run_begin(&run, backend, PS_F16, &error);
    run.resident = &resident;
    fill(backend, resident, 0.02f, &error);
    const struct ps_tensor x =
        ps_new(&run, PS_F16, 1, s->conv ? s->rows / 10 : 1, s->conv ? 10 : s->rows, s->k);
    fill(backend, x, 1, &error);
    const struct ps_layer layer = {.weight = &weight};
    const struct ps_tensor y = s->conv ? ps_conv3x3(&run, x, layer, NULL) : ps_linear(&run, x, layer, NULL);
    assert_no_error(error);
    const uint64_t count = ps_elements(y);
    assert_true(count <= MOST_ELEMENTS);
    ps_download(&run, y, result);
    ps_run_end(&run);
    assert_no_error(error);
    return count;
}

/* "coop2" with its products emulated. */
#define EMULATED "emulated"

static struct ps_vk_params params_of(const char *variant)
{
    const bool emulated = !strcmp(variant, EMULATED);
    return (struct ps_vk_params){.variant = emulated ? "coop2" : variant,
                                 .stand_in = emulated ? &coop2_emulation : NULL};
}

/* Validated, unless the layer is older than what the variant is made of. */
static struct ps_backend *open_validated(struct ps_vk_params params, struct ps_error *error)
{
    params.validate = true;
    struct ps_backend *backend = ps_vk_open(&params, error);
    if (backend || error->status != PS_ERR_DEVICE)
        return backend;
    *error = (struct ps_error){0};
    params.validate = false;
    return ps_vk_open(&params, error);
}

/* The device with that variant; null where it cannot run it. */
static struct ps_backend *open_variant(const char *variant, uint32_t tile)
{
    struct ps_error error = {0};
    struct ps_vk_params params = params_of(variant);
    params.tile = tile;
    struct ps_backend *backend = open_validated(params, &error);
    if (!backend) {
        assert_error(error, PS_ERR_DEVICE, "device.variant");
        print_message("not tried: %s\n", error.message);
    }
    return backend;
}

static void tiles_change_nothing(const char *variant)
{
    static uint16_t first[SHAPES][MOST_ELEMENTS], again[MOST_ELEMENTS];
    uint32_t tiles = 0;
    for (uint32_t i = 0; i < ps_vk_variant_count(); i++)
        if (!strcmp(ps_vk_variant_at(i)->name, params_of(variant).variant) &&
            ps_vk_variant_at(i)->kernel == PS_KERNEL_linear)
            tiles = ps_vk_variant_at(i)->tiles;
    assert_true(tiles > 1);
    for (uint32_t tile = 1; tile <= tiles; tile++) {
        struct ps_backend *backend = open_variant(variant, tile);
        if (!backend)
            return;
        for (size_t i = 0; i < SHAPES; i++) {
            const uint64_t count = compute(backend, &shapes[i], tile == 1 ? first[i] : again);
            if (tile > 1)
                assert_memory_equal(first[i], again, count * sizeof *again);
        }
        assert_int_not_equal(ps_vk_counts(backend).by_variant, 0);
        assert_int_equal(ps_vk_messages(backend), 0);
        backend->ops->close(backend);
    }
}

static void tiles_of_portable(void **state)
{
    (void)state;
    tiles_change_nothing("portable");
}

static void tiles_of_coop(void **state)
{
    (void)state;
    tiles_change_nothing("coop");
}

static void tiles_of_coop2(void **state)
{
    (void)state;
    tiles_change_nothing(EMULATED);
}

/* Tiles of coop2 whose bits are not the first one's are not chosen, and a tile's rows are the patch that wastes least. */
static void coop2_is_fitted(void **state)
{
    (void)state;
    struct ps_launch launch = {.kernel = PS_KERNEL_conv,
                               .type = PS_F16,
                               .items = {1280, 25 * 9 * 16, 1},
                               .spec = {[PS_CONV_SPEC_STRIDE] = 1},
                               .operands = {[0] = {.c = 640}, [5] = {.c = 1280}}};
    struct ps_conv_push push = {
        .frames = 25, .in_h = 9, .in_w = 16, .wide_h = 9, .wide_w = 16, .out_h = 9, .out_w = 16};
    struct ps_backend *backend = open_variant(EMULATED, 0);
    if (!backend)
        return;
    struct ps_vk *vk = (struct ps_vk *)backend;
    for (uint32_t i = 0; i < PS_VK_COOP2_TILES; i++) {
        vk->unequal = ~(1u << i);
        memcpy(launch.push, &push, sizeof push);
        const struct ps_vk_choice choice = ps_vk_choose(vk, &launch);
        const uint32_t *spec = choice.spec, rows = ps_vk_coop2_area(vk, i).rows;
        assert_int_equal(choice.shader, PS_SHADER_conv_coop2);
        assert_int_equal(spec[PS_TILE_ROWS], rows);
        assert_int_equal(spec[PS_TILE_PATCH_FRAMES] * spec[PS_TILE_PATCH_H] * spec[PS_TILE_PATCH_W], rows);
        assert_int_equal(choice.items[1], rows == 128 ? 35 : rows == 256 ? 18 : 63);
    }
    vk->unequal = 0;
    /* What coop does. */
    push.wide_h = 18;
    memcpy(launch.push, &push, sizeof push);
    assert_int_equal(ps_vk_choose(vk, &launch).shader, PS_KERNEL_conv);
    push.wide_h = 9;
    memcpy(launch.push, &push, sizeof push);
    launch.spec[PS_CONV_SPEC_STRIDE] = 2;
    assert_int_equal(ps_vk_choose(vk, &launch).shader, PS_KERNEL_conv);
    launch.spec[PS_CONV_SPEC_STRIDE] = 3;
    assert_int_equal(ps_vk_choose(vk, &launch).shader, PS_SHADER_conv_coop2);
    launch.spec[PS_CONV_SPEC_Q8] = 1;
    assert_int_equal(ps_vk_choose(vk, &launch).shader, PS_KERNEL_conv);
    launch.spec[PS_CONV_SPEC_Q8] = 0;
    launch.operands[0].c = 644;
    assert_int_equal(ps_vk_choose(vk, &launch).shader, PS_KERNEL_conv);
    backend->ops->close(backend);
}

static void unknown_names_are_refused(void **state)
{
    (void)state;
    struct ps_error error = {0};
    assert_null(ps_vk_open(&(struct ps_vk_params){.variant = "warp"}, &error));
    assert_error(error, PS_ERR_USAGE, "device.variant");
}

struct heard {
    unsigned warnings, infos, slower;
};

static void hear(void *user, enum ps_log_level level, const char *line)
{
    struct heard *heard = user;
    heard->warnings += level == PS_LOG_WARNING && strstr(line, "computes wrong results");
    heard->infos += level == PS_LOG_INFO && strstr(line, "were tried");
    heard->slower += level == PS_LOG_INFO && strstr(line, "has a faster shader than");
}

/* Opens the device with the variants of that name tried, and says how many of them are in use. */
static unsigned in_use(const char *variant, const char *cache, enum ps_vk_spoil spoil, struct heard *heard)
{
    struct ps_error error = {0};
    *heard = (struct heard){0};
    struct ps_vk_params params = params_of(variant);
    params.cache = cache;
    params.try_all = true;
    params.spoil_trials = spoil;
    params.log = (struct ps_log){hear, heard};
    struct ps_backend *backend = ps_vk_open(&params, &error);
    assert_no_error(error);
    const uint32_t variants = ((struct ps_vk *)backend)->variants;
    assert_int_equal(((struct ps_vk *)backend)->unequal, 0);
    assert_int_equal(backend->allocated_bytes, 0);
    assert_int_equal(backend->peak_bytes, 0);
    static uint16_t result[MOST_ELEMENTS];
    compute(backend, &shapes[0], result);
    const uint32_t of_linear = variants & ps_vk_variant_named(params.variant, PS_KERNEL_linear);
    assert_int_equal(ps_vk_counts(backend).by_variant != 0, of_linear != 0);
    backend->ops->close(backend);
    return (unsigned)__builtin_popcount(variants);
}

static void wrong_variants_are_not_used(void **state)
{
    (void)state;
    struct heard heard;
    assert_int_equal(in_use("portable", NULL, PS_VK_SPOIL_NONE, &heard), PORTABLE);
    assert_int_equal(heard.warnings, 0);
    assert_int_equal(heard.infos, 1);
    assert_int_equal(in_use("portable", NULL, PS_VK_SPOIL_ALL, &heard), 0);
    assert_int_equal(heard.warnings, PORTABLE);
    /* Linear and conv take weights in whole numbers, conv alone has phases. */
    assert_int_equal(in_use("portable", NULL, PS_VK_SPOIL_Q8, &heard), PORTABLE - 2);
    assert_int_equal(heard.warnings, 2);
    assert_int_equal(in_use("portable", NULL, PS_VK_SPOIL_PHASES, &heard), PORTABLE - 1);
    assert_int_equal(heard.warnings, 1);
}

/* One that is wrong in bfloat16 alone stays in use for the others. */
static void variants_wrong_in_one_type_stay_for_others(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct ps_error error = {0};
    const struct ps_vk_params params = {
        .variant = "portable", .try_all = true, .spoil_trials = PS_VK_SPOIL_BF16, .log = {hear, &heard}};
    struct ps_backend *backend = ps_vk_open(&params, &error);
    assert_no_error(error);
    const struct ps_vk *vk = (struct ps_vk *)backend;
    assert_int_equal(vk->variants, ps_vk_variant_named("portable", PS_KERNELS));
    assert_int_equal(vk->not_bfloat16, vk->variants);
    assert_int_equal(heard.warnings, PORTABLE);
    struct ps_launch launch = {.kernel = PS_KERNEL_linear, .items = {64, 64, 1}};
    for (int type = PS_F32; type < PS_TYPES; type++) {
        launch.type = (enum ps_type)type;
        const bool own = ps_vk_choose(vk, &launch).shader == (uint32_t)PS_KERNEL_linear;
        assert_int_equal(own, type == PS_BF16);
    }
    backend->ops->close(backend);
}

/* Sound coop variants are used, their tiles are timed, and a timed device gets the same bits. */
static void matrices_are_tried_and_timed(void **state)
{
    (void)state;
    static uint16_t result[SHAPES][MOST_ELEMENTS], again[MOST_ELEMENTS];
    struct heard heard;
    struct ps_backend *backend = open_variant("coop", 0);
    if (!backend)
        return;
    for (size_t i = 0; i < SHAPES; i++)
        compute(backend, &shapes[i], result[i]);
    backend->ops->close(backend);
    assert_int_equal(in_use("coop", NULL, PS_VK_SPOIL_ALL, &heard), 0);
    assert_int_equal(heard.warnings, COOP);

    struct ps_error error = {0};
    backend = open_validated((struct ps_vk_params){.variant = "coop", .try_all = true}, &error);
    assert_no_error(error);
    const struct ps_vk *vk = (struct ps_vk *)backend;
    assert_int_equal(__builtin_popcount(vk->variants), COOP);
    for (uint32_t i = 0; i < PS_VK_COOP_TILES; i++) {
        const bool possible = ps_vk_coop_area(vk, i).rows;
        const struct ps_vk_pace pace = vk->paces[PS_VK_PACES_COOP][i];
        assert_int_equal(pace.seconds > 0 && pace.seconds < 1, possible);
        assert_int_equal(pace.groups >= 1, possible);
    }
    for (size_t i = 0; i < SHAPES; i++)
        assert_memory_equal(result[i], again, compute(backend, &shapes[i], again) * sizeof *again);
    assert_int_equal(ps_vk_messages(backend), 0);
    backend->ops->close(backend);
}

static void all_are_tried(const char *variant)
{
    struct heard heard;
    struct ps_backend *backend = open_variant(variant, 0);
    if (!backend)
        return;
    const uint32_t count = (uint32_t)__builtin_popcount(((struct ps_vk *)backend)->variants);
    backend->ops->close(backend);
    assert_int_equal(in_use(variant, NULL, PS_VK_SPOIL_NONE, &heard), count);
    assert_int_equal(heard.warnings, 0);
    assert_int_equal(in_use(variant, NULL, PS_VK_SPOIL_ALL, &heard), 0);
    assert_int_equal(heard.warnings, count);
}

/* So are matrices of any size. */
static void flexible_matrices_are_tried(void **state)
{
    (void)state;
    all_are_tried("coop2");
}

static void products_of_coop2_are_tried(void **state)
{
    (void)state;
    all_are_tried(EMULATED);
}

/* One that takes much longer than the next is not used: coop2 beside the portable products. */
static void slow_variants_are_not_used(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct ps_error error = {0};
    struct ps_vk_params params = params_of(EMULATED);
    params.log = (struct ps_log){hear, &heard};
    struct ps_backend *backend = ps_vk_open(&params, &error);
    assert_no_error(error);
    struct ps_vk *vk = (struct ps_vk *)backend;
    const uint32_t portable = ps_vk_variant_named("portable", PS_KERNELS);
    const uint32_t coop2 =
        ps_vk_variant_named("coop2", PS_KERNEL_linear) | ps_vk_variant_named("coop2", PS_KERNEL_conv);
    assert_int_equal(vk->variants & coop2, coop2);
    vk->variants = portable | coop2;
    vk->try_all = true;
    vk->spoil_trials = PS_VK_SPOIL_PACE;
    heard = (struct heard){0};
    assert_true(ps_vk_trials(vk, &error));
    assert_int_equal(vk->variants, portable);
    assert_int_equal(heard.warnings, 0);
    assert_int_equal(heard.slower, 2);
    backend->ops->close(backend);
}

/* Calls `with` for each file of the folder that is not hidden; returns how many. */
static unsigned each_file(const char *folder, void (*with)(const char *path))
{
    unsigned count = 0;
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));) {
        char path[512];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%.200s", folder, entry->d_name);
        if (with)
            with(path);
        count++;
    }
    closedir(entries);
    return count;
}

static void damage(const char *path)
{
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    fseek(file, -1, SEEK_END);
    const int last = fgetc(file);
    fseek(file, -1, SEEK_END);
    fputc(last ^ 1, file);
    fclose(file);
}

static void cut(const char *path)
{
    assert_int_equal(truncate(path, 20), 0);
}

static void discard(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

/* What was found of some variants says nothing where the device has others. */
static void others_are_tried(const char *folder)
{
    struct heard heard = {0};
    struct ps_error error = {0};
    const struct ps_vk_params params = {
        .variant = "portable", .cache = folder, .try_all = true, .log = {hear, &heard}};
    struct ps_backend *backend = ps_vk_open(&params, &error);
    assert_no_error(error);
    assert_int_equal(heard.infos, 0);
    struct ps_vk *vk = (struct ps_vk *)backend;
    vk->variants = ps_vk_variant_named("portable", PS_KERNEL_attention);
    assert_true(ps_vk_trials(vk, &error));
    assert_int_equal(heard.infos, 1);
    vk->has_bfloat16 = !vk->has_bfloat16;
    assert_true(ps_vk_trials(vk, &error));
    assert_int_equal(heard.infos, 2);
    backend->ops->close(backend);
}

static void what_was_found_is_kept(void **state)
{
    (void)state;
    char above[] = "/tmp/packshot-variants-XXXXXX", folder[64];
    struct heard heard;
    assert_non_null(mkdtemp(above));
    snprintf(folder, sizeof folder, "%s/cache", above);
    assert_int_equal(in_use("portable", folder, PS_VK_SPOIL_ALL, &heard), 0);
    assert_int_equal(heard.infos, 1);
    assert_in_range(each_file(folder, NULL), 1, 2);
    /* What was found is believed, though it would be found otherwise now, but told each time. */
    assert_int_equal(in_use("portable", folder, PS_VK_SPOIL_NONE, &heard), 0);
    assert_int_equal(heard.infos, 0);
    assert_int_equal(heard.warnings, PORTABLE);
    /* A damaged or a cut file is none, and is replaced. */
    void (*const faults[])(const char *path) = {damage, cut};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        each_file(folder, faults[i]);
        assert_int_equal(in_use("portable", folder, PS_VK_SPOIL_NONE, &heard), PORTABLE);
        assert_int_equal(heard.infos, 1);
        assert_int_equal(in_use("portable", folder, PS_VK_SPOIL_ALL, &heard), PORTABLE);
        assert_int_equal(heard.infos, 0);
    }
    others_are_tried(folder);
    each_file(folder, discard);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(rmdir(above), 0);
}

/* An argument is a pattern of the tests' names. */
int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    struct ps_device devices[8];
    if (!ps_vk_devices(devices, 8, NULL, 0))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_of_portable),
        cmocka_unit_test(tiles_of_coop),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(wrong_variants_are_not_used),
        cmocka_unit_test(what_was_found_is_kept),
        cmocka_unit_test(matrices_are_tried_and_timed),
        cmocka_unit_test(variants_wrong_in_one_type_stay_for_others),
        cmocka_unit_test(flexible_matrices_are_tried),
        cmocka_unit_test(tiles_of_coop2),
        cmocka_unit_test(coop2_is_fitted),
        cmocka_unit_test(products_of_coop2_are_tried),
        cmocka_unit_test(slow_variants_are_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
