#include "finish/plan.h"

#include <math.h>
#include <stddef.h>

#include "frame/place.h"

enum { WHOLE = 65536 };

/* ---- ranges ---- */

/* A number of the parameters. Zero is the default; a negative number means none where `none` is set. */
struct range {
    const char *name;
    size_t offset;
    float low, high;
    bool none;
};

#define AT(member) offsetof(struct ps_finish_params, member)

static const struct range ranges[] = {
    {"crossfade", AT(crossfade), 0, 60, false},
    {"speed", AT(speed), 0.1f, 10, false},
    {"duration", AT(duration), 0, 600, false},
    {"hold", AT(hold), 0, 60, false},
    {"fade_in", AT(fade_in), 0, 60, false},
    {"fade_out", AT(fade_out), 0, 60, false},
    {"logo.opacity", AT(logo.opacity), 0, 1, false},
    {"logo.margin", AT(logo.margin), 0, 0.5f, true},
    {"logo.scale", AT(logo.scale), 0, 1, false},
    {"caption.size", AT(caption.size), 0.01f, 0.5f, false},
    {"caption.margin", AT(caption.margin), 0, 0.5f, true},
    {"visible_label.size", AT(visible_label.size), 0.01f, 0.5f, false},
    {"visible_label.margin", AT(visible_label.margin), 0, 0.5f, true},
    {"end_card.hold", AT(end_card.hold), 0.04f, 60, false},
    {"end_card.fade", AT(end_card.fade), 0, 60, true},
};

static enum ps_status check_ranges(const struct ps_finish_params *params, struct ps_error *error)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const struct range *range = &ranges[i];
        const float value = *(const float *)((const char *)params + range->offset);
        if (!(value == 0 || (range->none && value < 0 && isfinite(value)) ||
              (value >= range->low && value <= range->high)))
            return ps_fail(error, PS_ERR_USAGE, "usage.finish", "%s %g: expected %g to %g", range->name,
                           (double)value, (double)range->low, (double)range->high);
    }
    return PS_OK;
}

static enum ps_status check_choices(const struct ps_finish_params *params, struct ps_error *error)
{
    const uint32_t white = 0xffffff;
    if ((unsigned)params->loop > PS_LOOP_SEAMLESS ||
        (unsigned)params->interpolation > PS_INTERPOLATION_MOTION ||
        (unsigned)params->logo.anchor > PS_ANCHOR_BOTTOM_RIGHT ||
        (unsigned)params->caption.anchor > PS_ANCHOR_BOTTOM_RIGHT ||
        (unsigned)params->visible_label.anchor > PS_ANCHOR_BOTTOM_RIGHT)
        return ps_fail(error, PS_ERR_USAGE, "usage.finish",
                       "a loop, an interpolation or an anchor is none of packshot.h");
    if (params->fade_colour > white || params->caption.colour > white || params->visible_label.colour > white)
        return ps_fail(error, PS_ERR_USAGE, "usage.finish", "a colour is above 0xffffff");
    if (params->product_lock > PS_MAX_FRAMES)
        return ps_fail(error, PS_ERR_USAGE, "usage.finish", "product_lock %u: expected up to %d frames",
                       params->product_lock, PS_MAX_FRAMES);
    if (params->speed != 0 && params->duration != 0)
        return ps_fail(error, PS_ERR_USAGE, "usage.conflict",
                       "speed and duration: the one follows from the other, give one alone");
    return PS_OK;
}

static enum ps_status check_rate(const struct ps_rate *rate, struct ps_error *error)
{
    enum { FASTEST = 240, LARGEST = 1000000 };
    if (!rate->num && !rate->den)
        return PS_OK;
    if (!rate->num || !rate->den || rate->num > LARGEST || rate->den > LARGEST || rate->den > rate->num ||
        rate->num > (uint64_t)rate->den * FASTEST)
        return ps_fail(error, PS_ERR_USAGE, "usage.rate",
                       "%u/%u frames a second: expected 1 to %d, in numbers up to %d", rate->num, rate->den,
                       FASTEST, LARGEST);
    return PS_OK;
}

static enum ps_status check_size(const struct ps_finish_params *params, struct ps_error *error)
{
    enum { SMALLEST = 16, LARGEST = 8192 };
    const uint32_t sides[] = {params->width, params->height};
    for (size_t i = 0; i < 2; i++)
        if (sides[i] && (sides[i] < SMALLEST || sides[i] > LARGEST))
            return ps_fail(error, PS_ERR_USAGE, "usage.size",
                           "a result of %u x %u pixels: expected %d to %d a side", params->width,
                           params->height, SMALLEST, LARGEST);
    return PS_OK;
}

