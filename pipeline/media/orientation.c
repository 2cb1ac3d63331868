#include "media/orientation.h"

#include <string.h>

#include "media/bytes.h"

unsigned ps_exif_orientation(const uint8_t *tiff, size_t size, bool *sound)
{
    enum { ORIENTATION = 0x0112, SHORT = 3, LONG = 4, ENTRY = 12 };
    if (sound)
        *sound = false;
    if (!tiff || size < 8)
        return 1;
    const bool little = !memcmp(tiff, "II*\0", 4);
    if (!little && memcmp(tiff, "MM\0*", 4))
        return 1;
    uint32_t (*const get16)(const uint8_t *) = little ? ps_le16 : ps_be16;
    uint32_t (*const get32)(const uint8_t *) = little ? ps_le32 : ps_be32;

    const size_t directory = get32(tiff + 4);
    if (directory < 8 || directory > size - 2)
        return 1;
    const size_t stated = get16(tiff + directory), room = (size - directory - 2) / ENTRY;
    const size_t count = stated < room ? stated : room;
    if (sound)
        *sound = stated <= room;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = tiff + directory + 2 + i * ENTRY;
        const uint32_t type = get16(entry + 2);
        if (get16(entry) != ORIENTATION || get32(entry + 4) != 1 || (type != SHORT && type != LONG))
            continue;
        const uint32_t value = type == SHORT ? get16(entry + 8) : get32(entry + 8);
        return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

void ps_orient(uint8_t *to, const uint8_t *from, uint32_t width, uint32_t height, uint32_t channels,
               unsigned orientation)
{
    const ptrdiff_t w = width, h = height, size = channels;
    const bool turned = orientation >= 5;
    /* The upright picture's (0, 0) is the stored (x0, y0); one step right or down in it is a step of so many
     * pixels. */
    const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const ptrdiff_t along_x = from_right ? -1 : 1, along_y = from_bottom ? -w : w;
    const ptrdiff_t right = turned ? along_y : along_x, down = turned ? along_x : along_y;
    const uint8_t *row = from + size * ((from_bottom ? h - 1 : 0) * w + (from_right ? w - 1 : 0));
    const ptrdiff_t columns = turned ? h : w, rows = turned ? w : h;
    for (ptrdiff_t y = 0; y < rows; y++)
        for (ptrdiff_t x = 0; x < columns; x++, to += size)
            memcpy(to, row + size * (y * down + x * right), (size_t)size);
}
