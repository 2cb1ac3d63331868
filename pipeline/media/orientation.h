/* EXIF orientation: how a stored picture is turned to stand upright. */
#ifndef PS_MEDIA_ORIENTATION_H
#define PS_MEDIA_ORIENTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The orientation, 1 to 8, that a TIFF structure of `size` bytes states in its first directory; 1 where it
 * states none or is malformed. *sound, which may be null, is set to whether header and directory are whole.
 * `tiff` may be null. */
unsigned ps_exif_orientation(const uint8_t *tiff, size_t size, bool *sound);

/* Writes the upright picture of a `width` x `height` picture of `channels` bytes a pixel to `to`; both are
 * dense, and `to` is height x width for the orientations 5 to 8. */
void ps_orient(uint8_t *to, const uint8_t *from, uint32_t width, uint32_t height, uint32_t channels,
               unsigned orientation);

#endif
