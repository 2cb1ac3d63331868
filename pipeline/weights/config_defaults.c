#include "weights/config.h"
#include "weights/settings.h"

#include <string.h>

#include "packshot.h"

static const char *const keys[] = {"width", "height", "frames", "fps", "motion", "steps", "guidance", "bf16"};

/* A key that packshot does not know is a slip of the pen that would otherwise change a clip in silence. */
static void check_keys(struct ps_settings *settings)
{
    const char *key;
    json_t *value;
    json_object_foreach(settings->root, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            known = known || !strcmp(key, keys[i]);
        if (!known)
            ps_setting_fail(settings, key,
                            "is not a key of this file; there are width, height, frames, fps, motion, steps, "
                            "guidance and bf16");
    }
}

static void read_whole(struct ps_settings *settings, const char *key, uint32_t *value, uint32_t low,
                       uint32_t high, uint32_t step)
{
    if (!ps_setting_u32(settings, key, value) || (*value >= low && *value <= high && *value % step == 0))
        return;
    ps_setting_fail(settings, key, "is %u; expected %u to %u%s", *value, low, high,
                    step == 8 ? ", a multiple of 8" : "");
}

static void read_motion(struct ps_settings *settings, float *motion)
{
    double value;
    if (!ps_setting_double(settings, "motion", &value))
        return;
    if (value > 0.0 && value <= 1023.0)
        *motion = (float)value;
    else
        ps_setting_fail(settings, "motion", "is %g; expected a number above 0 and up to 1023", value);
}

static void read_guidance(struct ps_settings *settings, float guidance[2])
{
    const json_t *pair = ps_setting(settings, "guidance");
    if (!pair)
        return;
    bool fine = json_array_size(pair) == 2;
    for (size_t i = 0; fine && i < 2; i++) {
        const double value = json_number_value(json_array_get(pair, i));
        fine = value >= 0.01 && value <= 100.0;
        guidance[i] = (float)value;
    }
    if (!fine)
        ps_setting_fail(settings, "guidance", "expected two numbers from 0.01 to 100");
}

static void read_bf16(struct ps_settings *settings, bool *shuns)
{
    const json_t *fits = ps_setting(settings, "bf16");
    if (fits && !json_is_boolean(fits))
        ps_setting_fail(settings, "bf16", "expected true or false");
    *shuns = json_is_false(fits);
}

enum ps_status ps_defaults_read(struct ps_defaults *defaults, const char *path, struct ps_error *error)
{
    *defaults = (struct ps_defaults){0};
    struct ps_settings settings;
    if (!path || ps_settings_open(&settings, path, error))
        return error->status;
    check_keys(&settings);
    read_whole(&settings, "width", &defaults->width, 16, 8192, 8);
    read_whole(&settings, "height", &defaults->height, 16, 8192, 8);
    read_whole(&settings, "frames", &defaults->frames, 1, PS_MAX_FRAMES, 1);
    read_whole(&settings, "fps", &defaults->fps, 1, 120, 1);
    read_whole(&settings, "steps", &defaults->steps, 1, PS_MAX_STEPS, 1);
    read_motion(&settings, &defaults->motion);
    read_guidance(&settings, defaults->guidance);
    read_bf16(&settings, &defaults->shuns_bf16);
    ps_settings_close(&settings);
    return error->status;
}
