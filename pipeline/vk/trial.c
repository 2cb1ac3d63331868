/* Variants are tried before they are used: on this device, with this driver, against the portable variant, and that against
 * the kernel's own shader, on small launches with tails in all directions. One that differs is not used. Then the tiles of
 * those that are left are timed, so that launches get the fastest, and the variants themselves, so that none is used where the
 * next one is much faster. All is done once for a driver where a folder is given to keep the result in. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/half.h"
#include "attention.h"
#include "conv.h"
#include "linear.h"
#include "vk/state.h"

#define SCRATCH_BYTES (40ull << 20)
#define WEIGHT_BYTES (24ull << 20)

enum { X, WEIGHT, BIAS, VECTOR, RESIDUAL, Y };

/* Forms of a product, by bits: with all of the epilogue's operands, else with none; with weights in whole numbers; of a
 * convolution as the four phases of an upsampling one; and stored as bfloat16 instead of float16. */
#define EVERYTHING 1u
#define WHOLE 2u
#define PHASES 4u
#define BFLOAT16 8u

/* A convolution, of 3 x 3 or in phases, has frames of h x w. Attention has n heads of k channels; it is over the pixels of each
 * frame or, with everything, over the frames at each pixel. */
struct attempt {
    enum ps_kernel kernel;
    uint32_t frames, h, w, k, n, stride, act, form;
};

static const struct attempt attempts[] = {
    {PS_KERNEL_linear, 1, 1, 150, 72, 136, 1, PS_ACT_SILU, EVERYTHING},
    {PS_KERNEL_linear, 1, 1, 40, 35, 22, 1, PS_ACT_GEGLU, EVERYTHING},
    {PS_KERNEL_linear, 1, 1, 20, 4104, 72, 1, PS_ACT_NONE, 0}, /* in halves */
    {PS_KERNEL_linear, 1, 1, 150, 72, 136, 1, PS_ACT_SILU, EVERYTHING | WHOLE},
    {PS_KERNEL_conv, 2, 9, 7, 24, 136, 1, PS_ACT_NONE, EVERYTHING},
    {PS_KERNEL_conv, 1, 12, 10, 464, 70, 2, PS_ACT_NONE, 0},     /* in halves */
    {PS_KERNEL_conv, 1, 12, 10, 464, 70, 1, PS_ACT_NONE, WHOLE}, /* likewise */
    {PS_KERNEL_conv, 2, 5, 7, 24, 136, 1, PS_ACT_NONE, EVERYTHING | PHASES},
    /* For coop2, which takes multiples of eight channels alone. */
    {PS_KERNEL_linear, 1, 1, 70, 72, 144, 1, PS_ACT_GEGLU, EVERYTHING},
    {PS_KERNEL_conv, 2, 12, 10, 136, 72, 2, PS_ACT_NONE, EVERYTHING},
    {PS_KERNEL_attention, 2, 15, 11, 64, 3, 1, PS_ACT_NONE, 0},
    {PS_KERNEL_attention, 25, 3, 3, 80, 3, 1, PS_ACT_NONE, EVERYTHING}, /* packed */
    {PS_KERNEL_attention, 1, 9, 11, 512, 1, 1, PS_ACT_NONE, 0},         /* in slices */
    {PS_KERNEL_linear, 1, 1, 150, 72, 136, 1, PS_ACT_SILU, EVERYTHING | BFLOAT16},
    {PS_KERNEL_linear, 1, 1, 40, 72, 136, 1, PS_ACT_NONE, WHOLE | BFLOAT16},
    {PS_KERNEL_conv, 2, 9, 7, 22, 136, 1, PS_ACT_NONE, EVERYTHING | BFLOAT16},
    {PS_KERNEL_attention, 2, 15, 11, 64, 3, 1, PS_ACT_NONE, BFLOAT16},
};
#define ATTEMPTS (sizeof attempts / sizeof *attempts)

/* What the variants of a kernel are timed by: what SVD has at 1024 x 576 in the UNet's second level. */
static const struct attempt races[] = {
    {PS_KERNEL_linear, 1, 1, 4608, 640, 1280, 1, PS_ACT_NONE, 0},
    {PS_KERNEL_conv, 2, 36, 64, 640, 640, 1, PS_ACT_NONE, 0},
    {PS_KERNEL_attention, 2, 36, 64, 64, 10, 1, PS_ACT_NONE, 0},
};
#define RACES (sizeof races / sizeof *races)
#define RACE_TURNS 3
#define MUCH_SLOWER 1.2 /* times as long: less may be chance, and another choice gives other bits */

