/* A JSON file of settings (config.json and its kin), read strictly and asked key by key.
 *
 * The first fault is kept in the error given to ps_settings_open and named with file and key; later questions
 * then do nothing. A key that is absent or null leaves the value asked for as it is. */
#ifndef PS_WEIGHTS_SETTINGS_H
#define PS_WEIGHTS_SETTINGS_H

#include "base/error.h"

#include <jansson.h>

struct ps_settings {
    json_t *root; /* null if there is no file */
    const char *label;
    struct ps_error *error;
};

/* Reads a regular file of at most `max_bytes` bytes that holds one JSON object. */
json_t *ps_json_read(const char *path, uint64_t max_bytes, struct ps_error *error);

/* `path` may be null: then no key is there. It must outlive the settings. `error` may not be null. */
enum ps_status ps_settings_open(struct ps_settings *settings, const char *path, struct ps_error *error);
void ps_settings_close(struct ps_settings *settings);

/* The value if the key is there and not null, and nothing has failed; else null. */
const json_t *ps_setting(const struct ps_settings *settings, const char *key);

/* Each true if the key was there and its value is now in *value. Integers are from 1 to 2^31 - 1. */
bool ps_setting_u32(struct ps_settings *settings, const char *key, uint32_t *value);
bool ps_setting_double(struct ps_settings *settings, const char *key, double *value);
bool ps_setting_bool(struct ps_settings *settings, const char *key, bool *value);
bool ps_setting_text(struct ps_settings *settings, const char *key, const char **value);

/* A list of 1 to `capacity` integers, its length in *count; or, if *count is not 0 before the call, one
 * integer for all *count or a list of exactly that many. */
bool ps_setting_u32s(struct ps_settings *settings, const char *key, uint32_t *values, uint32_t capacity,
                     uint32_t *count);

/* *size is what a tensor says, or 0. Takes the key's value where it is 0; fails, naming both, where they
 * differ. */
void ps_setting_size(struct ps_settings *settings, const char *key, uint32_t *size, const char *tensor);

/* Fails unless the key is absent or has this value. */
void ps_setting_must_be_text(struct ps_settings *settings, const char *key, const char *expected);
void ps_setting_must_be_bool(struct ps_settings *settings, const char *key, bool expected);
void ps_setting_must_be_u32(struct ps_settings *settings, const char *key, uint32_t expected);
void ps_setting_must_be_absent(struct ps_settings *settings, const char *key);

/* Records a fault as "FILE: KEY: text". */
void ps_setting_fail(struct ps_settings *settings, const char *key, const char *format, ...) PS_PRINTF(3, 4);

#endif
