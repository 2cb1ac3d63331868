#include "media/sniff.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct magic {
    size_t offset;
    size_t size;
    const char *bytes;
    const char *what;
};

#define MAGIC(offset, bytes, what)                                                                           \
    {                                                                                                        \
        offset, sizeof bytes - 1, bytes, what                                                                \
    }

static const struct {
    struct magic magic;
    enum ps_image_kind kind;
} readable[] = {
    {MAGIC(0, "\x89PNG\r\n\x1a\n", "PNG"), PS_IMAGE_PNG},
    {MAGIC(0, "\xff\xd8\xff", "JPEG"), PS_IMAGE_JPEG},
    {MAGIC(8, "WEBP", "WebP"), PS_IMAGE_WEBP},
    {MAGIC(0, "II*\0", "TIFF"), PS_IMAGE_TIFF},
    {MAGIC(0, "MM\0*", "TIFF"), PS_IMAGE_TIFF},
    {MAGIC(0, "BM", "BMP"), PS_IMAGE_BMP},
};

static const struct magic pictures[] = {
    MAGIC(0, "GIF8", "GIF"),
    MAGIC(0, "II+\0", "a BigTIFF"),
    MAGIC(0, "MM\0+", "a BigTIFF"),
    MAGIC(0, "IIRO", "camera raw"),
    MAGIC(0, "IIU\0", "camera raw"),
    MAGIC(0, "FUJIFILMCCD-RAW", "camera raw"),
    MAGIC(0, "8BPS", "Photoshop"),
    MAGIC(4, "ftyphei", "HEIC"),
    MAGIC(4, "ftyphev", "HEIC"),
    MAGIC(4, "ftypmif1", "HEIF"),
    MAGIC(4, "ftypmsf1", "HEIF"),
    MAGIC(4, "ftypavi", "AVIF"),
    MAGIC(4, "ftypcrx", "camera raw"),
    MAGIC(0, "\xff\x0a", "JPEG XL"),
    MAGIC(4, "JXL ", "JPEG XL"),
    MAGIC(4, "jP  ", "JPEG 2000"),
    MAGIC(0, "\xff\x4f\xff\x51", "JPEG 2000"),
    MAGIC(0, "\0\0\1\0", "Windows icon"),
    MAGIC(0, "qoif", "QOI"),
    MAGIC(0, "v/1\1", "OpenEXR"),
    MAGIC(0, "#?RADIANCE", "Radiance HDR"),
    MAGIC(0, "gimp xcf", "GIMP"),
};

static const struct magic others[] = {
    MAGIC(0, "%PDF", "a PDF document"),
    MAGIC(0, "%!PS", "a PostScript document"),
    MAGIC(0, "PK\3\4", "a ZIP archive or office document"),
    MAGIC(0, "\x1f\x8b", "gzip data"),
    MAGIC(4, "ftyp", "a video"),
    MAGIC(0, "\x1a\x45\xdf\xa3", "a video"),
    MAGIC(8, "AVI ", "a video"),
    MAGIC(0,
          "\x7f"
          "ELF",
          "a program"),
    MAGIC(0, "version https://git-lfs", "a Git-LFS pointer; the photo itself is not there"),
    MAGIC(0, "#EXTM3U", "a playlist"),
    MAGIC(0, "ffconcat", "a playlist"),
};

static const char *match(const struct magic *list, size_t count, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (size >= list[i].offset + list[i].size &&
            !memcmp(bytes + list[i].offset, list[i].bytes, list[i].size))
            return list[i].what;
    return NULL;
}

#define MATCH(list) match(list, sizeof list / sizeof *list, bytes, size)

static bool contains(const uint8_t *bytes, size_t size, const char *word)
{
    const size_t length = strlen(word);
    for (size_t i = 0; i + length <= size; i++)
        if (!strncasecmp((const char *)bytes + i, word, length))
            return true;
    return false;
}

/* Text has no control characters but white space; 1 KB tells. */
static const char *textual(const uint8_t *bytes, size_t size)
{
    const size_t seen = size < 1024 ? size : 1024;
    bool zero = true;
    for (size_t i = 0; i < seen; i++)
        zero = zero && !bytes[i];
    if (zero)
        return "zeros, like an unfinished copy";
    if (contains(bytes, seen, "<svg"))
        return "an SVG drawing";
    if (contains(bytes, seen, "<!doctype html") || contains(bytes, seen, "<html"))
        return "an HTML page";
    if (contains(bytes, seen, "<?xml"))
        return "XML";
    for (size_t i = 0; i < seen; i++)
        if ((bytes[i] < 0x20 && !memchr("\t\n\v\f\r\x1b", bytes[i], 6)) || bytes[i] == 0x7f)
            return NULL;
    return "text";
}

static bool cut_magic(const uint8_t *bytes, size_t size)
{
    return (size < 8 && !memcmp(bytes, "\x89PNG\r\n\x1a\n", size)) ||
           (size < 3 && !memcmp(bytes, "\xff\xd8\xff", size)) ||
           (size < 12 && size >= 4 && !memcmp(bytes, "RIFF", 4));
}

/* Many a text begins with BM; a BMP has the length of a header of its eight kinds at 14. */
static bool is_bmp(const uint8_t *bytes, size_t size)
{
    static const uint8_t lengths[] = {12, 16, 40, 52, 56, 64, 108, 124};
    return size >= 18 && memchr(lengths, bytes[14], sizeof lengths) && !bytes[15] && !bytes[16] && !bytes[17];
}

/* The kind that is read, or PS_IMAGE_UNKNOWN. */
static enum ps_image_kind readable_kind(const uint8_t *bytes, size_t size, const char **what)
{
    for (size_t i = 0; i < sizeof readable / sizeof *readable; i++) {
        const enum ps_image_kind kind = readable[i].kind;
        *what = match(&readable[i].magic, 1, bytes, size);
        if (*what && (kind != PS_IMAGE_WEBP || !memcmp(bytes, "RIFF", 4)) &&
            (kind != PS_IMAGE_BMP || is_bmp(bytes, size)))
            return kind;
    }
    return PS_IMAGE_UNKNOWN;
}

enum ps_image_kind ps_sniff(const uint8_t *bytes, size_t size, const char **what)
{
    const enum ps_image_kind kind = readable_kind(bytes, size, what);
    if (kind != PS_IMAGE_UNKNOWN)
        return kind;
    if (cut_magic(bytes, size)) {
        *what = "the first bytes of a photo";
        return PS_IMAGE_CUT;
    }
    *what = MATCH(pictures);
    if (*what)
        return PS_IMAGE_UNSUPPORTED;
    *what = MATCH(others);
    if (!*what)
        *what = textual(bytes, size);
    if (!*what)
        *what = "data of no known kind";
    return PS_IMAGE_UNKNOWN;
}
