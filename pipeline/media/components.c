#include "media/components.h"

#include <lcms2.h>
#include <png.h>
#include <zlib.h>

void ps_media_components(struct ps_component_list *list)
{
    const int colour = cmsGetEncodedCMMversion(); /* 2140 is 2.14 */
    ps_component_add(list, "libpng", "%s", png_get_libpng_ver(NULL));
    ps_component_add(list, "zlib", "%s", zlibVersion());
    ps_component_add(list, "lcms2", "%d.%d", colour / 1000, colour % 1000 / 10);
}