/* What is timed of a tile: many work groups and one, of sums of so many terms. */
#define TIMED_ROWS 2048
#define TIMED_COLUMNS 2560
#define TIMED_ROWS_IN_SOFTWARE 128
#define TIMED_COLUMNS_IN_SOFTWARE 160
#define TIMED_TERMS 2048
#define TIMED_TERMS_APART 4096
#define TIMED_SECONDS 0.01
#define TIMED_MOST 64

struct trial {
    struct ps_vk *vk;
    enum ps_type type;      /* of the attempt that is prepared */
    uint64_t at[PS_SPACES]; /* bytes in use */
    uint64_t random;
    struct ps_error *error;
};

/* As it is kept. */
struct findings {
    uint64_t tried;        /* which variants, by which attempts: a hash of them */
    uint32_t unsound;      /* variants by bits, as ps_vk.variants */
    uint32_t unequal;      /* as ps_vk.unequal */
    uint32_t not_bfloat16; /* sound ones that are not in bfloat16 */
    uint32_t slow;         /* sound ones that a later one of the table beats */
    struct ps_vk_pace paces[PS_VK_PACED][PS_VK_TILES];
};

static float next_random(struct trial *trial)
{
    trial->random = trial->random * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
    return (float)(trial->random >> 40) * 0x1p-23f - 1;
}

static struct ps_tensor place(struct trial *trial, enum ps_type type, enum ps_space space,
                              const uint32_t shape[4])
{
    struct ps_tensor t = {.type = type,
                          .space = space,
                          .offset = trial->at[space],
                          .n = shape[0],
                          .h = shape[1],
                          .w = shape[2],
                          .c = shape[3]};
    t.pitch = ps_frame_elements(t);
    trial->at[space] += ps_align_up(ps_span_bytes(t), PS_ALIGNMENT);
    return t;
}

static uint16_t stored_of(enum ps_type type, float value)
{
    return type == PS_BF16 ? ps_bf16_from_float(value) : ps_half_from_float(value);
}

static double value_of(enum ps_type type, uint16_t stored)
{
    return (double)(type == PS_BF16 ? ps_float_from_bf16(stored) : ps_float_from_half(stored));
}

/* A tensor of uniform numbers in [-scale, scale). */
static struct ps_tensor make(struct trial *trial, enum ps_space space, const uint32_t shape[4], float scale)
{
    const struct ps_tensor t = place(trial, trial->type, space, shape);
    struct ps_backend *backend = &trial->vk->base;
    uint16_t *to = trial->error->status ? NULL : backend->ops->upload_begin(backend, t, trial->error);
    if (!to)
        return t;
    for (uint64_t i = 0; i < ps_elements(t); i++)
        to[i] = stored_of(trial->type, scale * next_random(trial));
    backend->ops->upload_end(backend, trial->error);
    return t;
}

/* A weight in whole numbers, each column with a scale of its own, up to `scale` for 127. */
static struct ps_tensor make_whole(struct trial *trial, const uint32_t shape[4], float scale)
{
    const struct ps_tensor t = place(trial, PS_Q8, PS_WEIGHTS, shape);
    struct ps_backend *backend = &trial->vk->base;
    float *scales = trial->error->status ? NULL : backend->ops->upload_begin(backend, t, trial->error);
    if (!scales)
        return t;
    for (uint32_t i = 0; i < t.w; i++)
        scales[i] = scale / 127 * (0.75f + 0.25f * next_random(trial));
    int8_t *to = (int8_t *)(scales + t.w);
    for (uint64_t i = 0; i < ps_elements(t); i++)
        to[i] = (int8_t)lrintf(127 * next_random(trial));
    backend->ops->upload_end(backend, trial->error);
    return t;
}

#define SHAPE(...) ((const uint32_t[4]){__VA_ARGS__})

