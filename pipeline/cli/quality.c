#include "cli/quality.h"

void cli_tell_quality(struct cli_report *report, const struct ps_quality *quality)
{
    for (uint32_t i = 0; i < quality->finding_count; i++)
        cli_say(report, true, "needs eyes: %s", quality->findings[i].text);
}

static json_t *finding_event(const struct ps_finding *finding)
{
    return json_pack("{s:s, s:f, s:f, s:s}", "id", finding->id, "figure", finding->figure, "limit",
                     finding->limit, "text", finding->text);
}

/* Negative figures are those that could not be measured. */
static json_t *figure(double value)
{
    return value < 0 ? json_null() : json_real(value);
}

json_t *cli_quality_event(const struct ps_quality *quality)
{
    json_t *findings = json_array();
    for (uint32_t i = 0; i < quality->finding_count; i++)
        json_array_append_new(findings, finding_event(&quality->findings[i]));
    return json_pack(
        "{s:b, s:o, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:o}", "needs_eyes", quality->finding_count > 0,
        "findings", findings, "not_finite", (json_int_t)quality->not_finite, "black_frames",
        (json_int_t)quality->black_frames, "flat_frames", (json_int_t)quality->flat_frames, "frozen_frames",
        (json_int_t)quality->frozen_frames, "flicker", quality->flicker, "motion", quality->motion, "drift",
        figure(quality->drift), "colour_drift", figure(quality->colour_drift));
}
