/* From the colours of a file to sRGB. Relative colorimetric with black point compensation, as photo editors do by
 * default: colours that sRGB has stay what they are, and black stays black. */
#ifndef PS_MEDIA_COLOUR_H
#define PS_MEDIA_COLOUR_H

#include "media/profile.h"
#include "media/raster.h"

/* What turns a photo's colours into sRGB; null where they are sRGB already, or taken as such. */
struct ps_colour;

/* Reads what the file says of its colours, in this order: cICP, ICC profile, sRGB, gAMA with cHRM. A profile that is
 * broken, or of another kind than the pixels, is left out with a note. `grey`: every pixel has red = green = blue.
 * `assume_cmyk`: inks without a profile are converted by red = (1 - C) (1 - K) and so on, with a note.
 * Status: PS_ERR_INPUT "image.cmyk" for inks without a profile otherwise, "image.unsupported" for HDR, PS_ERR_MEMORY. */
enum ps_status ps_colour_new(struct ps_colour **colour, const struct ps_image_facts *facts,
                             const struct ps_file *file, bool assume_cmyk, struct ps_notes *notes,
                             struct ps_error *error);

/* Makes the raster 8-bit RGB, or RGBA where it has alpha. Must be called with inks or a deep raster. */
enum ps_status ps_colour_apply(const struct ps_colour *colour, struct ps_raster *raster,
                               struct ps_error *error);

void ps_colour_free(struct ps_colour **colour);

#endif