/* As the op fills it: what a reference that is the kernel's own shader needs of it too. */
static struct ps_launch prepare_attention(struct trial *trial, const struct attempt *a)
{
    const bool over_frames = a->form & EVERYTHING;
    const uint32_t c = a->n * a->k, pixels = a->h * a->w, tokens = over_frames ? a->frames : pixels;
    const uint32_t problems = over_frames ? pixels : a->frames, lanes = 8;
    const uint32_t token = over_frames ? pixels : 1, problem = over_frames ? 1 : pixels;
    uint32_t slices = 1;
    while (slices * 2 * lanes * PS_ATTENTION_MAX_LANE_PAIRS < a->k)
        slices *= 2;
    const uint32_t tiles = ps_div_up(tokens, PS_ATTENTION_MAX_ROWS * lanes) * a->n * problems;
    const struct ps_attention_push push = {.batch = problems,
                                           .heads = a->n,
                                           .d = a->k,
                                           .queries = tokens,
                                           .keys = tokens,
                                           .k_first = c,
                                           .v_first = 2 * c,
                                           .q_token = 3 * c * token,
                                           .kv_token = 3 * c * token,
                                           .y_token = c * token,
                                           .q_batch = 3 * c * problem,
                                           .kv_batch = 3 * c * problem,
                                           .y_batch = c * problem,
                                           .scale = 4 / sqrtf((float)a->k)};
    trial->at[PS_SCRATCH] = trial->at[PS_WEIGHTS] = 0;
    const struct ps_tensor qkv = make(trial, PS_SCRATCH, SHAPE(a->frames, a->h, a->w, 3 * c), 1);
    const struct ps_tensor y = make(trial, PS_SCRATCH, SHAPE(a->frames, a->h, a->w, c), 0);
    struct ps_launch launch = {
        .kernel = PS_KERNEL_attention,
        .type = trial->type,
        .spec = {[PS_ATTENTION_SPEC_ALIGNED] = a->k % 4 == 0,
                 [PS_ATTENTION_SPEC_SLICES] = slices,
                 [PS_ATTENTION_SPEC_LANE_PAIRS] = ps_div_up(a->k, slices * 2 * lanes),
                 [PS_ATTENTION_SPEC_ROWS] = PS_ATTENTION_MAX_ROWS},
        .operands = {qkv, qkv, qkv, y},
        .items = {ps_div_up(tiles, PS_ATTENTION_CLUSTERS / slices), 1, 1},
        .flops = 4ull * problems * a->n * tokens * tokens * a->k,
    };
    memcpy(launch.push, &push, sizeof push);
    return launch;
}

static struct ps_launch prepare_product(struct trial *trial, const struct attempt *a)
{
    const bool conv = a->kernel == PS_KERNEL_conv, geglu = a->act == PS_ACT_GEGLU;
    const uint32_t everything = a->form & EVERYTHING ? 1 : 0, phases = a->form & PHASES ? 4 : 1;
    const uint32_t taps = conv ? phases == 4 ? 16 : 9 : 1, times = phases == 4 ? 2 : 1;
    const uint32_t out_h = ps_div_up(a->h, a->stride), out_w = ps_div_up(a->w, a->stride);
    const uint32_t rows = a->frames * out_h * out_w, width = geglu ? a->n / 2 : a->n;
    const uint32_t matrix[4] = {taps, ps_div_up(a->k, 4), (a->n + 7) / 8 * 8, 4};
    const uint32_t result[4] = {a->frames, times * out_h, times * out_w, width};
    const float scale = 1 / sqrtf((float)(a->k * taps / phases));
    trial->at[PS_SCRATCH] = trial->at[PS_WEIGHTS] = 0;
    struct ps_launch launch = {
        .kernel = a->kernel,
        .type = trial->type,
        .spec = {[PS_LINEAR_SPEC_ACT] = a->act,
                 [PS_LINEAR_SPEC_BIAS] = everything,
                 [PS_LINEAR_SPEC_VECTOR] = everything,
                 [PS_LINEAR_SPEC_RESIDUAL] = everything,
                 [PS_LINEAR_SPEC_Q8] = a->form & WHOLE ? 1 : 0},
        .items = {a->n, rows, phases},
        .flops = 2ull * rows * a->n * a->k * taps,
    };
    struct ps_tensor *operands = launch.operands;
    operands[X] = make(trial, PS_SCRATCH, SHAPE(a->frames, a->h, a->w, a->k), 1);
    operands[WEIGHT] =
        a->form & WHOLE ? make_whole(trial, matrix, scale) : make(trial, PS_WEIGHTS, matrix, scale);
    if (everything) {
        operands[BIAS] = make(trial, PS_WEIGHTS, SHAPE(1, 1, 1, a->n), 1);
        operands[VECTOR] = make(trial, PS_SCRATCH, SHAPE(a->frames, 1, 1, a->n), 1);
        operands[RESIDUAL] = make(trial, PS_SCRATCH, result, 1);
    }
    operands[Y] = make(trial, PS_SCRATCH, result, 0);
    if (conv) {
        const struct ps_conv_push push = {.frames = a->frames,
                                          .in_h = a->h,
                                          .in_w = a->w,
                                          .k = a->k,
                                          .wide_h = a->h,
                                          .wide_w = a->w,
                                          .out_h = out_h,
                                          .out_w = out_w,
                                          .n = a->n,
                                          .pad_y = 1,
                                          .pad_x = 1,
                                          .vector_rows = out_h * out_w,
                                          .scale = 0.75f,
                                          .phases = phases};
        launch.spec[PS_CONV_SPEC_KERNEL_H] = launch.spec[PS_CONV_SPEC_KERNEL_W] = phases == 4 ? 2 : 3;
        launch.spec[PS_CONV_SPEC_STRIDE] = a->stride;
        launch.spec[PS_CONV_SPEC_ALIGNED] = a->k % 4 == 0;
        memcpy(launch.push, &push, sizeof push);
    } else {
        const struct ps_linear_push push = {
            .m = rows, .k = a->k, .n = a->n, .vector_rows = out_h * out_w, .scale = 0.75f};
        launch.spec[PS_LINEAR_SPEC_ALIGNED] = a->k % 4 == 0;
        memcpy(launch.push, &push, sizeof push);
    }
    return launch;
}

