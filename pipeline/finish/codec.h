/* Codecs and containers: what holds what, what an encoder is called, and what sizes and rates it takes. */
#ifndef PS_FINISH_CODEC_H
#define PS_FINISH_CODEC_H

#include <libavcodec/avcodec.h>

#include "finish/plan.h"

enum { PS_MAX_ENCODERS = 4 };

enum ps_container {
    PS_CONTAINER_NONE,
    PS_CONTAINER_MP4,
    PS_CONTAINER_MOV,
    PS_CONTAINER_WEBM,
    PS_CONTAINER_GIF,
    PS_CONTAINER_WEBP,
    PS_CONTAINER_FOLDER
};

struct ps_codec_traits {
    const char *name, *label; /* "hevc", "HEVC" */
    enum AVCodecID id;
    enum AVPixelFormat format; /* that frames are given to the encoder in */
    unsigned containers;       /* bits 1 << enum ps_container */
    uint32_t crf, worst_crf;   /* default and largest; 0 where there is none */
    const char
        *encoders[PS_MAX_ENCODERS]; /* best first; what is asked for by name alone comes after a null */
    const char *hardware[PS_MAX_ENCODERS]; /* taken when asked for by name */
    const char *package;                   /* what a machine without an encoder lacks */
};

/* `codec` is not PS_CODEC_AUTO. */
const struct ps_codec_traits *ps_codec_traits(enum ps_codec codec);

/* "mp4"; also what libavformat calls muxer and demuxer. */
const char *ps_container_name(enum ps_container container);

/* What a save writes with. */
struct ps_target {
    enum ps_codec codec;
    const struct ps_codec_traits *traits;
    enum ps_container container;
    const AVCodec *encoder;
    uint32_t crf; /* the default filled in */
    bool reproducible;
};

/* Chooses by parameters and the end of the path. Status: PS_ERR_USAGE; PS_ERR_DEVICE where libavcodec has no
 * encoder. */
enum ps_status ps_target_choose(struct ps_target *target, const char *path,
                                const struct ps_save_params *params, struct ps_error *error);

/* That the codec takes the size and the rate. Status: PS_ERR_USAGE. */
enum ps_status ps_target_check(const struct ps_target *target, const struct ps_finish_plan *plan,
                               struct ps_error *error);

#endif
