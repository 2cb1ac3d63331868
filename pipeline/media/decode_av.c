/* JPEG, WebP, TIFF and BMP through one libavcodec decoder each. libavformat never sees a photo: its demuxers and
 * protocols open other files and hosts on a hostile file's behalf. */
#include "media/raster.h"

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
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
                "%.300s: a rare kind of photo that cannot be decoded", file->name);
        ps_hint(error, "export it as PNG");
        return PS_ERR_INPUT;
    }
    return ps_fail(error, PS_ERR_INPUT, "image.damaged",
                   "%.300s: the file is damaged: its picture cannot be decoded", file->name);
}

static const char *decoder_name(enum ps_image_kind kind)
{
    switch (kind) {
    case PS_IMAGE_JPEG:
        return "mjpeg";
    case PS_IMAGE_WEBP:
        return "webp";
    case PS_IMAGE_TIFF:
        return "tiff";
    default:
        return "bmp";
    }
}

static enum ps_status open_decoder(struct decoder *decoder, const struct ps_image_facts *facts,
                                   const struct ps_file *file, struct ps_error *error)
{
    const char *name = decoder_name(facts->kind);
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

/* Numbers the channels of four-channel frame and scan headers from 1, at `to`. libavcodec takes channels named C, M, Y and
 * K as a wish to have them multiplied into RGB, which no profile can undo; numbers alone come out as they are. `names`
 * are those of the frame. The segment was scanned: a frame has its channels. */
static void number_channels(uint8_t *to, const struct ps_jpeg_segment *segment, uint8_t names[4])
{
    enum { FRAME_CHANNELS = 6, SCAN_CHANNELS = 1, HEADER = 4 };
    const bool frame = segment->marker >= PS_JPEG_SOF0 && segment->marker <= PS_JPEG_SOF2;
    if (!frame && segment->marker != PS_JPEG_SOS)
        return;
    const size_t first = frame ? FRAME_CHANNELS : SCAN_CHANNELS, step = frame ? 3 : 2;
    const size_t count = frame ? 4 : segment->payload_size ? segment->payload[0] : 0;
    for (size_t i = 0; i < count && i < 4 && first + i * step < segment->payload_size; i++) {
        const uint8_t name = segment->payload[first + i * step];
        if (frame)
            names[i] = name;
        for (uint8_t number = 0; number < 4; number++)
            if (names[number] == name && (!frame || number == i))
                to[HEADER + first + i * step] = (uint8_t)(number + 1);
    }
}

/* A JPEG without the segments that a decoder does not need, and without what follows the picture (the second picture of a
 * phone's multi-picture file). Of inks also without Adobe's marker, for the reason above. */
static void shorten_jpeg(AVPacket *packet, const struct ps_image_facts *facts, const struct ps_file *file)
{
    const bool inks = facts->ink != PS_INK_NONE;
    struct ps_jpeg_segment segment = {0};
    uint8_t names[4] = {0};
    int size = 2;
    for (size_t at = 2;
         segment.marker != PS_JPEG_EOI && ps_jpeg_next(&segment, file->bytes, file->size, &at);) {
        if (!ps_jpeg_matters(&segment) || (inks && ps_jpeg_is_adobe(&segment)))
            continue;
        memcpy(packet->data + size, segment.begin, segment.size);
        if (inks)
            number_channels(packet->data + size, &segment, names);
        size += (int)segment.size;
    }
    av_shrink_packet(packet, size);
}

static int fill_packet(AVPacket *packet, const struct ps_image_facts *facts, const struct ps_file *file)
{
    const int code = av_new_packet(packet, (int)file->size);
    if (code < 0)
        return code;
    memcpy(packet->data, file->bytes, file->size);
    if (facts->kind == PS_IMAGE_JPEG)
        shorten_jpeg(packet, facts, file);
    else if (facts->kind == PS_IMAGE_TIFF)
        ps_shorten_tiff(packet->data, file->size, facts->ink);
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

/* ---- from libavcodec's layouts ---- */

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
    for (size_t i = 0; i < raster->channels; i++) {
        yuv.planes[i] = frame->data[i];
        yuv.strides[i] = frame->linesize[i];
    }
    return ps_rgb_from_yuv601(raster, &yuv, error);
}

/* Sample x of the line, of `depth` bits, as the raster's channel c of that pixel. */
static void store_line(struct ps_raster *raster, uint32_t y, uint32_t c, const uint16_t *line, int depth)
{
    const uint32_t top = (1u << depth) - 1, full = raster->deep ? 65535 : 255;
    const size_t first = (size_t)y * raster->width * raster->channels + c;
    for (uint32_t x = 0; x < raster->width; x++) {
        const size_t at = first + (size_t)x * raster->channels;
        const uint32_t value = (line[x] * full + top / 2) / top;
        if (raster->deep)
            ((uint16_t *)(void *)raster->bytes)[at] = (uint16_t)value;
        else
            raster->bytes[at] = (uint8_t)value;
    }
}

/* Every layout without subsampling and palette. Grey is spread over red, green and blue. */
static enum ps_status copy_samples(struct ps_raster *raster, const AVFrame *frame,
                                   const AVPixFmtDescriptor *layout, struct ps_error *error)
{
    const bool grey = layout->nb_components <= 2;
    uint16_t *line = malloc(raster->width * sizeof *line);
    if (!line)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to decode a photo");
    for (uint32_t y = 0; y < raster->height; y++)
        for (uint32_t c = 0; c < raster->channels; c++) {
            const int component = !grey ? (int)c : c == 3 ? 1 : 0;
            av_read_image_line2(line, (const uint8_t **)(uintptr_t)frame->data, frame->linesize, layout, 0,
                                (int)y, component, (int)raster->width, 0, sizeof *line);
            store_line(raster, y, c, line, layout->comp[component].depth);
        }
    free(line);
    return PS_OK;
}

/* A palette is 256 words of 0xAARRGGBB. Only PNG's palettes are transparent, and libpng reads those. */
static void copy_palette(struct ps_raster *raster, const AVFrame *frame)
{
    const uint32_t *palette = (const uint32_t *)(const void *)frame->data[1];
    for (uint32_t y = 0; y < raster->height; y++) {
        const uint8_t *from = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        uint8_t *to = raster->bytes + (size_t)y * raster->width * 3;
        for (uint32_t x = 0; x < raster->width; x++)
            for (uint32_t c = 0; c < 3; c++)
                *to++ = (uint8_t)(palette[from[x]] >> (16 - 8 * c));
    }
}

/* What the decoder took for Y'CbCr and alpha is inks as the file has them: see shorten_jpeg. Made so that 0 is none. */
static enum ps_status copy_inks(struct ps_raster *raster, const AVFrame *frame,
                                const AVPixFmtDescriptor *layout, enum ps_ink ink, struct ps_error *error)
{
    const size_t samples = (size_t)raster->width * raster->height * 4;
    const enum ps_status status = ink == PS_INK_YCCK ? convert_yuv(raster, frame, layout, true, error)
                                                     : copy_samples(raster, frame, layout, error);
    /* Adobe's Y'CbCr means red, green and blue of 255 less what it stores, and it stores 255 less the ink. */
    for (size_t i = 0; !status && i < samples; i++)
        if (ink == PS_INK_INVERTED || (ink == PS_INK_YCCK && i % 4 == 3))
            raster->bytes[i] = (uint8_t)(255 - raster->bytes[i]);
    return status;
}

static enum ps_status to_raster(struct ps_raster *raster, const AVFrame *frame,
                                const struct ps_image_facts *facts, bool deep, const struct ps_file *file,
                                struct ps_error *error)
{
    const AVPixFmtDescriptor *layout = av_pix_fmt_desc_get(frame->format);
    if (!layout)
        return fail_av(error, AVERROR_PATCHWELCOME, file);
    const bool inks = facts->ink != PS_INK_NONE, yuv = is_planar_yuv(layout);
    const bool subsampled = layout->log2_chroma_w || layout->log2_chroma_h;
    const bool palette = frame->format == AV_PIX_FMT_PAL8;
    const bool alpha = facts->alpha != PS_ALPHA_NONE && (layout->flags & AV_PIX_FMT_FLAG_ALPHA) && !palette;
    if ((inks && (layout->nb_components != 4 || (subsampled && facts->ink != PS_INK_YCCK))) ||
        (!inks && !yuv && subsampled))
        return fail_av(error, AVERROR_PATCHWELCOME, file);
    *raster = (struct ps_raster){.width = facts->width,
                                 .height = facts->height,
                                 .channels = inks || alpha ? 4 : 3,
                                 .deep = deep && layout->comp[0].depth > 8,
                                 .inks = inks};
    const enum ps_status status = ps_raster_new(raster, error);
    if (status)
        return status;
    if (inks)
        return copy_inks(raster, frame, layout, facts->ink, error);
    if (yuv)
        return convert_yuv(raster, frame, layout, facts->kind != PS_IMAGE_WEBP, error);
    if (!palette)
        return copy_samples(raster, frame, layout, error);
    copy_palette(raster, frame);
    return PS_OK;
}

enum ps_status ps_decode_av(struct ps_raster *raster, const struct ps_image_facts *facts,
                            const struct ps_file *file, bool deep, struct ps_error *error)
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
        status = to_raster(raster, decoder.frame, facts, deep, file, error);
    if (status)
        ps_raster_free(raster);
    close_decoder(&decoder);
    return status;
}