static struct ps_launch prepare(struct trial *trial, const struct attempt *a)
{
    trial->type = a->form & BFLOAT16 ? PS_BF16 : PS_F16;
    return a->kernel == PS_KERNEL_attention ? prepare_attention(trial, a) : prepare_product(trial, a);
}

static struct ps_tensor result_of(const struct ps_launch *launch)
{
    return launch->operands[strlen(ps_kernel_row(launch->kernel)->reads)];
}

/* Whether the variant with this tile is for the launch. */
static bool takes(struct trial *trial, uint32_t number, uint32_t tile, const struct ps_launch *launch)
{
    struct ps_vk *vk = trial->vk;
    const uint32_t before = vk->variants;
    vk->variants = 1u << number;
    vk->tile = tile;
    const struct ps_vk_choice choice = ps_vk_choose(vk, launch);
    vk->variants = before;
    vk->tile = 0;
    return choice.shader == ps_vk_variant_at(number)->shader;
}

/* Fills the result with NaNs, lest a shader that writes nothing seem to have done what one before it did. */
static void forget_result(struct trial *trial, const struct ps_launch *launch)
{
    struct ps_backend *backend = &trial->vk->base;
    const struct ps_tensor y = result_of(launch);
    void *to = trial->error->status ? NULL : backend->ops->upload_begin(backend, y, trial->error);
    if (to) {
        memset(to, 0xff, ps_span_bytes(y));
        backend->ops->upload_end(backend, trial->error);
    }
}

/* Runs the launch by these variants alone and with this tile, `times` times; null stands for no result. */
static bool run(struct trial *trial, const struct ps_launch *launch, uint32_t variants, uint32_t tile,
                uint32_t times, uint16_t *result)
{
    struct ps_vk *vk = trial->vk;
    struct ps_backend *backend = &vk->base;
    const uint32_t before = vk->variants;
    bool done = true;
    vk->variants = variants;
    vk->tile = tile;
    for (uint32_t i = 0; i < times && done; i++)
        done = backend->ops->launch(backend, launch, trial->error);
    vk->variants = before;
    vk->tile = 0;
    return done && (result ? backend->ops->download(backend, result_of(launch), result, trial->error)
                           : backend->ops->finish(backend, trial->error));
}

/* Results are near the size of `rms`. Both are rounded to f16, whose unit is 2^-11, or bf16, 2^-8, and sum in orders of their
 * own; what is wrong is off by the size of the result. */
