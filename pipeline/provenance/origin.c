#include "provenance/origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"

const char *const ps_fit_words[] = {"crop", "stretch", "pad", "extend", NULL};
const char *const ps_focus_words[] = {"centre", "auto", NULL};
const char *const ps_schedule_words[] = {"karras", "ays", NULL};
const char *const ps_rng_words[] = {"philox", "torch-cpu", NULL};
const char *const ps_dtype_words[] = {"f32", "f16", "bf16", NULL};
const char *const ps_weights_words[] = {"full", "q8", NULL};

struct ps_origin *ps_origin_new(uint32_t file_count, struct ps_error *error)
{
    struct ps_origin *origin = calloc(1, sizeof *origin);
    if (origin)
        origin->files = calloc(file_count ? file_count : 1, sizeof *origin->files);
    if (!origin || !origin->files) {
        ps_origin_free(&origin);
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the record of a render");
        return NULL;
    }
    origin->file_count = file_count;
    return origin;
}

void ps_origin_free(struct ps_origin **origin)
{
    struct ps_origin *old = *origin;
    *origin = NULL;
    if (!old)
        return;
    free((float *)(uintptr_t)old->params.sigmas);
    free(old->files);
    free(old);
}

enum ps_status ps_origin_set_sigmas(struct ps_origin *origin, const float *sigmas, uint32_t count,
                                    struct ps_error *error)
{
    float *copy = malloc((count ? count : 1) * sizeof *copy);
    if (!copy)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for a list of noise levels");
    memcpy(copy, sigmas, count * sizeof *copy);
    free((float *)(uintptr_t)origin->params.sigmas);
    origin->params.sigmas = copy;
    origin->params.sigma_count = count;
    return PS_OK;
}

void ps_origin_name(char name[PS_ORIGIN_NAME], const char *path, unsigned components)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    for (; begin && (path[begin - 1] != '/' || --components); begin--)
        ;
    char part[PS_ORIGIN_NAME];
    snprintf(part, sizeof part, "%.*s", (int)(end - begin), path + begin);
    ps_printable(name, PS_ORIGIN_NAME, part, false);
}

enum ps_status ps_fingerprint_bytes(struct ps_fingerprint *file, const char *path, const void *bytes,
                                    size_t size, struct ps_error *error)
{
    ps_origin_name(file->name, path, 1);
    file->bytes = size;
    const int code = ps_sha256(file->sha256, bytes, size);
    return code ? ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to hash %.300s", path) : PS_OK;
}

char *ps_real_text(char text[PS_REAL_TEXT], float value)
{
    char local[PS_REAL_TEXT];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(local, sizeof local, "%.*g", digits, (double)value);
        if (strtof(local, NULL) == value)
            break;
    }
    /* The host program's locale may write the point in another way, in one byte or several. */
    size_t used = 0;
    bool foreign = false;
    for (const char *at = local; *at; at++) {
        const bool plain = strchr("0123456789+-einfa", *at) != NULL;
        if (plain || !foreign)
            text[used++] = plain ? *at : '.';
        foreign = !plain;
    }
    text[used] = '\0';
    return text;
}
