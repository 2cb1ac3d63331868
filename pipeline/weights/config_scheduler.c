#include "weights/config.h"
#include "weights/settings.h"

#include <math.h>
#include <string.h>

/* Fails unless the key has this value; `implied` is what diffusers takes where it is absent. */
static void require_text(struct ps_settings *settings, const char *key, const char *expected,
                         const char *implied)
{
    const char *value = implied;
    ps_setting_text(settings, key, &value);
    if (strcmp(value, expected))
        ps_setting_fail(settings, key, "is \"%.100s\"; packshot has only \"%s\"", value, expected);
}

static void read_sigma(struct ps_settings *settings, const char *key, double *sigma)
{
    if (!ps_setting_double(settings, key, sigma))
        ps_setting_fail(settings, key, "is not set; packshot needs the noise level itself");
    else if (!isfinite(*sigma) || *sigma <= 0.0 || *sigma > 1e6)
        ps_setting_fail(settings, key, "is %g; expected a number above 0 and up to 1e6", *sigma);
}

/* The keys that do not count with continuous timesteps and Karras' sigmas between given ends (beta_*,
 * steps_offset, num_train_timesteps, interpolation_type and so on) are not looked at, as in diffusers. */
enum ps_status ps_scheduler_config_read(struct ps_scheduler_config *config, const char *config_path,
                                        struct ps_error *error)
{
    *config = (struct ps_scheduler_config){.sigma_min = 0.002, .sigma_max = 700.0};
    if (!config_path)
        return PS_OK;
    struct ps_settings settings;
    if (ps_settings_open(&settings, config_path, error))
        return error->status;
    require_text(&settings, "_class_name", "EulerDiscreteScheduler", "EulerDiscreteScheduler");
    require_text(&settings, "prediction_type", "v_prediction", "epsilon");
    require_text(&settings, "timestep_type", "continuous", "discrete");
    require_text(&settings, "timestep_spacing", "leading", "linspace");
    require_text(&settings, "final_sigmas_type", "zero", "zero");
    bool karras = false;
    ps_setting_bool(&settings, "use_karras_sigmas", &karras);
    if (!karras)
        ps_setting_fail(&settings, "use_karras_sigmas", "is not true; packshot has only Karras' schedule");
    ps_setting_must_be_bool(&settings, "use_exponential_sigmas", false);
    ps_setting_must_be_bool(&settings, "use_beta_sigmas", false);
    read_sigma(&settings, "sigma_min", &config->sigma_min);
    read_sigma(&settings, "sigma_max", &config->sigma_max);
    if (config->sigma_min >= config->sigma_max)
        ps_setting_fail(&settings, "sigma_min", "is %g, not below sigma_max %g", config->sigma_min,
                        config->sigma_max);
    ps_settings_close(&settings);
    return error->status;
}
