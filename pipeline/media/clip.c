#include "media/clip.h"

#include <stdlib.h>

#include "base/checked.h"
#include "media/mp4.h"
#include "provenance/deliver.h"

enum { DEFAULT_CRF = 17, MAX_CRF = 51 };

enum ps_status ps_clip_new(struct ps_clip **clip, uint32_t width, uint32_t height, uint32_t frames,
                           uint32_t fps, struct ps_error *error)
{
    *clip = NULL;
    if (!width || !height || width % 2 || height % 2 || !frames || !fps)
        return ps_fail(
            error, PS_ERR_USAGE, "usage.clip-size",
            "a clip of %u x %u pixels, %u frames, %u frames a second: sizes must be even, and none 0", width,
            height, frames, fps);
    uint64_t size = 0;
    struct ps_clip *made = calloc(1, sizeof *made);
    if (made && ps_mul_u64((uint64_t)width * height, (uint64_t)frames * 3, &size) && size <= SIZE_MAX)
        made->rgb = calloc(1, (size_t)size);
    if (!made || !made->rgb) {
        ps_clip_free(&made);
        ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for %u frames of %u x %u pixels", frames,
                width, height);
        return PS_ERR_MEMORY;
    }
    made->width = width;
    made->height = height;
    made->frames = frames;
    made->fps = fps;
    *clip = made;
    return PS_OK;
}

uint8_t *ps_clip_frame_pixels(struct ps_clip *clip, uint32_t frame)
{
    return frame < clip->frames ? clip->rgb + (size_t)frame * clip->width * clip->height * 3 : NULL;
}

void ps_clip_set_peak(struct ps_clip *clip, uint64_t bytes)
{
    clip->peak_bytes = bytes;
}

void ps_clip_free(struct ps_clip **clip)
{
    struct ps_clip *old = *clip;
    *clip = NULL;
    if (!old)
        return;
    ps_origin_free(&old->origin);
    free(old->rgb);
    free(old->photo);
    free(old->photo_alpha);
    free(old);
}

void ps_clip_take_photo(struct ps_clip *clip, uint8_t *rgb, uint8_t *alpha)
{
    free(clip->photo);
    free(clip->photo_alpha);
    clip->photo = rgb;
    clip->photo_alpha = alpha;
}

uint32_t ps_clip_width(const struct ps_clip *clip)
{
    return clip->width;
}

uint32_t ps_clip_height(const struct ps_clip *clip)
{
    return clip->height;
}

uint32_t ps_clip_frames(const struct ps_clip *clip)
{
    return clip->frames;
}

uint32_t ps_clip_fps(const struct ps_clip *clip)
{
    return clip->fps;
}

const uint8_t *ps_clip_frame(const struct ps_clip *clip, uint32_t frame)
{
    return frame < clip->frames ? clip->rgb + (size_t)frame * clip->width * clip->height * 3 : NULL;
}

uint64_t ps_clip_peak_bytes(const struct ps_clip *clip)
{
    return clip->peak_bytes;
}

static enum ps_status check_params(const struct ps_save_params *params, struct ps_error *error)
{
    if (params && params->crf > MAX_CRF)
        return ps_fail(error, PS_ERR_USAGE, "usage.crf", "crf %u: expected 1 to %d", params->crf, MAX_CRF);
    return PS_OK;
}

/* A clip being saved. */
struct save {
    const struct ps_clip *clip;
    uint32_t crf;
};

static enum ps_status write_mp4(void *user, struct ps_output *output, struct ps_error *error)
{
    const struct save *save = user;
    return ps_mp4_write(output, save->clip, save->crf, error);
}

static enum ps_status verify_mp4(void *user, int fd, struct ps_error *error)
{
    const struct save *save = user;
    return ps_mp4_verify(fd, save->clip, error);
}

enum ps_status ps_clip_save(const struct ps_clip *clip, const char *path, const struct ps_save_params *params,
                            struct ps_error *error)
{
    struct save save = {clip, params && params->crf ? params->crf : DEFAULT_CRF};
    struct ps_library libraries[PS_MP4_LIBRARIES];
    const struct ps_delivery delivery = {.path = path,
                                         .overwrite = params && params->overwrite,
                                         .reproducible = params && params->reproducible,
                                         .carrier = PS_CARRIER_ISO,
                                         .origin = clip->origin,
                                         .provenance = params ? params->provenance : NULL,
                                         .libraries = libraries,
                                         .library_count = PS_MP4_LIBRARIES,
                                         .write = write_mp4,
                                         .verify = verify_mp4,
                                         .user = &save};
    ps_mp4_libraries(libraries);
    enum ps_status status = check_params(params, error);
    if (!status)
        status = ps_mp4_check_encoder(error);
    return status ? status : ps_deliver(&delivery, error);
}

enum ps_status ps_clip_check_output(const char *path, const struct ps_save_params *params,
                                    struct ps_error *error)
{
    enum ps_status status = check_params(params, error);
    if (!status)
        status =
            ps_deliver_check(path, params && params->overwrite, params ? params->provenance : NULL, error);
    return status ? status : ps_mp4_check_encoder(error);
}
