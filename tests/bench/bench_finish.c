/* What finishing costs: 25 frames of 1024x576 become 250 of 1920x1080 in an H.264 file, with each kind of interpolation,
 * beside the render that it follows; and the memory that it takes beside the clip, which must not grow with the result.
 *
 *     bench_finish [--check] [--rate GFLOP/s]
 *
 * The render is 25 steps of SVD-XT with guidance, 4027 TFLOP; --rate is what the machine does of them, by default what 2
 * cores of a Zen 4 do (pipeline/cpu/SPEED.md). --check fails where finishing takes more than 15 % of that render or memory
 * grows. Each save runs in a process of its own, whose peak is measured. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/clock.h"
#include "media/clip.h"

enum {
    WIDTH = 1024,
    HEIGHT = 576,
    FRAMES = 25,
    FPS = 7,
    TO_WIDTH = 1920,
    TO_HEIGHT = 1080,
    RATE = 25,
    SECONDS = 10
};

#define RENDER_TFLOP 4027.0
#define ZEN4_GFLOPS 390.0
#define SHARE 0.15

/* What a save took. */
struct cost {
    double seconds, processor; /* on the wall, and of all threads */
    long before_kb, peak_kb;   /* resident: with the clip alone, and at most */
};

/* Texture on a ball and on the ground behind it, which go different ways. */
static void draw(uint8_t *to, uint32_t frame)
{
    const double x0 = WIDTH * (0.3 + 0.016 * frame), y0 = HEIGHT * 0.5, radius = HEIGHT * 0.3;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++, to += 3) {
            const double dx = x - x0, dy = y - y0;
            const bool ball = dx * dx + dy * dy < radius * radius;
            const double u = ball ? dx : x + 3.0 * frame, v = ball ? dy : y,
                         wave = sin(u / 7) * sin(v / 5 + sin(u / 31)) + 0.5 * sin((u + 2 * v) / 3);
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)(128 + (ball ? 40 : 15) * wave + (ball ? 20 * c : -10 * c));
        }
}

static struct ps_clip *make_clip(void)
{
    struct ps_clip *clip = NULL;
    if (ps_clip_new(&clip, WIDTH, HEIGHT, FRAMES, FPS, NULL))
        return NULL;
    for (uint32_t f = 0; f < FRAMES; f++)
        draw(ps_clip_frame_pixels(clip, f), f);
    return clip;
}

static long peak_kb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* In the child: 0 or 1. */
static int save(struct cost *cost, enum ps_interpolation how, float seconds)
{
    char folder[] = "/tmp/packshot-bench-XXXXXX", path[64];
    const struct ps_save_params params = {.finish = {.width = TO_WIDTH,
                                                     .height = TO_HEIGHT,
                                                     .rate = {RATE, 1},
                                                     .duration = seconds,
                                                     .interpolation = how}};
    struct ps_error error = {0};
    struct ps_clip *clip = make_clip();
    if (!clip || !mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/clip.mp4", folder);
    cost->before_kb = peak_kb();
    const double begin = ps_seconds(), used = bench_cpu_seconds();
    if (ps_clip_save(clip, path, &params, &error))
        fprintf(stderr, "bench_finish: %s\n", error.message);
    cost->seconds = ps_seconds() - begin;
    cost->processor = bench_cpu_seconds() - used;
    cost->peak_kb = peak_kb();
    unlink(path);
    rmdir(folder);
    ps_clip_free(&clip);
    return error.status != PS_OK;
}

static bool measure(struct cost *cost, enum ps_interpolation how, float seconds)
{
    int ends[2], status = 1;
    if (pipe(ends))
        return false;
    const pid_t child = fork();
    if (!child) {
        const int failed = save(cost, how, seconds);
        _exit(failed || write(ends[1], cost, sizeof *cost) != (ssize_t)sizeof *cost);
    }
    close(ends[1]);
    const bool told = child > 0 && read(ends[0], cost, sizeof *cost) == (ssize_t)sizeof *cost;
    close(ends[0]);
    return child > 0 && waitpid(child, &status, 0) == child && told && !status;
}

/* The frames by which the result is longer, uncompressed as the encoder takes them, are far more than this. */
static bool grows(const struct cost *whole, const struct cost *half)
{
    const double frames = RATE * SECONDS / 2.0, frame_kb = TO_WIDTH * TO_HEIGHT * 1.5 / 1024;
    return (double)(whole->peak_kb - half->peak_kb) > frames * frame_kb / 4;
}

static bool report(const char *name, enum ps_interpolation how, double render)
{
    struct cost whole, half;
    if (!measure(&whole, how, SECONDS) || !measure(&half, how, SECONDS / 2.0f))
        return false;
    printf("%-10s %8.2f s %8.2f s %9.3f %% %14.0f s %10ld MB %10ld MB\n", name, whole.seconds,
           whole.processor, 100 * whole.seconds / render, whole.seconds / SHARE,
           (whole.peak_kb - whole.before_kb) / 1024, (half.peak_kb - half.before_kb) / 1024);
    fflush(stdout);
    return whole.seconds < SHARE * render && !grows(&whole, &half);
}

int main(int argc, char **argv)
{
    double rate = ZEN4_GFLOPS;
    bool check = false, good = true;
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--check"))
            check = true;
        else if (!strcmp(argv[i], "--rate") && i + 1 < argc)
            rate = atof(argv[++i]);
    const double render = RENDER_TFLOP * 1000 / rate;
    ps_silence_libav();
    printf("%d frames of %dx%d to %d of %dx%d; the render is %.0f TFLOP, %.0f s at %.0f GFLOP/s\n", FRAMES,
           WIDTH, HEIGHT, RATE * SECONDS, TO_WIDTH, TO_HEIGHT, RENDER_TFLOP, render, rate);
    printf("%-10s %10s %10s %11s %16s %13s %13s\n", "frames", "time", "processor", "of render",
           "15 % of a render", "memory", "of half");
    good = report("duplicate", PS_INTERPOLATION_DUPLICATE, render) && good;
    good = report("blend", PS_INTERPOLATION_BLEND, render) && good;
    good = report("motion", PS_INTERPOLATION_MOTION, render) && good;
    return check && !good;
}
