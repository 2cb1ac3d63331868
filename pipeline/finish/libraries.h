/* The libraries that have a part in a saved clip. */
#ifndef PS_FINISH_LIBRARIES_H
#define PS_FINISH_LIBRARIES_H

#include <libavcodec/avcodec.h>

#include "base/component.h"
#include "provenance/sidecar.h"

#define PS_SAVE_LIBRARIES 4

/* Names and versions for the sidecar; the encoder's own build is not told by libavcodec. */
void ps_save_libraries(struct ps_library libraries[PS_SAVE_LIBRARIES], const AVCodec *encoder);

/* Names and versions of all that saving is done with, as loaded now. */
void ps_save_components(struct ps_component_list *list);

#endif