static bool agree(enum ps_type type, const uint16_t *got, const uint16_t *want, uint64_t count)
{
    const double limit = 4 * (type == PS_BF16 ? 0x1p-8 : 0x1p-11);
    double squares = 0;
    for (uint64_t i = 0; i < count; i++) {
        const double value = value_of(type, want[i]);
        squares += value * value;
    }
    const double rms = sqrt(squares / (double)count);
    for (uint64_t i = 0; i < count; i++) {
        const double value = value_of(type, want[i]);
        const double off = fabs(value_of(type, got[i]) - value);
        if (!(off <= limit * (rms + fabs(value))))
            return false;
    }
    return true;
}

static bool is_spoilt(enum ps_vk_spoil spoil, const struct attempt *a)
{
    return spoil == PS_VK_SPOIL_ALL || (spoil == PS_VK_SPOIL_Q8 && a->form & WHOLE) ||
           (spoil == PS_VK_SPOIL_PHASES && a->form & PHASES) ||
           (spoil == PS_VK_SPOIL_BF16 && a->form & BFLOAT16);
}

/* Whether a driver could not make a shader, which is not a failure of the device. */
static bool was_refused(struct trial *trial)
{
    const bool refused = trial->error->status == PS_ERR_DEVICE;
    if (refused)
        *trial->error = (struct ps_error){0};
    return refused;
}

/* Whether the variant, with each of its tiles, does in the attempts of one storage type what `reference` does, the portable one
 * or, 0, the kernel's own shader. False also where a driver cannot make it; `error` is set only where the device is of no more
 * use. Sets the bits in `unequal` of tiles whose results differ in any bit from those of the first. */
static bool is_sound(struct trial *trial, uint32_t number, uint32_t reference, enum ps_type type,
                     uint32_t *unequal)
{
    const struct ps_vk_variant *variant = ps_vk_variant_at(number);
    bool sound = true;
    for (size_t i = 0; i < ATTEMPTS && sound; i++) {
        if (attempts[i].kernel != variant->kernel || (type == PS_BF16) != !!(attempts[i].form & BFLOAT16))
            continue;
        const struct ps_launch launch = prepare(trial, &attempts[i]);
        if (!takes(trial, number, 0, &launch))
            continue;
        const uint64_t count = ps_elements(result_of(&launch));
        uint16_t *want = calloc(3 * count, sizeof *want), *got = want ? want + count : NULL, *first = NULL;
        if (!want)
            ps_fail(trial->error, PS_ERR_MEMORY, "memory.host", "out of memory");
        sound = want && run(trial, &launch, reference, 0, 1, want);
        for (uint32_t tile = variant->tiles ? 1 : 0; tile <= variant->tiles && sound; tile++) {
            forget_result(trial, &launch);
            sound = run(trial, &launch, 1u << number, tile, 1, got);
            if (is_spoilt(trial->vk->spoil_trials, &attempts[i]))
                got[count / 2] ^= 0x4000; /* the highest bit of its exponent */
            sound = sound && agree(type, got, want, count);
            if (first && memcmp(got, first, count * sizeof *got))
                *unequal |= 1u << (tile - 1);
            if (!first)
                first = memcpy(want + 2 * count, got, count * sizeof *got);
        }
        free(want);
    }
    return !was_refused(trial) && sound;
}

/* Seconds of one launch; 0 after an error. */
static double seconds_of(struct trial *trial, const struct ps_launch *launch, uint32_t variants,
                         uint32_t tile)
{
    double seconds = 0;
    uint32_t times = 1;
    run(trial, launch, variants, tile, 1, NULL);
    while (!trial->error->status) {
        const double begin = ps_seconds();
        run(trial, launch, variants, tile, times, NULL);
        seconds = (ps_seconds() - begin) / times;
        if (seconds * times >= TIMED_SECONDS || times >= TIMED_MOST)
            break;
        times *= 4;
    }
    return seconds;
}