enum ps_status ps_finish_check(const struct ps_finish_params *params, struct ps_error *error)
{
    enum ps_status status = check_ranges(params, error);
    if (!status)
        status = check_choices(params, error);
    if (!status)
        status = check_rate(&params->rate, error);
    return status ? status : check_size(params, error);
}

/* ---- resolving ---- */

static void set_default(float *value, float fallback)
{
    if (*value == 0)
        *value = fallback;
    else if (*value < 0)
        *value = 0;
}

static void set_text_defaults(struct ps_caption *caption, enum ps_anchor anchor, float size, float margin)
{
    set_default(&caption->size, size);
    set_default(&caption->margin, margin);
    if (!caption->anchor)
        caption->anchor = anchor;
    if (!caption->colour)
        caption->colour = 0xffffff;
    /* What stands for black where 0 has another meaning. */
    if (caption->colour == 1)
        caption->colour = 0;
    if (caption->text && !*caption->text)
        caption->text = NULL;
}

static void set_defaults(struct ps_finish_params *params)
{
    const float margin = 0.04f;
    set_default(&params->logo.opacity, 1);
    set_default(&params->logo.margin, margin);
    set_default(&params->logo.scale, 0.2f);
    set_text_defaults(&params->caption, PS_ANCHOR_BOTTOM, 0.06f, margin);
    set_text_defaults(&params->visible_label, PS_ANCHOR_BOTTOM_LEFT, 0.03f, margin / 2);
    set_default(&params->end_card.hold, 2);
    set_default(&params->end_card.fade, 0.5f);
    if (!params->logo.anchor)
        params->logo.anchor = PS_ANCHOR_BOTTOM_RIGHT;
    if (params->fade_colour == 1)
        params->fade_colour = 0;
}

/* round(a * b / c) of at least 1; the products of pixels that are at most 8192 fit. */
static uint32_t in_proportion(uint32_t a, uint32_t b, uint32_t c)
{
    const uint64_t rounded = ((uint64_t)a * b * 2 + c) / ((uint64_t)c * 2);
    return rounded ? (uint32_t)rounded : 1;
}

/* The largest centred rectangle of the clip that has the result's aspect. */
static struct ps_crop centred(const struct ps_clip_shape *clip, uint32_t width, uint32_t height)
{
    const struct ps_placement placement =
        ps_place_cropped((struct ps_size){clip->width, clip->height}, (struct ps_size){width, height},
                         (struct ps_point){0.5, 0.5});
    const struct ps_rect *part = &placement.picture;
    return (struct ps_crop){part->left, part->top, part->width, part->height};
}

/* False for a rectangle without pixels too. */
static bool lies_in(const struct ps_crop *crop, uint32_t width, uint32_t height)
{
    return crop->width && crop->height && crop->left < width && crop->width <= width - crop->left &&
           crop->top < height && crop->height <= height - crop->top;
}

