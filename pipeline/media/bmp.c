/* Windows and OS/2 bitmaps before a pixel is decoded. Run-length coding is refused: libavcodec's decoder shows what it
 * could not read as black and says nothing. */
#include "media/scan.h"

#include "media/bytes.h"

enum { FILE_HEADER = 14, CORE_HEADER = 12, ALPHA_HEADER = 56, V5_HEADER = 124 };
enum { RGB = 0, BITFIELDS = 3 };

/* Version 5 may hold a profile; its offset counts from the header. */
static void note_profile(struct ps_image_facts *facts, const struct ps_file *file, const uint8_t *header)
{
    enum { SPACE = 56, PROFILE_AT = 112, PROFILE_SIZE = 116, EMBEDDED = 0x4d424544 };
    const uint64_t at = (uint64_t)FILE_HEADER + ps_le32(header + PROFILE_AT),
                   size = ps_le32(header + PROFILE_SIZE);
    if (ps_le32(header + SPACE) == EMBEDDED && at + size <= file->size)
        facts->icc = (struct ps_span){file->bytes + at, (size_t)size};
}

enum ps_status ps_scan_bmp(struct ps_image_facts *facts, const struct ps_file *file, struct ps_error *error)
{
    enum { LEAST = FILE_HEADER + CORE_HEADER, ALPHA_MASK = 52 };
    const uint8_t *header = file->bytes + FILE_HEADER;
    if (file->size < LEAST || file->size < FILE_HEADER + ps_le32(header))
        return ps_refuse_cut(error, file, "in its header");
    const uint32_t header_size = ps_le32(header), pixels_at = ps_le32(file->bytes + 10);
    const bool core = header_size == CORE_HEADER;
    if (header_size != CORE_HEADER && header_size != 40 && header_size != ALPHA_HEADER && header_size != 64 &&
        header_size != 108 && header_size != V5_HEADER)
        return ps_refuse_kind(error, file, "a BMP with a rare header");
    const uint32_t stated = core ? ps_le16(header + 6) : ps_le32(header + 8);
    const uint32_t depth = ps_le16(header + (core ? 10 : 14)), coding = core ? RGB : ps_le32(header + 16);
    if (coding != RGB && coding != BITFIELDS)
        return ps_refuse_kind(error, file, "a compressed BMP");
    if (depth != 1 && depth != 4 && depth != 8 && depth != 16 && depth != 24 && depth != 32)
        return ps_refuse_kind(error, file, "a BMP of a rare depth");
    /* A negative height is a picture stored from the top. */
    facts->height = stated & 0x80000000 ? 0 - stated : stated;
    facts->width = core ? ps_le16(header + 4) : ps_le32(header + 4);
    facts->alpha = coding == BITFIELDS && header_size >= ALPHA_HEADER && header_size != 64 &&
                           ps_le32(header + ALPHA_MASK)
                       ? PS_ALPHA_STRAIGHT
                       : PS_ALPHA_NONE;
    if (header_size == V5_HEADER)
        note_profile(facts, file, header);
    const uint64_t row = ((uint64_t)facts->width * depth + 31) / 32 * 4;
    if (facts->width <= PS_PHOTO_MAX_SIDE && facts->height <= PS_PHOTO_MAX_SIDE &&
        pixels_at + row * facts->height > file->size)
        return ps_refuse_cut(error, file, "inside its picture");
    return PS_OK;
}