static void time_tiles(struct trial *trial, uint32_t number, struct ps_vk_pace paces[PS_VK_TILES])
{
    const bool software = trial->vk->info.software;
    const uint32_t rows = software ? TIMED_ROWS_IN_SOFTWARE : TIMED_ROWS;
    const uint32_t columns = software ? TIMED_COLUMNS_IN_SOFTWARE : TIMED_COLUMNS;
    for (uint32_t i = 0; i < ps_vk_variant_at(number)->tiles && !trial->error->status; i++) {
        const struct ps_vk_area area = ps_vk_variant_at(number)->area(trial->vk, i);
        const uint32_t terms = area.apart ? TIMED_TERMS_APART : TIMED_TERMS;
        struct attempt one = {.kernel = PS_KERNEL_linear, .frames = 1, .h = 1, .k = terms, .stride = 1};
        struct attempt many = one;
        if (!area.rows)
            continue;
        one.w = area.rows, one.n = area.columns;
        many.w = rows, many.n = columns;
        const struct ps_launch of_many = prepare(trial, &many);
        const double together = seconds_of(trial, &of_many, 1u << number, i + 1);
        const struct ps_launch of_one = prepare(trial, &one);
        const double alone = seconds_of(trial, &of_one, 1u << number, i + 1);
        const double groups = (double)(ps_div_up(rows, area.rows) * ps_div_up(columns, area.columns));
        if (together > 0 && alone > 0)
            paces[i] = (struct ps_vk_pace){alone / terms, fmax(1, groups * alone / together)};
    }
}

static bool is_coop2(uint32_t number)
{
    return !strcmp(ps_vk_variant_at(number)->name, "coop2");
}

/* Seconds of a launch by a variant at its best; 0 after an error. */
static double race_of(struct trial *trial, const struct ps_launch *launch, uint32_t number)
{
    double least = INFINITY;
    for (int turn = 0; turn < RACE_TURNS; turn++)
        least = fmin(least, seconds_of(trial, launch, 1u << number, 0));
    return trial->vk->spoil_trials == PS_VK_SPOIL_PACE && is_coop2(number) ? 100 * least : least;
}

/* Which of the sound variants take much longer than one behind them in the table, for what both take. */
static uint32_t slow_ones(struct trial *trial, uint32_t sound)
{
    uint32_t slow = 0;
    for (size_t r = 0; r < RACES; r++) {
        struct attempt race = races[r];
        double least = INFINITY;
        if (trial->vk->info.software) {
            race.w /= 32;
            race.k /= 8;
            race.n = ps_div_up(race.n, 8);
        }
        const struct ps_launch launch = prepare(trial, &race);
        for (uint32_t i = ps_vk_variant_count(); i-- > 0 && !trial->error->status;) {
            if (!(sound & 1u << i) || ps_vk_variant_at(i)->kernel != race.kernel ||
                !takes(trial, i, 0, &launch))
                continue;
            const double seconds = race_of(trial, &launch, i);
            if (was_refused(trial) || seconds > MUCH_SLOWER * least)
                slow |= 1u << i;
            else
                least = fmin(least, seconds);
        }
    }
    return slow;
}

/* A device may offer fewer variants, or them in fewer types, another time, as under a validation layer that is older. */
static uint64_t hash_of_trials(const struct ps_vk *vk)
{
    const uint32_t offered[] = {vk->variants, vk->has_bfloat16};
    const uint64_t hash = ps_vk_hash(PS_VK_HASH_BEGIN, attempts, sizeof attempts);
    return ps_vk_hash(ps_vk_hash(hash, races, sizeof races), offered, sizeof offered);
}

static bool read_findings(struct ps_vk *vk, struct findings *findings)
{
    size_t bytes;
    void *kept = ps_vk_kept_read(vk, "variants", &bytes);
    bool whole = kept && bytes == sizeof *findings;
    if (whole)
        memcpy(findings, kept, sizeof *findings);
    free(kept);
    whole = whole && findings->tried == hash_of_trials(vk);
    for (size_t i = 0; i < PS_VK_PACED * PS_VK_TILES && whole; i++) {
        const struct ps_vk_pace pace = findings->paces[i / PS_VK_TILES][i % PS_VK_TILES];
        whole = pace.seconds >= 0 && pace.seconds < 1 && pace.groups >= 0 && pace.groups < 1e6;
    }
    return whole;
}

/* What launches' tiles are chosen by. */
static void take_tiles(struct ps_vk *vk, const struct findings *findings)
{
    vk->unequal = findings->unequal;
    memcpy(vk->paces, findings->paces, sizeof vk->paces);
}

