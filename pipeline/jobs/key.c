#include "jobs/key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provenance/sha256.h"

static enum ps_status fail_memory(struct ps_error *error)
{
    return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the key of a job");
}

enum ps_status ps_job_key(char key[PS_JOB_KEY], const struct ps_job_identity *identity,
                          struct ps_error *error)
{
    char photo[PS_SHA256_TEXT];
    key[0] = '\0';
    const int code = ps_sha256_fd(photo, identity->photo);
    if (code == ENOMEM)
        return fail_memory(error);
    if (code)
        return ps_fail(error, PS_ERR_INPUT, code == EBUSY ? "photo.changing" : "photo.unreadable",
                       code == EBUSY ? "the photo was changed while it was read (%s)"
                                     : "the photo cannot be read: %s",
                       strerror(code));

    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return fail_memory(error);
    const char *const parts[] = {photo, identity->options, identity->checkpoint, identity->version};
    fprintf(to, "packshot job 1\n");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        fprintf(to, "%zu:%s\n", strlen(parts[i]), parts[i]);
    const bool failed = ferror(to) != 0;
    const bool hashed = !fclose(to) && !failed && !ps_sha256(key, text, size);
    free(text);
    return hashed ? PS_OK : fail_memory(error);
}

/* FNV-1a, then the finaliser of SplitMix64, since its low bits alone are poor. */
uint64_t ps_shard_slot(const char *output)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *at = output; *at; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
    return (hash ^ hash >> 31) >> 1;
}

bool ps_shard_has(const char *output, uint32_t shard, uint32_t shards)
{
    return shards <= 1 || ps_shard_slot(output) % shards == shard - 1;
}
