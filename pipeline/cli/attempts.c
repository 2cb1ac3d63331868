#include "cli/attempts.h"

#include <stdio.h>

#include "cli/quality.h"
#include "cli/text.h"

static void record(struct cli_attempts *attempts, uint64_t seed, const struct ps_quality *quality)
{
    char text[CLI_NUMBER_SIZE];
    json_t *findings = json_array();
    for (uint32_t i = 0; i < quality->finding_count; i++)
        json_array_append_new(findings, json_string(quality->findings[i].id));
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    json_array_append_new(attempts->tried, json_pack("{s:s, s:o}", "seed", text, "findings", findings));
}

/* One seed; the better of its clip and the one before stays. */
static enum ps_status try_seed(struct cli_attempts *attempts, uint64_t seed, bool first,
                               struct ps_error *error)
{
    struct ps_render_params params = *attempts->params;
    struct ps_render_events events = *attempts->events;
    struct ps_clip *clip = NULL;
    struct ps_quality quality;
    params.seed = seed;
    /* The plan is that of the first. */
    if (!first)
        events.plan = NULL;
    if (ps_render(&clip, attempts->model, attempts->photo, &params, &events, error))
        return error->status;
    if (attempts->on_fail == CLI_ON_FAIL_REPORT) {
        attempts->clip = clip;
        return PS_OK;
    }
    if (!ps_clip_measure(&quality, clip, error)) {
        cli_tell_quality(attempts->report, &quality);
        record(attempts, seed, &quality);
        if (first || quality.finding_count < attempts->quality.finding_count) {
            struct ps_clip *worse = attempts->clip;
            attempts->clip = clip;
            attempts->quality = quality;
            attempts->params->seed = seed;
            attempts->measured = true;
            clip = worse;
        }
    }
    ps_clip_free(&clip);
    return error->status;
}

enum ps_status cli_attempts_measure(struct cli_attempts *attempts, struct ps_error *error)
{
    if (attempts->measured || ps_clip_measure(&attempts->quality, attempts->clip, error))
        return error->status;
    record(attempts, attempts->params->seed, &attempts->quality);
    attempts->measured = true;
    return PS_OK;
}

enum ps_status cli_attempts_run(struct cli_attempts *attempts, struct ps_error *error)
{
    const uint64_t seed = attempts->params->seed;
    const uint32_t more = attempts->on_fail == CLI_ON_FAIL_REROLL ? attempts->rerolls : 0;
    attempts->tried = json_array();
    for (uint32_t i = 0; i <= more; i++) {
        if (i)
            cli_say(attempts->report, true, "trying seed %llu instead", (unsigned long long)(seed + i));
        if (try_seed(attempts, seed + i, !i, error) || !attempts->quality.finding_count)
            return error->status;
    }
    if (more)
        cli_say(attempts->report, true,
                "no seed of %llu to %llu gave a clip without findings; keeping that of seed %llu",
                (unsigned long long)seed, (unsigned long long)(seed + more),
                (unsigned long long)attempts->params->seed);
    return PS_OK;
}
