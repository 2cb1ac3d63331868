/* The JSON file beside a clip that has everything needed to render it again. README.md of this folder describes
 * it. */
#ifndef PS_PROVENANCE_SIDECAR_H
#define PS_PROVENANCE_SIDECAR_H

#include <jansson.h>

#include "base/output.h"
#include "provenance/origin.h"

#define PS_SIDECAR_SCHEMA "packshot-sidecar"
#define PS_SIDECAR_VERSION 1

/* A library that had a part in the clip. */
struct ps_library {
    const char *name;
    char version[64];
};

/* What a sidecar tells beside the origin. */
struct ps_sidecar_facts {
    const struct ps_origin *origin;
    struct ps_fingerprint clip;
    bool labelled, composite;
    const char *signer;   /* null for none */
    const char *created;  /* null for none; see ps_sidecar_now */
    const char *sections; /* null, or the text of a JSON object whose members are added */
    const struct ps_library *libraries;
    uint32_t library_count;
};

/* Writes all of the file. */
enum ps_status ps_sidecar_write(struct ps_output *output, const struct ps_sidecar_facts *facts,
                                struct ps_error *error);

/* Fails with PS_ERR_USAGE unless null or an object whose members are not packshot's own. */
enum ps_status ps_sidecar_check_sections(const char *sections, struct ps_error *error);

/* "2026-03-01T12:00:00Z". */
#define PS_TIME_TEXT 32
void ps_sidecar_now(char text[PS_TIME_TEXT]);

/* A sidecar that was read; the public half is in packshot.h. */
struct ps_sidecar {
    struct ps_origin *origin;
    struct ps_fingerprint clip;
    bool labelled, composite;
    struct ps_render_params request; /* the origin's, where a negative number means none instead of 0 */
    json_t *root;                    /* all of it */
    json_t *texts;                   /* by key, the sections that were asked for, as texts */
};

/* Reads the text of a sidecar; `label` names it in messages. Status: PS_ERR_INPUT with ids "sidecar.*". */
enum ps_status ps_sidecar_parse(struct ps_sidecar **sidecar, const char *text, size_t size, const char *label,
                                struct ps_error *error);

/* Whether `key` is one of the file's own, not a section. */
bool ps_sidecar_owns(const char *key);

#endif
