/* The reference's resizes: Pillow's Lanczos for the VAE, diffusers' smoothed bicubic for the vision tower. */
#ifndef PS_MEDIA_RESAMPLE_H
#define PS_MEDIA_RESAMPLE_H

#include "base/error.h"
#include "media/photo.h"

/* Resizes to `to` [height, width, 3], bit for bit as Image.resize((width, height), LANCZOS) of Pillow 13. */
enum ps_status ps_resize_lanczos(uint8_t *to, uint32_t width, uint32_t height, const struct ps_view *from,
                                 struct ps_error *error);

/* The vision tower's input, `to` [3, size, size], as diffusers' _resize_with_antialiasing of 2x - 1 and
 * then ((x + 1) / 2 - mean) / deviation; the aspect is not kept. A photo too small for the reference's
 * padding is reflected as often as needed. */
enum ps_status ps_vision_pixels(float *to, uint32_t size, const struct ps_view *from, const float mean[3],
                                const float deviation[3], struct ps_error *error);

#endif
