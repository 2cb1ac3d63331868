/* TIFF 6.0 before a pixel is decoded. libavcodec's decoder is lenient: it returns a blank picture for a compression that
 * it does not know, never ends on tiles, and takes the first of several pages. What it would get wrong is refused here. */
#include "media/scan.h"

#include <string.h>

#include "media/bytes.h"

enum { ENTRY = 12, MAX_DIRECTORIES = 64 };

enum tag {
    SUBFILE = 254,
    WIDTH = 256,
    HEIGHT = 257,
    BITS = 258,
    COMPRESSION = 259,
    PHOTOMETRIC = 262,
    FILL_ORDER = 266,
    STRIP_OFFSETS = 273,
    SAMPLES = 277,
    STRIP_ROWS = 278,
    STRIP_SIZES = 279,
    PLANES = 284,
    FAX3_OPTIONS = 292,
    FAX4_OPTIONS = 293,
    PREDICTOR = 317,
    COLOUR_MAP = 320,
    TILE_WIDTH = 322,
    INK_SET = 332,
    EXTRA_SAMPLES = 338,
    SAMPLE_FORMAT = 339,
    SUBSAMPLING = 530,
    CFA_PATTERN = 33422,
    PROFILE = 34675,
    DNG_VERSION = 50706
};

enum {
    WHITE_IS_ZERO,
    BLACK_IS_ZERO,
    RGB,
    PALETTE,
    SEPARATED = 5,
    YCBCR = 6,
    CFA = 32803,
    LINEAR_RAW = 34892
};

struct reader {
    const uint8_t *bytes;
    size_t size;
    bool little;
};

static uint32_t get16(const struct reader *reader, size_t at)
{
    return reader->little ? ps_le16(reader->bytes + at) : ps_be16(reader->bytes + at);
}

static uint32_t get32(const struct reader *reader, size_t at)
{
    return reader->little ? ps_le32(reader->bytes + at) : ps_be32(reader->bytes + at);
}

/* One entry of a directory. */
struct field {
    size_t at;      /* of its first value in the file; 0 where there is no such entry */
    uint32_t type;  /* 1 byte, 3 short, 4 long, 7 bytes of any meaning */
    uint32_t count; /* of values, which all lie in the file */
};

