#include "provenance/sidecar.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "provenance/xmp.h"

static const char *const own_keys[] = {"schema", "version", "packshot",   "output",
                                       "label",  "photo",   "checkpoint", "parameters",
                                       "noise",  "device",  "libraries",  "created"};

bool ps_sidecar_owns(const char *key)
{
    for (size_t i = 0; i < sizeof own_keys / sizeof *own_keys; i++)
        if (!strcmp(own_keys[i], key))
            return true;
    return false;
}

void ps_sidecar_now(char text[PS_TIME_TEXT])
{
    const time_t now = time(NULL);
    struct tm utc;
    text[0] = '\0';
    if (gmtime_r(&now, &utc))
        strftime(text, PS_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* Jansson's reader, unlike strtod, knows no locale. */
static json_t *real_json(float value)
{
    char text[PS_REAL_TEXT];
    return json_loads(ps_real_text(text, value), JSON_DECODE_ANY, NULL);
}

static json_t *fingerprint_json(const struct ps_fingerprint *file)
{
    return json_pack("{s:s, s:I, s:s}", "name", file->name, "bytes", (json_int_t)file->bytes, "sha256",
                     file->sha256);
}

/* The members of both objects, which are taken over; null where one is null. */
static json_t *joined(json_t *first, json_t *second)
{
    const bool done = first && second && !json_object_update(first, second);
    json_decref(second);
    if (done)
        return first;
    json_decref(first);
    return NULL;
}

static json_t *photo_json(const struct ps_origin *origin)
{
    return joined(fingerprint_json(&origin->photo),
                  json_pack("{s:I, s:I}", "width", (json_int_t)origin->photo_width, "height",
                            (json_int_t)origin->photo_height));
}

static json_t *checkpoint_json(const struct ps_origin *origin)
{
    json_t *files = json_array();
    for (uint32_t i = 0; i < origin->file_count; i++)
        json_array_append_new(files, fingerprint_json(&origin->files[i]));
    if (json_array_size(files) != origin->file_count) {
        json_decref(files);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", origin->model, "layout", origin->layout, "family",
                     origin->family, "licence", origin->licence, "files", files);
}

static json_t *sigmas_json(const struct ps_render_params *params)
{
    json_t *levels = params->sigma_count ? json_array() : json_null();
    for (uint32_t i = 0; i < params->sigma_count; i++)
        json_array_append_new(levels, real_json(params->sigmas[i]));
    if (json_array_size(levels) == params->sigma_count)
        return levels;
    json_decref(levels);
    return NULL;
}

static json_t *focus_json(const struct ps_render_params *params)
{
    if (params->focus != PS_FOCUS_POINT)
        return json_string(ps_focus_words[params->focus]);
    return json_pack("[o, o]", real_json(params->focus_x), real_json(params->focus_y));
}

static json_t *colour_json(uint32_t colour)
{
    char text[8];
    snprintf(text, sizeof text, "%06lx", (unsigned long)colour & 0xffffff);
    return colour ? json_string(text) : json_null();
}

static json_t *framing_json(const struct ps_render_params *params)
{
    return json_pack("{s:I, s:I, s:s, s:o, s:o}", "width", (json_int_t)params->width, "height",
                     (json_int_t)params->height, "fit", ps_fit_words[params->fit], "focus",
                     focus_json(params), "pad_colour", colour_json(params->pad_colour));
}

static json_t *sampling_json(const struct ps_render_params *params)
{
    char seed[24];
    /* Not every reader of JSON keeps 64 bits of a number. */
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)params->seed);
    return json_pack("{s:I, s:I, s:o, s:o, s:I, s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:I}", "frames",
                     (json_int_t)params->frames, "fps", (json_int_t)params->fps, "motion",
                     real_json(params->motion), "noise_aug", real_json(params->noise_augmentation), "steps",
                     (json_int_t)params->steps, "schedule", ps_schedule_words[params->schedule], "sigmas",
                     sigmas_json(params), "guidance_min", real_json(params->guidance_min), "guidance_max",
                     real_json(params->guidance_max), "seed", seed, "rng", ps_rng_words[params->rng], "dtype",
                     ps_dtype_words[params->dtype - PS_DTYPE_F32], "weights",
                     ps_weights_words[params->weights], "decode_chunk", (json_int_t)params->decode_chunk);
}

