#include "finish/codec.h"

#include <string.h>
#include <strings.h>

#define IN(container) (1u << PS_CONTAINER_##container)

static const struct ps_codec_traits codecs[] = {
    [PS_CODEC_H264] = {"h264",
                       "H.264",
                       AV_CODEC_ID_H264,
                       AV_PIX_FMT_YUV420P,
                       IN(MP4) | IN(MOV),
                       17,
                       51,
                       {"libx264", "libopenh264"},
                       {"h264_nvenc", "h264_qsv", "h264_vaapi"},
                       "libx264 (Debian and Ubuntu have it) or libopenh264"},
    [PS_CODEC_HEVC] = {"hevc",
                       "HEVC",
                       AV_CODEC_ID_HEVC,
                       AV_PIX_FMT_YUV420P,
                       IN(MP4) | IN(MOV),
                       20,
                       51,
                       {"libx265"},
                       {"hevc_nvenc", "hevc_qsv", "hevc_vaapi"},
                       "libx265"},
    [PS_CODEC_AV1] = {"av1",
                      "AV1",
                      AV_CODEC_ID_AV1,
                      AV_PIX_FMT_YUV420P,
                      IN(MP4) | IN(WEBM),
                      24,
                      63,
                      {"libsvtav1"},
                      {"av1_nvenc", "av1_qsv", "av1_vaapi"},
                      "libsvtav1"},
    [PS_CODEC_PRORES_422HQ] = {"prores-422hq",
                               "ProRes 422 HQ",
                               AV_CODEC_ID_PRORES,
                               AV_PIX_FMT_YUV422P10,
                               IN(MOV),
                               0,
                               0,
                               {"prores_ks"},
                               {0},
                               "prores_ks"},
    [PS_CODEC_PRORES_4444] = {"prores-4444",
                              "ProRes 4444",
                              AV_CODEC_ID_PRORES,
                              AV_PIX_FMT_YUV444P10,
                              IN(MOV),
                              0,
                              0,
                              {"prores_ks"},
                              {0},
                              "prores_ks"},
    [PS_CODEC_VP9] =
        {"vp9", "VP9", AV_CODEC_ID_VP9, AV_PIX_FMT_YUV420P, IN(WEBM), 24, 63, {"libvpx-vp9"}, {0}, "libvpx"},
    [PS_CODEC_GIF] = {"gif", "GIF", AV_CODEC_ID_GIF, AV_PIX_FMT_PAL8, IN(GIF), 0, 0, {"gif"}, {0}, "gif"},
    [PS_CODEC_WEBP] = {"webp",
                       "animated WebP",
                       AV_CODEC_ID_WEBP,
                       AV_PIX_FMT_BGRA,
                       IN(WEBP),
                       20,
                       100,
                       {"libwebp_anim"},
                       {0},
                       "libwebp"},
    [PS_CODEC_PNG] =
        {"png", "PNG", AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, IN(FOLDER), 0, 0, {"png"}, {0}, "zlib"},
};

/* What the end of a path means. */
struct ending {
    const char *text;
    enum ps_container container;
    enum ps_codec codec; /* where none is named */
};

static const struct ending endings[] = {
    {".mp4", PS_CONTAINER_MP4, PS_CODEC_H264},         {".m4v", PS_CONTAINER_MP4, PS_CODEC_H264},
    {".mov", PS_CONTAINER_MOV, PS_CODEC_PRORES_422HQ}, {".webm", PS_CONTAINER_WEBM, PS_CODEC_VP9},
    {".gif", PS_CONTAINER_GIF, PS_CODEC_GIF},          {".webp", PS_CONTAINER_WEBP, PS_CODEC_WEBP},
    {"/", PS_CONTAINER_FOLDER, PS_CODEC_PNG},
};

const struct ps_codec_traits *ps_codec_traits(enum ps_codec codec)
{
    return &codecs[codec];
}

const char *ps_container_name(enum ps_container container)
{
    static const char *const names[] = {"", "mp4", "mov", "webm", "gif", "webp", "folder"};
    return names[container];
}

static const struct ending *find_ending(const char *path)
{
    const size_t length = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t end = strlen(endings[i].text);
        if (length >= end && !strcasecmp(path + length - end, endings[i].text))
            return &endings[i];
    }
    return NULL;
}