static enum ps_status resolve_picture(struct ps_finish_plan *plan, struct ps_error *error)
{
    const struct ps_finish_params *params = &plan->params;
    const struct ps_clip_shape *clip = &plan->clip;
    const struct ps_crop *crop = &params->crop;
    if (crop->width && !lies_in(crop, clip->width, clip->height))
        return ps_fail(error, PS_ERR_USAGE, "usage.crop",
                       "a crop of %u x %u pixels at %u, %u: the clip has %u x %u", crop->width, crop->height,
                       crop->left, crop->top, clip->width, clip->height);
    plan->crop = *crop;
    if (!crop->width && params->width && params->height)
        plan->crop = centred(clip, params->width, params->height);
    else if (!crop->width)
        plan->crop = (struct ps_crop){.width = clip->width, .height = clip->height};
    plan->width = params->width    ? params->width
                  : params->height ? in_proportion(params->height, plan->crop.width, plan->crop.height)
                                   : plan->crop.width;
    plan->height = params->height  ? params->height
                   : params->width ? in_proportion(params->width, plan->crop.height, plan->crop.width)
                                   : plan->crop.height;
    plan->place = params->place;
    if (!params->place.width)
        plan->place = (struct ps_crop){.width = plan->width, .height = plan->height};
    else if (!params->width || !params->height || !lies_in(&plan->place, plan->width, plan->height))
        return ps_fail(error, PS_ERR_USAGE, "usage.crop",
                       "a place of %u x %u pixels at %u, %u: the result has %u x %u", plan->place.width,
                       plan->place.height, plan->place.left, plan->place.top, params->width, params->height);
    const struct ps_finish_params derived = {.width = plan->width, .height = plan->height};
    return check_size(&derived, error);
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        const uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static uint32_t frames_in(double seconds, struct ps_rate rate)
{
    return (uint32_t)llround(seconds * rate.num / rate.den);
}

static enum ps_status resolve_loop(struct ps_finish_plan *plan, struct ps_error *error)
{
    const uint32_t frames = plan->clip.frames;
    const struct ps_rate rate = {plan->clip.fps, 1};
    plan->loop_frames = frames;
    if (plan->params.loop == PS_LOOP_BOOMERANG && frames > 2)
        plan->loop_frames = 2 * frames - 2;
    if (plan->params.loop != PS_LOOP_SEAMLESS)
        return PS_OK;
    const uint32_t most = frames / 2;
    uint32_t asked = frames_in((double)plan->params.crossfade, rate);
    if (plan->params.crossfade == 0) {
        asked = frames_in(0.5, rate);
        asked = asked < 1 ? 1 : asked < most ? asked : most;
    }
    if (!asked || asked > most)
        return ps_fail(error, PS_ERR_USAGE, "usage.crossfade",
                       "a crossfade of %g s is %u frames of the clip; it has %u, and the crossfade takes 1 "
                       "to half of them",
                       (double)plan->params.crossfade, asked, frames);
    plan->crossfade = asked;
    plan->loop_frames = frames - asked;
    return PS_OK;
}

/* Frames of the loop at its own speed, a real number. */
static double natural_frames(const struct ps_finish_plan *plan)
{
    return (double)plan->loop_frames * plan->rate.num / ((double)plan->clip.fps * plan->rate.den);
}

static enum ps_status resolve_motion(struct ps_finish_plan *plan, struct ps_error *error)
{
    const struct ps_finish_params *params = &plan->params;
    const double natural = natural_frames(plan);
    double motion = params->speed != 0 ? natural / (double)params->speed : natural;
    if (params->duration != 0) {
        const uint32_t all = frames_in((double)params->duration, plan->rate);
        const uint32_t rest = plan->hold + plan->card_hold;
        motion = all > rest ? all - rest : 0;
        if (motion < 1 || natural / motion < 0.1 || natural / motion > 10)
            return ps_fail(
                error, PS_ERR_USAGE, "usage.duration",
                "duration %g s: hold and end card take %.2f s of it and the clip lasts %.2f s; its speed may "
                "be 0.1 to 10",
                (double)params->duration, rest * (double)plan->rate.den / plan->rate.num,
                natural * plan->rate.den / plan->rate.num);
    }
    if (motion + plan->hold + plan->card_hold > PS_MAX_FINISHED)
        return ps_fail(error, PS_ERR_USAGE, "usage.duration", "the result would have %.0f frames; at most %d",
                       motion + plan->hold + plan->card_hold, PS_MAX_FINISHED);
    plan->motion = motion < 1 ? 1 : (uint32_t)llround(motion);
    return PS_OK;
}

static enum ps_status resolve_time(struct ps_finish_plan *plan, struct ps_error *error)
{
    const struct ps_finish_params *params = &plan->params;
    plan->rate = params->rate.num ? params->rate : (struct ps_rate){plan->clip.fps, 1};
    const uint32_t divisor = common_divisor(plan->rate.num, plan->rate.den);
    plan->rate = (struct ps_rate){plan->rate.num / divisor, plan->rate.den / divisor};
    plan->hold = frames_in((double)params->hold, plan->rate);
    if (params->end_card.picture) {
        plan->card_fade = frames_in((double)params->end_card.fade, plan->rate);
        plan->card_hold = frames_in((double)params->end_card.hold, plan->rate);
        plan->card_hold += !plan->card_hold;
    }
    if (resolve_loop(plan, error) || resolve_motion(plan, error))
        return error->status;
    plan->frames = plan->hold + plan->motion + plan->card_hold;
    plan->fade_in = frames_in((double)params->fade_in, plan->rate);
    plan->fade_out = frames_in((double)params->fade_out, plan->rate);
    if (plan->card_fade > plan->hold + plan->motion)
        return ps_fail(error, PS_ERR_USAGE, "usage.end-card",
                       "the clip has %u frames; the end card's fade takes %u of them",
                       plan->hold + plan->motion, plan->card_fade);
    if (plan->fade_in + plan->fade_out > plan->frames)
        return ps_fail(error, PS_ERR_USAGE, "usage.fade",
                       "fades of %u and %u frames: the result has %u in all", plan->fade_in, plan->fade_out,
                       plan->frames);
    return PS_OK;
}

enum ps_status ps_finish_resolve(struct ps_finish_plan *plan, const struct ps_clip_shape *clip,
                                 const struct ps_finish_params *params, struct ps_error *error)
{
    struct ps_error local = {0};
    error = error ? error : &local;
    *plan = (struct ps_finish_plan){.params = *params, .clip = *clip};
    if (!clip->width || !clip->height || !clip->frames || !clip->fps || clip->frames > PS_MAX_FINISHED)
        return ps_fail(error, PS_ERR_USAGE, "usage.clip-size",
                       "a clip of %u x %u pixels, %u frames, %u frames a second: none may be 0", clip->width,
                       clip->height, clip->frames, clip->fps);
    if (ps_finish_check(params, error))
        return error->status;
    set_defaults(&plan->params);
    if (resolve_picture(plan, error) || resolve_time(plan, error))
        return error->status;
    return PS_OK;
}

/* ---- what a frame shows ---- */

struct ps_moment ps_finish_moment(const struct ps_finish_plan *plan, uint32_t frame)
{
    const uint64_t last = plan->motion - 1;
    const uint64_t at = frame < plan->hold ? 0 : frame - plan->hold < last ? frame - plan->hold : last;
    const bool closed = plan->params.loop != PS_LOOP_NONE;
    /* Without a loop the last frame is the clip's last, and not one that stands still for want of a next. But
     * frames that are only repeated are each shown for the same time. */
    const bool open = !closed && plan->params.interpolation != PS_INTERPOLATION_DUPLICATE && last;
    const uint64_t span = open ? plan->loop_frames - 1 : plan->loop_frames,
                   steps = open ? last : plan->motion;
    const uint64_t scaled = at * span;
    struct ps_moment moment = {.first = (uint32_t)(scaled / steps), .whole = (uint32_t)steps};
    if (plan->params.interpolation != PS_INTERPOLATION_DUPLICATE)
        moment.part = (uint32_t)(scaled % steps);
    moment.second = moment.first + 1;
    if (moment.second >= plan->loop_frames)
        moment.second = closed ? 0 : plan->loop_frames - 1;
    return moment;
}

struct ps_moment ps_finish_loop_frame(const struct ps_finish_plan *plan, uint32_t loop_frame)
{
    const uint32_t frames = plan->clip.frames, crossfade = plan->crossfade;
    struct ps_moment moment = {.first = loop_frame, .second = loop_frame, .whole = 1};
    if (plan->params.loop == PS_LOOP_BOOMERANG && loop_frame >= frames)
        moment.first = moment.second = 2 * frames - 2 - loop_frame;
    if (plan->params.loop != PS_LOOP_SEAMLESS)
        return moment;
    /* The loop begins after the frames that its end dissolves into. */
    moment.first = moment.second = crossfade + loop_frame;
    if (moment.first < frames - crossfade)
        return moment;
    moment.second = moment.first - (frames - crossfade);
    moment.part = moment.second + 1;
    moment.whole = crossfade + 1;
    return moment;
}

uint32_t ps_finish_card_share(const struct ps_finish_plan *plan, uint32_t frame)
{
    const uint32_t begin = plan->hold + plan->motion - plan->card_fade;
    if (frame < begin)
        return 0;
    /* Neither the last frame without the card nor the first with it alone is repeated. */
    const uint64_t step = (uint64_t)frame - begin + 1, steps = (uint64_t)plan->card_fade + 1;
    return step >= steps ? WHOLE : (uint32_t)(step * WHOLE / steps);
}

uint32_t ps_finish_fade_share(const struct ps_finish_plan *plan, uint32_t frame)
{
    /* The first frame of a fade in and the last of a fade out are the colour itself. */
    if (frame < plan->fade_in)
        return WHOLE - (uint32_t)((uint64_t)frame * WHOLE / plan->fade_in);
    const uint32_t left = plan->frames - 1 - frame;
    return left < plan->fade_out ? WHOLE - (uint32_t)((uint64_t)left * WHOLE / plan->fade_out) : 0;
}
