#include "finish/libraries.h"

#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>

void ps_save_libraries(struct ps_library libraries[PS_SAVE_LIBRARIES], const AVCodec *encoder)
{
    const unsigned versions[] = {avcodec_version(), avfilter_version(), avformat_version()};
    static const char *const names[] = {"libavcodec", "libavfilter", "libavformat"};
    for (size_t i = 0; i < PS_SAVE_LIBRARIES - 1; i++) {
        libraries[i].name = names[i];
        snprintf(libraries[i].version, sizeof libraries[i].version, "%u.%u.%u", AV_VERSION_MAJOR(versions[i]),
                 AV_VERSION_MINOR(versions[i]), AV_VERSION_MICRO(versions[i]));
    }
    libraries[PS_SAVE_LIBRARIES - 1].name = "encoder";
    snprintf(libraries[PS_SAVE_LIBRARIES - 1].version, sizeof libraries->version, "%s", encoder->name);
}
