/* What makes two jobs the same job, and which of several machines does it. */
#ifndef PS_JOBS_KEY_H
#define PS_JOBS_KEY_H

#include "base/error.h"

#define PS_JOB_KEY 65 /* 64 lower-case hexadecimal digits and the end */

/* Everything that a clip's bytes depend on. */
struct ps_job_identity {
    int photo; /* open for reading; its position stays */
    const char *
        options; /* every resolved option that changes the clip, seed, size and codec included, in a fixed order */
    const char *checkpoint; /* hashes of the weights */
    const char *version;    /* of packshot */
};

/* The SHA-256 of it all; the four parts cannot run into each other. Status: PS_ERR_INPUT where the photo cannot be read or
 * is changed meanwhile, PS_ERR_MEMORY. */
enum ps_status ps_job_key(char key[PS_JOB_KEY], const struct ps_job_identity *identity,
                          struct ps_error *error);

/* A number from the output's name, below 2^63, the same on every machine and in every version. */
uint64_t ps_shard_slot(const char *output);

/* Whether the output of that name belongs to shard `shard` (1 to `shards`) of `shards`, by its slot. 0 shards means that there
 * is only one. All machines have to name their outputs alike: relative to the folder of outputs, say. */
bool ps_shard_has(const char *output, uint32_t shard, uint32_t shards);

#endif
