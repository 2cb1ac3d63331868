/* What provenance is told of a render. */
#ifndef PS_RENDER_ORIGIN_H
#define PS_RENDER_ORIGIN_H

#include "render/params.h"

/* Fills *origin, to be freed, for a clip rendered so. */
enum ps_status ps_origin_of_render(struct ps_origin **origin, const struct ps_request *request,
                                   const struct ps_model *model, const struct ps_photo *photo,
                                   struct ps_error *error);

#endif
