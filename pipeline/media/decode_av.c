/* JPEG and WebP through one libavcodec decoder each. libavformat never sees a photo: its demuxers and
 * protocols open other files and hosts on a hostile file's behalf. */
#include "media/raster.h"

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <string.h>

#include "media/jpeg.h"
#include "media/quiet.h"
#include "media/yuv.h"

struct decoder {
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
};

static enum ps_status fail_av(struct ps_error *error, int code, const struct ps_file *file)
{
    if (code == AVERROR(ENOMEM))
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "%.300s: no memory to decode it", file->name);
    if (code == AVERROR_PATCHWELCOME || code == AVERROR(ENOSYS)) {
        ps_fail(error, PS_ERR_INPUT, "image.unsupported",
                "%.300s: a rare kind of JPEG or WebP that cannot be decoded", file->name);
        ps_hint(error, "export it as PNG");
        return PS_ERR_INPUT;
    }
    return ps_fail(error, PS_ERR_INPUT, "image.damaged",
                   "%.300s: the file is damaged: its picture cannot be decoded", file->name);
}

static enum ps_status open_decoder(struct decoder *decoder, const struct ps_image_facts *facts,
                                   const struct ps_file *file, struct ps_error *error)
{
    const char *name = facts->kind == PS_IMAGE_JPEG ? "mjpeg" : "webp";
    const AVCodec *codec = avcodec_find_decoder_by_name(name);
    if (!codec) {
        ps_fail(error, PS_ERR_INPUT, "image.unsupported",
                "%.300s: this machine's libavcodec has no %s decoder", file->name, name);
        ps_hint(error, "export it as PNG");
        return PS_ERR_INPUT;
    }
    decoder->codec = avcodec_alloc_context3(codec);
    decoder->packet = av_packet_alloc();
    decoder->frame = av_frame_alloc();
    if (!decoder->codec || !decoder->packet || !decoder->frame)
        return fail_av(error, AVERROR(ENOMEM), file);
    /* Without these a JPEG that is cut or zero-filled decodes to a grey band without any error. */
    decoder->codec->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    decoder->codec->thread_count = 1;
    /* The decoders count whole blocks of up to 64 pixels a side. */
    decoder->codec->max_pixels = (int64_t)(facts->width + 64) * (facts->height + 64);
    decoder->codec->flags |= AV_CODEC_FLAG_BITEXACT;
    decoder->codec->idct_algo = FF_IDCT_INT; /* libjpeg's own accurate transform */
    decoder->codec->log_level_offset = PS_QUIET_OFFSET;
    const int code = avcodec_open2(decoder->codec, codec, NULL);
    return code < 0 ? fail_av(error, code, file) : PS_OK;
}

static void close_decoder(struct decoder *decoder)
{
    av_frame_free(&decoder->frame);
    av_packet_free(&decoder->packet);
    avcodec_free_context(&decoder->codec);
}

/* A JPEG packet without the segments that a decoder does not need, and without what follows the picture (the
 * second picture of a phone's multi-picture file); a WebP packet as it is. */
static int fill_packet(AVPacket *packet, const struct ps_image_facts *facts, const struct ps_file *file)
{
    const int code = av_new_packet(packet, (int)file->size);
    if (code < 0)
        return code;
    memcpy(packet->data, file->bytes, file->size);
    if (facts->kind != PS_IMAGE_JPEG)
        return 0;
    struct ps_jpeg_segment segment = {0};
    int size = 2;
    for (size_t at = 2;
         segment.marker != PS_JPEG_EOI && ps_jpeg_next(&segment, file->bytes, file->size, &at);) {
        if (!ps_jpeg_matters(&segment))
            continue;
        memcpy(packet->data + size, segment.begin, segment.size);
        size += (int)segment.size;
    }
    av_shrink_packet(packet, size);
    return 0;
}

static int decode(struct decoder *decoder)
{
    int code = avcodec_send_packet(decoder->codec, decoder->packet);
    if (code >= 0)
        code = avcodec_send_packet(decoder->codec, NULL);
    if (code >= 0)
        code = avcodec_receive_frame(decoder->codec, decoder->frame);
    return code;
}