/* The portable variants are held against the kernels' own shaders only where that is kept: on a GPU those take a driver long to
 * compile. */
static void find(struct trial *trial, struct findings *findings)
{
    struct ps_vk *vk = trial->vk;
    const bool is_timed = vk->try_all || !vk->info.software;
    for (uint32_t i = 0; i < ps_vk_variant_count() && !trial->error->status; i++) {
        const struct ps_vk_variant *variant = ps_vk_variant_at(i);
        const uint32_t portable = ps_vk_variant_named("portable", variant->kernel);
        const bool is_portable = portable & 1u << i;
        if (!(vk->variants & 1u << i) || (is_portable && !vk->try_all && !vk->cache))
            continue;
        const bool coop2 = is_coop2(i);
        uint32_t unequal = 0;
        if (!is_sound(trial, i, is_portable ? 0 : portable, PS_F16, &unequal)) {
            findings->unsound |= 1u << i;
            continue;
        }
        findings->unequal |= coop2 ? unequal : 0;
        if (!is_sound(trial, i, is_portable ? 0 : portable, PS_BF16, &unequal))
            findings->not_bfloat16 |= 1u << i;
        if (variant->area && is_timed)
            time_tiles(trial, i, findings->paces[coop2 ? PS_VK_PACES_COOP2 : PS_VK_PACES_COOP]);
        if (was_refused(trial))
            findings->unsound |= 1u << i;
    }
    take_tiles(vk, findings);
    if (is_timed && !trial->error->status)
        findings->slow = slow_ones(trial, vk->variants & ~findings->unsound);
}

bool ps_vk_trials(struct ps_vk *vk, struct ps_error *error)
{
    struct findings findings = {0};
    struct trial trial = {.vk = vk, .random = 1, .error = error};
    struct ps_backend *backend = &vk->base;
    const uint64_t scratch = SCRATCH_BYTES, weights = WEIGHT_BYTES;
    if (!vk->try_all && !vk->cache && !(vk->variants & ~ps_vk_variant_named("portable", PS_KERNELS)))
        return true;
    if (!read_findings(vk, &findings)) {
        findings = (struct findings){.tried = hash_of_trials(vk)};
        const double begin = ps_seconds();
        if (!backend->ops->reserve(backend, PS_SCRATCH, &scratch, 1, error) ||
            !backend->ops->reserve(backend, PS_WEIGHTS, &weights, 1, error) ||
            !backend->ops->reserve_staging(backend, WEIGHT_BYTES, error))
            return false;
        find(&trial, &findings);
        if (error->status == PS_ERR_DEVICE_LOST)
            ps_log(&vk->log, PS_LOG_WARNING,
                   "%s was lost while its fast shaders were tried; --kernels own does without them",
                   vk->info.name);
        if (error->status || !backend->ops->reserve(backend, PS_SCRATCH, NULL, 0, error) ||
            !backend->ops->reserve(backend, PS_WEIGHTS, NULL, 0, error))
            return false;
        ps_vk_buffer_destroy(vk, &vk->staging);
        vk->counts = (struct ps_vk_counts){.pipelines = vk->counts.pipelines};
        backend->peak_bytes = backend->allocated_bytes;
        ps_vk_kept_write(vk, "variants", &findings, sizeof findings);
        ps_log(&vk->log, PS_LOG_INFO, "the device's fast shaders were tried in %.1f seconds",
               ps_seconds() - begin);
    }
    for (uint32_t i = 0; i < ps_vk_variant_count(); i++) {
        const char *shader = ps_vk_shaders[ps_vk_variant_at(i)->shader].name;
        if (vk->variants & (findings.unsound | findings.not_bfloat16) & 1u << i)
            ps_log(&vk->log, PS_LOG_WARNING,
                   "%s computes wrong results with the shader %s%s, which is not used", vk->info.name, shader,
                   findings.unsound & 1u << i ? "" : " in bf16");
        else if (vk->variants & findings.slow & 1u << i)
            ps_log(&vk->log, PS_LOG_INFO, "%s has a faster shader than %s, which is not used", vk->info.name,
                   shader);
    }
    vk->variants &= ~(findings.unsound | findings.slow);
    vk->not_bfloat16 = vk->variants & findings.not_bfloat16;
    take_tiles(vk, &findings);
    return true;
}