static json_t *params_json(const struct ps_render_params *params)
{
    return joined(framing_json(params), sampling_json(params));
}

static json_t *libraries_json(const struct ps_sidecar_facts *facts)
{
    json_t *libraries = json_pack("{s:s, s:s}", "jansson", jansson_version_str(), "openssl",
                                  OpenSSL_version(OPENSSL_VERSION_STRING));
    for (uint32_t i = 0; libraries && i < facts->library_count; i++)
        json_object_set_new(libraries, facts->libraries[i].name, json_string(facts->libraries[i].version));
    return libraries;
}

static json_t *label_json(const struct ps_sidecar_facts *facts)
{
    return json_pack("{s:b, s:s, s:s?}", "xmp", facts->labelled, "digital_source_type",
                     facts->composite ? PS_IPTC_COMPOSITE : PS_IPTC_GENERATED, "signer", facts->signer);
}

static json_t *sidecar_json(const struct ps_sidecar_facts *facts)
{
    const struct ps_origin *origin = facts->origin;
    return json_pack("{s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:s, s:s}, s:o, s:s?}", "schema",
                     PS_SIDECAR_SCHEMA, "version", PS_SIDECAR_VERSION, "packshot", PS_VERSION, "output",
                     fingerprint_json(&facts->clip), "label", label_json(facts), "photo", photo_json(origin),
                     "checkpoint", checkpoint_json(origin), "parameters", params_json(&origin->params),
                     "noise", origin->noise.name[0] ? fingerprint_json(&origin->noise) : json_null(),
                     "device", "name", origin->device, "driver", origin->driver, "libraries",
                     libraries_json(facts), "created", facts->created);
}

/* The object that `sections` is the text of; null with an error where it is none or takes an own key. */
static json_t *sections_json(const char *sections, struct ps_error *error)
{
    json_error_t where;
    json_t *object = json_loads(sections, JSON_REJECT_DUPLICATES, &where);
    const char *key;
    json_t *value;
    if (!json_is_object(object)) {
        ps_fail(error, PS_ERR_USAGE, "sidecar.sections", "the sidecar's sections are no JSON object: %s",
                object ? "another type" : where.text);
        json_decref(object);
        return NULL;
    }
    json_object_foreach(object, key, value)
    {
        if (!ps_sidecar_owns(key))
            continue;
        ps_fail(error, PS_ERR_USAGE, "sidecar.sections", "\"%s\" is the sidecar's own and no section", key);
        json_decref(object);
        return NULL;
    }
    return object;
}

enum ps_status ps_sidecar_check_sections(const char *sections, struct ps_error *error)
{
    json_t *object = sections ? sections_json(sections, error) : NULL;
    const enum ps_status status = sections && !object ? PS_ERR_USAGE : PS_OK;
    json_decref(object);
    return status;
}

enum ps_status ps_sidecar_write(struct ps_output *output, const struct ps_sidecar_facts *facts,
                                struct ps_error *error)
{
    json_t *sections = NULL;
    if (facts->sections && !(sections = sections_json(facts->sections, error)))
        return PS_ERR_USAGE;
    json_t *root = sidecar_json(facts);
    char *text = NULL;
    if (root && (!sections || !json_object_update(root, sections)))
        text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(root);
    json_decref(sections);
    if (!text)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a sidecar");
    const size_t size = strlen(text);
    /* A text file ends with a line end. */
    text[size] = '\n';
    const enum ps_status status = ps_output_write(output, text, size + 1, 0, error);
    free(text);
    return status;
}
