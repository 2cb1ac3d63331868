#include "vk/state.h"

#include <stdlib.h>
#include <string.h>

static void vk_close(struct ps_backend *backend)
{
    struct ps_vk *vk = (struct ps_vk *)backend;
    if (vk->device) {
        /* What has been recorded only is not wanted any more; what the device still works on must not be
         * destroyed, and is given up. */
        if (!ps_vk_drain(vk))
            return;
        ps_vk_repeat_forget(vk);
        ps_vk_recorder_close(vk);
        ps_vk_pipelines_close(vk);
        for (int space = 0; space < PS_SPACES; space++)
            for (uint32_t i = 0; i < vk->spaces[space].count; i++)
                ps_vk_buffer_destroy(vk, &vk->spaces[space].segments[i]);
        ps_vk_buffer_destroy(vk, &vk->staging);
    }
    ps_vk_device_close(vk);
    ps_vk_instance_close(vk);
    free(vk->cache);
    free(vk);
}

static bool vk_reserve(struct ps_backend *backend, enum ps_space space, const uint64_t *bytes, uint32_t count,
                       struct ps_error *error)
{
    struct ps_vk *vk = (struct ps_vk *)backend;
    if (!ps_vk_wait(vk, NULL, error))
        return false;
    ps_vk_repeat_forget(vk);
    for (uint32_t i = 0; i < vk->spaces[space].count; i++)
        ps_vk_buffer_destroy(vk, &vk->spaces[space].segments[i]);
    vk->spaces[space].count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!ps_vk_buffer_create(vk, bytes[i], false, &vk->spaces[space].segments[i], error))
            return false;
        vk->spaces[space].count = i + 1;
    }
    return true;
}

static bool vk_reserve_staging(struct ps_backend *backend, uint64_t bytes, struct ps_error *error)
{
    struct ps_vk *vk = (struct ps_vk *)backend;
    if (!backend->staging_needed)
        return true;
    if (!ps_vk_wait(vk, NULL, error))
        return false;
    ps_vk_buffer_destroy(vk, &vk->staging);
    vk->staging_head = 0;
    return ps_vk_buffer_create(vk, bytes, true, &vk->staging, error);
}

static bool vk_finish(struct ps_backend *backend, struct ps_error *error)
{
    return ps_vk_wait((struct ps_vk *)backend, NULL, error);
}

static double vk_busy_seconds(const struct ps_backend *backend)
{
    const struct ps_vk *vk = (const struct ps_vk *)backend;
    return vk->clock_mask ? vk->busy_seconds : -1;
}

static const struct ps_backend_ops vk_ops = {
    .name = "vk",
    .close = vk_close,
    .reserve = vk_reserve,
    .reserve_staging = vk_reserve_staging,
    .launch = ps_vk_launch,
    .repeat_begin = ps_vk_repeat_begin,
    .repeat_end = ps_vk_repeat_end,
    .upload_begin = ps_vk_upload_begin,
    .upload_end = ps_vk_upload_end,
    .download = ps_vk_download,
    .finish = vk_finish,
    .busy_seconds = vk_busy_seconds,
};

struct ps_backend *ps_vk_open(const struct ps_vk_params *params, struct ps_error *error)
{
    struct ps_vk *vk = calloc(1, sizeof *vk);
    if (!vk) {
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
        return NULL;
    }
    vk->base.ops = &vk_ops;
    vk->log = params->log;
    vk->dispatch_flops = params->dispatch_flops;
    vk->timeout_ns = params->timeout_ns;
    vk->tile = params->tile;
    vk->try_all = params->try_all;
    vk->spoil_trials = params->spoil_trials;
    vk->stand_in = params->stand_in;
    vk->cache = params->cache ? strdup(params->cache) : NULL;
    if (ps_vk_instance_open(vk, params->validate, error) && ps_vk_device_open(vk, params->selector, error) &&
        ps_vk_variants_open(vk, params->variant, error) && ps_vk_memory_open(vk, params->stage, error) &&
        ps_vk_pipelines_open(vk, error) && ps_vk_recorder_open(vk, error) &&
        ((params->variant && !params->try_all) || ps_vk_trials(vk, error)))
        return &vk->base;
    vk_close(&vk->base);
    return NULL;
}

const struct ps_device *ps_vk_device(const struct ps_backend *backend)
{
    return &((const struct ps_vk *)backend)->info;
}

uint64_t ps_vk_messages(const struct ps_backend *backend)
{
    return atomic_load(&((const struct ps_vk *)backend)->messages);
}

struct ps_vk_counts ps_vk_counts(const struct ps_backend *backend)
{
    return ((const struct ps_vk *)backend)->counts;
}