/* For layouts other than Y'CbCr: channel c is byte offsets[c] of every `step` bytes of planes[c]. */
static void copy_pixels(struct ps_raster *raster, const AVFrame *frame, const int planes[4],
                        const int offsets[4], int step)
{
    for (uint32_t c = 0; c < raster->channels; c++)
        for (uint32_t y = 0; y < raster->height; y++) {
            const uint8_t *from =
                frame->data[planes[c]] + (ptrdiff_t)y * frame->linesize[planes[c]] + offsets[c];
            uint8_t *to = raster->bytes + (size_t)y * raster->width * raster->channels + c;
            for (uint32_t x = 0; x < raster->width; x++, from += step, to += raster->channels)
                *to = *from;
        }
}

static bool is_planar_yuv(const AVPixFmtDescriptor *layout)
{
    const uint64_t others = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_HWACCEL;
    return layout->nb_components >= 3 && (layout->flags & AV_PIX_FMT_FLAG_PLANAR) &&
           !(layout->flags & others) && layout->comp[0].depth == 8 && layout->comp[1].step == 1 &&
           layout->log2_chroma_w <= 2 && layout->log2_chroma_h <= 2;
}

static enum ps_status convert_yuv(struct ps_raster *raster, const AVFrame *frame,
                                  const AVPixFmtDescriptor *layout, bool full, struct ps_error *error)
{
    struct ps_yuv yuv = {.log2_x = layout->log2_chroma_w, .log2_y = layout->log2_chroma_h, .full = full};
    for (size_t i = 0; i < layout->nb_components; i++) {
        yuv.planes[i] = frame->data[i];
        yuv.strides[i] = frame->linesize[i];
    }
    return ps_rgb_from_yuv601(raster, &yuv, error);
}

static enum ps_status to_rgb(struct ps_raster *raster, const AVFrame *frame,
                             const struct ps_image_facts *facts, const struct ps_file *file,
                             struct ps_error *error)
{
    static const int one_plane[4] = {0, 0, 0, 0}, gbr_planes[4] = {2, 0, 1, 0};
    static const int no_offset[4] = {0, 0, 0, 0}, after_alpha[4] = {1, 2, 3, 0};
    const AVPixFmtDescriptor *layout = av_pix_fmt_desc_get(frame->format);
    if (!layout)
        return fail_av(error, AVERROR_PATCHWELCOME, file);
    enum ps_status status = ps_raster_new(raster, facts->width, facts->height,
                                          layout->flags & AV_PIX_FMT_FLAG_ALPHA ? 4 : 3, error);
    if (status)
        return status;
    if (frame->format == AV_PIX_FMT_GRAY8)
        copy_pixels(raster, frame, one_plane, no_offset, 1);
    else if (frame->format == AV_PIX_FMT_GBRP)
        copy_pixels(raster, frame, gbr_planes, no_offset, 1);
    else if (frame->format == AV_PIX_FMT_ARGB)
        copy_pixels(raster, frame, one_plane, after_alpha, 4);
    else if (is_planar_yuv(layout))
        status = convert_yuv(raster, frame, layout, facts->kind == PS_IMAGE_JPEG, error);
    else
        status = fail_av(error, AVERROR_PATCHWELCOME, file);
    return status;
}

enum ps_status ps_decode_av(struct ps_raster *raster, const struct ps_image_facts *facts,
                            const struct ps_file *file, struct ps_error *error)
{
    struct decoder decoder = {0};
    enum ps_status status = open_decoder(&decoder, facts, file, error);
    int code = status ? 0 : fill_packet(decoder.packet, facts, file);
    if (!status && code >= 0)
        code = decode(&decoder);
    if (!status && code < 0)
        status = fail_av(error, code, file);
    if (!status &&
        ((uint32_t)decoder.frame->width != facts->width || (uint32_t)decoder.frame->height != facts->height))
        status = fail_av(error, AVERROR_INVALIDDATA, file);
    if (!status)
        status = to_rgb(raster, decoder.frame, facts, file, error);
    if (status)
        ps_raster_free(raster);
    close_decoder(&decoder);
    return status;
}