static size_t type_size(uint32_t type)
{
    static const uint8_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

/* The directory's entries lie in the file from `directory` on. False where a field with this tag has its values past
 * the end; a field that is not there has at == 0. */
static bool find(struct field *field, const struct reader *reader, size_t directory, enum tag tag)
{
    *field = (struct field){0};
    const size_t count = get16(reader, directory);
    for (size_t i = 0; i < count; i++) {
        const size_t entry = directory + 2 + i * ENTRY;
        if (get16(reader, entry) != (uint32_t)tag)
            continue;
        const uint32_t type = get16(reader, entry + 2), values = get32(reader, entry + 4);
        const uint64_t bytes = (uint64_t)type_size(type) * values;
        const size_t at = bytes <= 4 ? entry + 8 : get32(reader, entry + 8);
        if (!bytes || at > reader->size || bytes > reader->size - at)
            return false;
        *field = (struct field){at, type, values};
        return true;
    }
    return true;
}

/* Value i of a field of whole numbers; 0 where it is none. */
static uint32_t value(const struct reader *reader, const struct field *field, uint32_t i)
{
    if (i >= field->count)
        return 0;
    switch (field->type) {
    case 1:
    case 7:
        return reader->bytes[field->at + i];
    case 3:
        return get16(reader, field->at + (size_t)i * 2);
    case 4:
        return get32(reader, field->at + (size_t)i * 4);
    default:
        return 0;
    }
}

/* The first value of a tag, or `fallback` where it is absent or broken. */
static uint32_t number(const struct reader *reader, size_t directory, enum tag tag, uint32_t fallback)
{
    struct field field;
    return find(&field, reader, directory, tag) && field.at ? value(reader, &field, 0) : fallback;
}

/* True if a whole directory with the offset of the next one lies at `at`. */
static bool is_directory(const struct reader *reader, size_t at)
{
    return at >= 8 && at <= reader->size - 2 &&
           reader->size - at - 2 >= (size_t)get16(reader, at) * ENTRY + 4;
}

static size_t next_directory(const struct reader *reader, size_t at)
{
    return get32(reader, at + 2 + (size_t)get16(reader, at) * ENTRY);
}

/* True if another directory holds a page; reduced copies and masks are none. */
static bool has_pages(const struct reader *reader, size_t first)
{
    enum { REDUCED = 1, MASK = 4 };
    size_t at = next_directory(reader, first);
    for (int i = 0; i < MAX_DIRECTORIES && at && is_directory(reader, at); i++) {
        if (!(number(reader, at, SUBFILE, 0) & (REDUCED | MASK)))
            return true;
        at = next_directory(reader, at);
    }
    return false;
}

static bool is_camera_raw(const struct reader *reader, size_t directory)
{
    struct field field;
    const uint32_t photometric = number(reader, directory, PHOTOMETRIC, 0);
    return (reader->size > 10 && !memcmp(reader->bytes + 8, "CR", 2)) || photometric == CFA ||
           photometric == LINEAR_RAW || number(reader, directory, SUBFILE, 0) & 1 ||
           (find(&field, reader, directory, DNG_VERSION) && field.at) ||
           (find(&field, reader, directory, CFA_PATTERN) && field.at);
}

/* Why the picture is not read, as a noun; null where it is. */
static const char *unsupported(const struct reader *reader, size_t directory)
{
    enum {
        RAW = 1,
        FAX_FIRST = 2,
        FAX_LAST = 4,
        LZW = 5,
        DEFLATE = 8,
        PACK_BITS = 32773,
        OLD_DEFLATE = 32946
    };
    struct field field;
    const uint32_t compression = number(reader, directory, COMPRESSION, RAW);
    const uint32_t predictor = number(reader, directory, PREDICTOR, 1);
    if (is_camera_raw(reader, directory))
        return "a camera raw file";
    if (has_pages(reader, directory))
        return "a TIFF of several pages";
    if (find(&field, reader, directory, TILE_WIDTH) && field.at)
        return "a TIFF in tiles";
    if (compression == 6 || compression == 7)
        return "a TIFF compressed as JPEG";
    if (compression != RAW && (compression < FAX_FIRST || compression > FAX_LAST) && compression != LZW &&
        compression != DEFLATE && compression != PACK_BITS && compression != OLD_DEFLATE)
        return "a TIFF of a rare compression";
    if (predictor != 1 && predictor != 2)
        return "a TIFF of a rare predictor";
    if (number(reader, directory, SAMPLE_FORMAT, 1) != 1)
        return "a TIFF of floating-point or signed numbers";
    if (number(reader, directory, INK_SET, 1) != 1)
        return "a TIFF of inks other than CMYK";
    return NULL;
}

/* What each pixel is made of; false where no decoder here knows it. */
static bool read_layout(struct ps_image_facts *facts, const struct reader *reader, size_t directory)
{
    struct field bits, extra;
    const uint32_t photometric = number(reader, directory, PHOTOMETRIC, UINT32_MAX);
    const uint32_t samples = number(reader, directory, SAMPLES, 1);
    const uint32_t compression = number(reader, directory, COMPRESSION, 1);
    if (!find(&bits, reader, directory, BITS) || !find(&extra, reader, directory, EXTRA_SAMPLES))
        return false;
    const uint32_t depth = bits.at ? value(reader, &bits, 0) : 1;
    for (uint32_t i = 1; i < bits.count; i++)
        if (value(reader, &bits, i) != depth)
            return false;
    const uint32_t kind = extra.at ? value(reader, &extra, 0) : 2;
    facts->alpha = kind == 1 ? PS_ALPHA_PREMULTIPLIED : kind == 2 ? PS_ALPHA_STRAIGHT : PS_ALPHA_NONE;
    facts->deep = depth > 8;
    facts->grey = photometric == WHITE_IS_ZERO || photometric == BLACK_IS_ZERO;
    facts->ink = photometric == SEPARATED ? PS_INK_CMYK : PS_INK_NONE;
    if (compression >= 2 && compression <= 4 && (depth != 1 || samples != 1))
        return false;
    const bool bytes = depth == 8 || depth == 16;
    switch (photometric) {
    case WHITE_IS_ZERO:
        return samples == 1 && (bytes || depth == 1 || depth == 2 || depth == 4);
    case BLACK_IS_ZERO:
        return samples == 1 ? bytes || depth == 1 || depth == 2 || depth == 4 || depth == 12
                            : samples == 2 && bytes;
    case RGB:
        return bytes && (samples == 3 || samples == 4);
    case PALETTE:
        return samples == 1 && (depth == 8 || depth == 4 || depth == 2 || depth == 1);
    case SEPARATED:
        return bytes && samples == 4;
    case YCBCR:
        return depth == 8 && samples == 3;
    default:
        return false;
    }
}

static enum ps_status check_strips(const struct reader *reader, size_t directory, const struct ps_file *file,
                                   struct ps_error *error)
{
    struct field offsets, sizes;
    if (!find(&offsets, reader, directory, STRIP_OFFSETS) || !find(&sizes, reader, directory, STRIP_SIZES))
        return ps_refuse_cut(error, file, "inside the list of its strips");
    if (!offsets.at || !sizes.at || offsets.count != sizes.count)
        return ps_refuse_damaged(error, file, "the TIFF does not say where its picture is");
    for (uint32_t i = 0; i < offsets.count; i++) {
        const uint64_t end = (uint64_t)value(reader, &offsets, i) + value(reader, &sizes, i);
        if (end > reader->size)
            return ps_refuse_cut(error, file, "inside its picture");
    }
    return PS_OK;
}

enum ps_status ps_scan_tiff(struct ps_image_facts *facts, const struct ps_file *file, struct ps_error *error)
{
    const struct reader reader = {file->bytes, file->size, file->bytes[0] == 'I'};
    if (file->size < 8)
        return ps_refuse_cut(error, file, "in its header");
    const size_t directory = get32(&reader, 4);
    /* Most writers put the directory at the end, so that a copy that was cut has none. */
    if (!is_directory(&reader, directory))
        return ps_refuse_cut(error, file, "and its directory is not there");
    const char *what = unsupported(&reader, directory);
    if (!what && !read_layout(facts, &reader, directory))
        what = "a TIFF of this kind of pixels";
    if (what)
        return ps_refuse_kind(error, file, what);
    struct field field;
    facts->width = number(&reader, directory, WIDTH, 0);
    facts->height = number(&reader, directory, HEIGHT, 0);
    facts->exif = (struct ps_span){file->bytes, file->size};
    if (find(&field, &reader, directory, PROFILE) && field.at && type_size(field.type) == 1)
        facts->icc = (struct ps_span){file->bytes + field.at, field.count};
    return check_strips(&reader, directory, file, error);
}

static void set16(const struct reader *reader, uint8_t *bytes, uint32_t value)
{
    bytes[reader->little ? 0 : 1] = (uint8_t)value;
    bytes[reader->little ? 1 : 0] = (uint8_t)(value >> 8);
}

void ps_shorten_tiff(uint8_t *bytes, size_t size, enum ps_ink ink)
{
    static const uint16_t kept[] = {
        WIDTH,      HEIGHT,      BITS,   COMPRESSION,  PHOTOMETRIC,  FILL_ORDER, STRIP_OFFSETS, SAMPLES,
        STRIP_ROWS, STRIP_SIZES, PLANES, FAX3_OPTIONS, FAX4_OPTIONS, PREDICTOR,  COLOUR_MAP,    SUBSAMPLING};
    const struct reader reader = {bytes, size, bytes[0] == 'I'};
    const size_t directory = get32(&reader, 4), count = get16(&reader, directory);
    uint8_t *to = bytes + directory + 2;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = bytes + directory + 2 + i * ENTRY;
        const uint32_t tag = get16(&reader, (size_t)(entry - bytes));
        bool keep = false;
        for (size_t k = 0; k < sizeof kept / sizeof *kept; k++)
            keep = keep || kept[k] == tag;
        if (!keep)
            continue;
        memmove(to, entry, ENTRY);
        if (tag == PHOTOMETRIC && ink != PS_INK_NONE)
            set16(&reader, to + 8, RGB);
        to += ENTRY;
    }
    set16(&reader, bytes + directory, (uint32_t)((size_t)(to - bytes) - directory - 2) / ENTRY);
    memset(to, 0, 4);
}
