#include "cli/text.h"

#include <stdio.h>
#include <string.h>

static char *scaled(char *to, double value, double step, const char *const *units, size_t count)
{
    size_t unit = 0;
    for (; value >= step && unit + 1 < count; unit++)
        value /= step;
    snprintf(to, CLI_NUMBER_SIZE, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return to;
}

char *cli_bytes(char to[CLI_NUMBER_SIZE], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    return scaled(to, (double)bytes, 1024, units, sizeof units / sizeof *units);
}

char *cli_flops(char to[CLI_NUMBER_SIZE], uint64_t flops)
{
    static const char *const units[] = {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"};
    return scaled(to, (double)flops, 1000, units, sizeof units / sizeof *units);
}

char *cli_count(char to[CLI_NUMBER_SIZE], uint64_t count)
{
    static const char *const units[] = {"", "k", "M", "G"};
    scaled(to, (double)count, 1000, units, sizeof units / sizeof *units);
    const size_t length = strlen(to);
    if (to[length - 1] == ' ')
        to[length - 1] = '\0';
    return to;
}

char *cli_duration(char to[CLI_NUMBER_SIZE], double seconds)
{
    const double longest = 999.0 * 3600;
    const unsigned whole = (unsigned)(seconds < 0 ? 0 : seconds < longest ? seconds + 0.5 : longest);
    if (whole >= 3600)
        snprintf(to, CLI_NUMBER_SIZE, "%u:%02u:%02u", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(to, CLI_NUMBER_SIZE, "%02u:%02u", whole / 60, whole % 60);
    return to;
}
