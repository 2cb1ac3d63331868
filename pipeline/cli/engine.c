#include "cli/engine.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cache.h"

/* FNV-1a. */
static uint64_t hash_of(const char *line)
{
    uint64_t hash = 14695981039346656037u;
    for (; *line; line++)
        hash = (hash ^ (unsigned char)*line) * 1099511628211u;
    return hash;
}

/* Whether the line was said before; remembers it if it is to be. */
static bool is_known(struct cli_notices *notices, const char *line)
{
    enum { SAID = sizeof notices->said / sizeof *notices->said };
    const uint64_t hash = hash_of(line);
    for (unsigned i = 0; i < SAID; i++)
        if (notices->said[i] == hash)
            return true;
    if (notices->once)
        notices->said[notices->next++ % SAID] = hash;
    return false;
}

static void on_log(void *user, enum ps_log_level level, const char *line)
{
    struct cli_engine *engine = user;
    struct cli_notices *notices = &engine->notices;
    const bool warning = level == PS_LOG_WARNING;
    if (warning && notices->warned)
        notices->warned(notices->user, line);
    if (level <= PS_LOG_INFO && !(warning && is_known(notices, line)))
        cli_say(engine->report, true, "%s%s", warning ? "warning: " : "", line);
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* Null stays null. False where memory is short. */
static bool keep(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return !text || *to;
}

static void close_model(struct cli_engine *engine)
{
    ps_model_close(&engine->model);
    free(engine->checkpoint);
    free(engine->unet);
    engine->checkpoint = engine->unet = NULL;
}

static enum ps_status open_context(struct cli_engine *engine, const struct cli_request *request,
                                   struct cli_report *report, struct ps_error *error)
{
    if (engine->context && is_same(engine->device, request->device) && engine->threads == request->threads &&
        is_same(engine->kernels, request->kernels) && engine->validate == request->validate &&
        engine->report == report)
        return PS_OK;
    cli_engine_close(engine);
    char *cache = cli_cache_folder();
    const struct ps_context_params params = {.device = request->device,
                                             .threads = request->threads,
                                             .log = on_log,
                                             .user = engine,
                                             .validate = request->validate,
                                             .cache = cache,
                                             .kernels = request->kernels};
    engine->threads = request->threads;
    engine->validate = request->validate;
    engine->report = report;
    if (!keep(&engine->device, request->device) || !keep(&engine->kernels, request->kernels))
        cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    else
        ps_context_open(&engine->context, &params, error);
    free(cache);
    if (!engine->context)
        return error->status;
    return cli_turn_take(&engine->turn, ps_context_device(engine->context), report, error);
}

static enum ps_status open_model(struct cli_engine *engine, const struct cli_request *request,
                                 struct ps_error *error)
{
    const struct ps_model_params params = {.unet = request->unet};
    close_model(engine);
    if (!keep(&engine->checkpoint, request->model) || !keep(&engine->unet, request->unet))
        return cli_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    return ps_model_open(&engine->model, engine->context, request->model, &params, error);
}

enum ps_status cli_engine_open(struct cli_engine *engine, const struct cli_request *request,
                               struct cli_report *report, struct ps_error *error)
{
    if (open_context(engine, request, report, error))
        return error->status;
    if (engine->model && is_same(engine->checkpoint, request->model) && is_same(engine->unet, request->unet))
        return PS_OK;
    if (open_model(engine, request, error))
        return error->status;
    if (request->model == request->default_model)
        cli_say(report, true, "no --model: taking %s, which comes with packshot", request->model);
    const struct ps_device *device = ps_context_device(engine->context);
    if (device->software && (!request->device || !strcmp(request->device, "auto")))
        cli_say(report, true, "no GPU was found; %s renders instead, which takes longer", device->name);
    return PS_OK;
}

enum ps_status cli_engine_identify(struct cli_engine *engine, bool keeps, struct ps_error *error)
{
    char *cache = keeps ? cli_cache_folder() : NULL;
    ps_model_identify(engine->model, cache, error);
    free(cache);
    return error->status;
}

enum ps_status cli_engine_check(const struct cli_engine *engine, struct ps_error *error)
{
    const uint64_t messages = ps_context_validation_messages(engine->context);
    return messages ? cli_fail(error, PS_ERR_INTERNAL, "device.validation",
                               "the validation layer gave %llu messages", (unsigned long long)messages)
                    : PS_OK;
}

void cli_engine_warn(const struct cli_engine *engine, const struct cli_settings *settings,
                     struct cli_report *report)
{
    const struct cli_setting *threads = cli_settings_of(settings, cli_settings_find(settings, "threads"));
    const struct ps_device *device = ps_context_device(engine->context);
    if (threads->text && !threads->origin && strcmp(device->selector, "cpu") != 0)
        cli_say(report, true, "warning: --threads is for the device cpu, and does nothing on %s",
                device->name);
}

void cli_engine_close(struct cli_engine *engine)
{
    close_model(engine);
    ps_context_close(&engine->context);
    cli_turn_end(&engine->turn);
    free(engine->device);
    free(engine->kernels);
    *engine = (struct cli_engine){.notices = engine->notices};
}
