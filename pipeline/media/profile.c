#include "media/profile.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "media/jpeg.h"

static void note_damaged(struct ps_notes *notes)
{
    ps_note(notes, "its colour profile is damaged; it is taken as sRGB");
}

static void note_large(struct ps_notes *notes)
{
    ps_note(notes, "its colour profile is larger than %u MB and was left out; it is taken as sRGB",
            (unsigned)(PS_PROFILE_MAX_BYTES / 1000000));
}

/* PNG (ISO 15948, 11.3.3.3): a name of 1 to 79 bytes, a zero, the method 0, deflated data. */
static bool inflate_profile(struct ps_profile *profile, const struct ps_span *chunk, struct ps_notes *notes)
{
    enum { TYPE = 4, LONGEST_NAME = 79 };
    const uint8_t *name = chunk->bytes + TYPE;
    const size_t size = chunk->size - TYPE, seen = size < LONGEST_NAME + 1 ? size : LONGEST_NAME + 1;
    const uint8_t *end = memchr(name, 0, seen);
    if (!end || (size_t)(end - name) + 2 > size || end[1]) {
        note_damaged(notes);
        return true;
    }
    /* One byte more than is allowed tells a profile that is too large. */
    uLongf inflated = PS_PROFILE_MAX_BYTES + 1;
    profile->bytes = malloc(inflated);
    if (!profile->bytes)
        return false;
    const int code = uncompress(profile->bytes, &inflated, end + 2, (uLong)(name + size - end - 2));
    profile->size = inflated;
    if (code == Z_OK && profile->size <= PS_PROFILE_MAX_BYTES)
        return true;
    (code == Z_BUF_ERROR || code == Z_OK ? note_large : note_damaged)(notes);
    ps_profile_free(profile);
    return code != Z_MEM_ERROR;
}

static bool copy_profile(struct ps_profile *profile, const struct ps_span *span, struct ps_notes *notes)
{
    if (span->size > PS_PROFILE_MAX_BYTES) {
        note_large(notes);
        return true;
    }
    profile->bytes = malloc(span->size ? span->size : 1);
    if (!profile->bytes)
        return false;
    memcpy(profile->bytes, span->bytes, span->size);
    profile->size = span->size;
    return true;
}

/* ---- JPEG (ICC.1, annex B.4): segments numbered from 1, in any order, each with how many there are ---- */

enum { TAG = 12, HEADER = TAG + 2, MOST = 255 };

static bool is_part(const struct ps_jpeg_segment *segment)
{
    return segment->marker == PS_JPEG_APP2 && segment->payload_size > HEADER &&
           !memcmp(segment->payload, "ICC_PROFILE", TAG);
}

/* Fills parts[1] to parts[returned value]; 0 where there is no profile, and -1 where one is missing or twice there. */
static int find_parts(struct ps_span parts[MOST + 1], const struct ps_file *file)
{
    struct ps_jpeg_segment segment = {0};
    int count = 0, found = 0;
    for (size_t at = 2;
         segment.marker != PS_JPEG_SOS && ps_jpeg_next(&segment, file->bytes, file->size, &at);) {
        if (!is_part(&segment))
            continue;
        const int number = segment.payload[TAG], stated = segment.payload[TAG + 1];
        if (!number || number > stated || (count && stated != count) || parts[number].bytes)
            return -1;
        count = stated;
        found++;
        parts[number] = (struct ps_span){segment.payload + HEADER, segment.payload_size - HEADER};
    }
    return found == count ? count : -1;
}

static bool join_profile(struct ps_profile *profile, const struct ps_file *file, struct ps_notes *notes)
{
    struct ps_span parts[MOST + 1] = {{0}};
    const int count = find_parts(parts, file);
    size_t size = 0;
    for (int i = 1; i <= count; i++)
        size += parts[i].size;
    if (count < 0)
        note_damaged(notes);
    else if (size > PS_PROFILE_MAX_BYTES)
        note_large(notes);
    if (count <= 0 || size > PS_PROFILE_MAX_BYTES)
        return true;
    profile->bytes = malloc(size);
    if (!profile->bytes)
        return false;
    for (int i = 1; i <= count; i++) {
        memcpy(profile->bytes + profile->size, parts[i].bytes, parts[i].size);
        profile->size += parts[i].size;
    }
    return true;
}

enum ps_status ps_profile_read(struct ps_profile *profile, const struct ps_image_facts *facts,
                               const struct ps_file *file, struct ps_notes *notes, struct ps_error *error)
{
    bool ok = true;
    *profile = (struct ps_profile){0};
    if (facts->kind == PS_IMAGE_JPEG)
        ok = join_profile(profile, file, notes);
    else if (facts->iccp.bytes)
        ok = inflate_profile(profile, &facts->iccp, notes);
    else if (facts->icc.bytes)
        ok = copy_profile(profile, &facts->icc, notes);
    return ok ? PS_OK
              : ps_fail(error, PS_ERR_MEMORY, "memory.host", "%.300s: no memory for its colour profile",
                        file->name);
}

void ps_profile_free(struct ps_profile *profile)
{
    free(profile->bytes);
    *profile = (struct ps_profile){0};
}
