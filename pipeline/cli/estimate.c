#include "cli/estimate.h"

#include <math.h>

/* Bits a pixel at the default quality, and that quality: of H.264, HEVC, AV1, VP9 and WebP clips of products with a moving
 * camera, of ProRes Apple's white paper (220 and 330 Mbit/s of 1920x1080 at 29.97), of GIF and PNG photos. */
static const struct {
    double bits;
    uint32_t crf;
} rates[] = {
    [PS_CODEC_H264] = {0.4, 17},       [PS_CODEC_HEVC] = {0.3, 20},
    [PS_CODEC_AV1] = {0.25, 24},       [PS_CODEC_PRORES_422HQ] = {3.6, 0},
    [PS_CODEC_PRORES_4444] = {5.4, 0}, [PS_CODEC_VP9] = {0.3, 24},
    [PS_CODEC_GIF] = {6, 0},           [PS_CODEC_WEBP] = {1.5, 20},
    [PS_CODEC_PNG] = {14, 0},
};

uint64_t cli_estimate_bytes(const struct ps_save_plan *plan, uint32_t crf)
{
    /* The label, the sidecar and what a container has around the frames. */
    enum { AROUND = 16384 };
    const uint32_t usual = rates[plan->codec].crf;
    /* Six steps of the quantizer double it. */
    const double scale = usual && crf ? exp2(((double)usual - crf) / 6) : 1;
    const double pixels = (double)plan->width * plan->height * plan->frames;
    return AROUND + (uint64_t)(pixels * rates[plan->codec].bits * scale / 8);
}

double cli_estimate_rate(const struct cli_engine *engine, enum ps_dtype dtype, uint64_t memory_bytes)
{
    enum { SIDE = 64, FRAMES = 2 };
    const struct ps_bench_params params = {.part = PS_BENCH_UNET,
                                           .width = SIDE,
                                           .height = SIDE,
                                           .frames = FRAMES,
                                           .rounds = 1,
                                           .dtype = dtype,
                                           .memory_bytes = memory_bytes};
    struct ps_bench bench;
    if (ps_bench(&bench, engine->context, engine->model, &params, NULL, NULL) || !(bench.seconds > 0))
        return 0;
    return (double)bench.flops / bench.seconds;
}