static enum ps_status choose_codec(struct ps_target *target, const char *path, enum ps_codec codec,
                                   struct ps_error *error)
{
    if ((unsigned)codec > PS_CODEC_PNG)
        return ps_fail(error, PS_ERR_USAGE, "usage.codec", "codec %u: is none of packshot.h",
                       (unsigned)codec);
    const struct ending *ending = find_ending(path);
    if (!ending && codec != PS_CODEC_PNG) {
        ps_fail(error, PS_ERR_USAGE, "usage.container", "%.300s: its end names no kind of clip", path);
        ps_hint(error, "end it in .mp4, .mov, .webm, .gif or .webp, or in / for a folder of PNG files");
        return PS_ERR_USAGE;
    }
    target->container = ending ? ending->container : PS_CONTAINER_FOLDER;
    target->codec = codec ? codec : ending->codec;
    target->traits = ps_codec_traits(target->codec);
    if (!(target->traits->containers & 1u << target->container)) {
        ps_fail(error, PS_ERR_USAGE, "usage.container", "%.300s: %s does not go into a %s%s", path,
                target->traits->label, ps_container_name(target->container),
                target->container == PS_CONTAINER_FOLDER ? "" : " file");
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
            if (target->traits->containers & 1u << endings[i].container)
                ps_hint(error, "end its name in %s, or choose another codec", endings[i].text);
        return PS_ERR_USAGE;
    }
    return PS_OK;
}

static bool is_listed(const char *const list[PS_MAX_ENCODERS], const char *name)
{
    for (size_t i = 0; i < PS_MAX_ENCODERS && list[i]; i++)
        if (!strcmp(list[i], name))
            return true;
    return false;
}

static enum ps_status choose_encoder(struct ps_target *target, const char *name, struct ps_error *error)
{
    const struct ps_codec_traits *traits = target->traits;
    if (name && !is_listed(traits->encoders, name) && !is_listed(traits->hardware, name))
        return ps_fail(error, PS_ERR_USAGE, "usage.encoder", "encoder \"%.60s\": expected %s%s%s for %s",
                       name, traits->encoders[0], traits->hardware[0] ? ", or on a GPU " : "",
                       traits->hardware[0] ? traits->hardware[0] : "", traits->label);
    if (name)
        target->encoder = avcodec_find_encoder_by_name(name);
    for (size_t i = 0; !name && !target->encoder && i < PS_MAX_ENCODERS && traits->encoders[i]; i++)
        target->encoder = avcodec_find_encoder_by_name(traits->encoders[i]);
    if (target->encoder)
        return PS_OK;
    ps_fail(error, PS_ERR_DEVICE, "encoder.missing", "this machine's libavcodec has no encoder %s for %s",
            name ? name : traits->encoders[0], traits->label);
    ps_hint(error, "install a libavcodec that was built with %s, or choose another codec", traits->package);
    return PS_ERR_DEVICE;
}

enum ps_status ps_target_choose(struct ps_target *target, const char *path,
                                const struct ps_save_params *params, struct ps_error *error)
{
    *target = (struct ps_target){.reproducible = params->reproducible};
    if (choose_codec(target, path, params->codec, error))
        return error->status;
    const struct ps_codec_traits *traits = target->traits;
    if (params->crf && !traits->worst_crf)
        return ps_fail(error, PS_ERR_USAGE, "usage.crf", "crf %u: %s has no such setting", params->crf,
                       traits->label);
    if (params->crf > traits->worst_crf)
        return ps_fail(error, PS_ERR_USAGE, "usage.crf", "crf %u: expected 1 to %u for %s", params->crf,
                       traits->worst_crf, traits->label);
    target->crf = params->crf ? params->crf : traits->crf;
    return choose_encoder(target, params->encoder, error);
}

static enum ps_status check_side(const struct ps_target *target, const char *name, uint32_t side, bool halved,
                                 struct ps_error *error)
{
    /* SVT-AV1 takes no less; the others do. */
    const uint32_t least = target->codec == PS_CODEC_AV1 ? 64 : 16;
    if (side < least)
        return ps_fail(error, PS_ERR_USAGE, "usage.size", "%s %u: %s takes %u pixels or more", name, side,
                       target->traits->label, least);
    if (!halved || side % 2 == 0)
        return PS_OK;
    ps_fail(error, PS_ERR_USAGE, "usage.odd-size",
            "%s %u: %s stores colour for pairs of pixels and takes no odd %s", name, side,
            target->traits->label, name);
    ps_hint(error, "take %u or %u", side - 1, side + 1);
    return PS_ERR_USAGE;
}

enum ps_status ps_target_check(const struct ps_target *target, const struct ps_finish_plan *plan,
                               struct ps_error *error)
{
    const enum AVPixelFormat format = target->traits->format;
    const bool pairs = format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUV422P10;
    if (check_side(target, "width", plan->width, pairs, error) ||
        check_side(target, "height", plan->height, format == AV_PIX_FMT_YUV420P, error))
        return error->status;
    if (target->codec == PS_CODEC_WEBP && plan->frames < 2)
        return ps_fail(error, PS_ERR_USAGE, "usage.size", "an animated WebP has two frames or more, not %u",
                       plan->frames);
    /* A GIF counts hundredths of a second, and players take less than two of them for ten. */
    if (target->codec == PS_CODEC_GIF && plan->rate.num > (uint64_t)plan->rate.den * 50)
        return ps_fail(error, PS_ERR_USAGE, "usage.rate", "%u/%u frames a second: a GIF plays at most 50",
                       plan->rate.num, plan->rate.den);
    return PS_OK;
}
