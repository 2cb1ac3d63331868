#include "media/ingest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "media/colour.h"
#include "media/orientation.h"

/* The kind of photo that a name promises, or PS_IMAGE_UNKNOWN. */
static enum ps_image_kind promised_kind(const char *name)
{
    static const struct {
        const char *ending;
        enum ps_image_kind kind;
    } endings[] = {{"png", PS_IMAGE_PNG},   {"jpg", PS_IMAGE_JPEG},  {"jpeg", PS_IMAGE_JPEG},
                   {"jpe", PS_IMAGE_JPEG},  {"webp", PS_IMAGE_WEBP}, {"tif", PS_IMAGE_TIFF},
                   {"tiff", PS_IMAGE_TIFF}, {"bmp", PS_IMAGE_BMP}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot + 1, endings[i].ending))
            return endings[i].kind;
    return PS_IMAGE_UNKNOWN;
}

static void note_name(struct ps_notes *notes, const struct ps_image_facts *facts, const struct ps_file *file)
{
    const enum ps_image_kind promised = promised_kind(file->name);
    const char *what;
    ps_sniff(file->bytes, file->size, &what);
    if (promised != PS_IMAGE_UNKNOWN && promised != facts->kind)
        ps_note(notes, "it is a %s, whatever its name says", what);
}

static enum ps_status turn_upright(struct ps_raster *raster, unsigned orientation, struct ps_error *error)
{
    if (orientation == 1)
        return PS_OK;
    struct ps_raster turned = *raster;
    const enum ps_status status = ps_raster_new(&turned, error);
    if (status)
        return status;
    ps_orient(turned.bytes, raster->bytes, raster->width, raster->height, raster->channels, orientation);
    free(raster->bytes);
    if (orientation >= 5) {
        turned.width = raster->height;
        turned.height = raster->width;
    }
    *raster = turned;
    return PS_OK;
}

static unsigned find_orientation(const struct ps_image_facts *facts, struct ps_notes *notes)
{
    bool sound;
    const unsigned orientation = ps_exif_orientation(facts->exif.bytes, facts->exif.size, &sound);
    if (facts->exif.bytes && !sound)
        ps_note(notes, "its EXIF data is damaged and was ignored");
    return orientation;
}

enum ps_status ps_ingest(struct ps_raster *raster, struct ps_notes *notes, const struct ps_file *file,
                         const struct ps_ingest_params *params, struct ps_error *error)
{
    struct ps_image_facts facts;
    struct ps_colour *colour = NULL;
    enum ps_status status = ps_scan_image(&facts, file, error);
    if (!status) {
        note_name(notes, &facts, file);
        status = ps_colour_new(&colour, &facts, file, params->assume_cmyk, notes, error);
    }
    const bool deep = colour && facts.deep;
    if (!status)
        status = facts.kind == PS_IMAGE_PNG ? ps_decode_png(raster, &facts, file, deep, error)
                                            : ps_decode_av(raster, &facts, file, deep, error);
    if (!status && facts.alpha == PS_ALPHA_PREMULTIPLIED)
        ps_raster_unmultiply(raster);
    if (!status && colour)
        status = ps_colour_apply(colour, raster, error);
    if (!status)
        status = turn_upright(raster, find_orientation(&facts, notes), error);
    ps_colour_free(&colour);
    if (status)
        ps_raster_free(raster);
    return status;
}
