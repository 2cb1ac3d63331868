#include "finish/libraries.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>

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

static void add_libav(struct ps_component_list *list, const char *name, unsigned version)
{
    ps_component_add(list, name, "%u.%u.%u", AV_VERSION_MAJOR(version), AV_VERSION_MINOR(version),
                     AV_VERSION_MICRO(version));
}

void ps_save_components(struct ps_component_list *list)
{
    FT_Library library = NULL;
    FT_Int major = 0, minor = 0, patch = 0;
    ps_component_add(list, "FFmpeg", "%s", av_version_info());
    add_libav(list, "libavcodec", avcodec_version());
    add_libav(list, "libavfilter", avfilter_version());
    add_libav(list, "libavformat", avformat_version());
    add_libav(list, "libavutil", avutil_version());
    if (FT_Init_FreeType(&library))
        return;
    FT_Library_Version(library, &major, &minor, &patch);
    FT_Done_FreeType(library);
    ps_component_add(list, "freetype", "%d.%d.%d", major, minor, patch);
}
