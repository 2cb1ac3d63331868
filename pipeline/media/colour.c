#include "media/colour.h"

#include <lcms2.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/bytes.h"

enum { INTENT = INTENT_RELATIVE_COLORIMETRIC };
enum { FLAGS = cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_HIGHRESPRECALC };

struct ps_colour {
    cmsHPROFILE profile; /* null: inks are converted plainly */
    uint32_t channels;   /* of the profile's colour space: 1, 3 or 4 */
};

static const cmsCIExyY d65 = {0.3127, 0.3290, 1};
static const cmsCIExyYTRIPLE bt709 = {{0.640, 0.330, 1}, {0.300, 0.600, 1}, {0.150, 0.060, 1}};

/* ---- colour spaces that PNG names in chunks of its own ---- */

/* y = ((x + 0.055) / 1.055)^2.4 and the like: lcms2's type 4, y = (a x + b)^g above d, else c x. */
static cmsToneCurve *curve_with_toe(double gamma, double offset, double slope, double toe)
{
    const double parameters[5] = {gamma, 1 / (1 + offset), offset / (1 + offset), 1 / slope, toe};
    return cmsBuildParametricToneCurve(NULL, 4, parameters);
}

static cmsHPROFILE rgb_profile(const cmsCIExyY *white, const cmsCIExyYTRIPLE *primaries, cmsToneCurve *curve)
{
    cmsToneCurve *curves[3] = {curve, curve, curve};
    const cmsHPROFILE profile = curve ? cmsCreateRGBProfile(white, primaries, curves) : NULL;
    cmsFreeToneCurve(curve);
    return profile;
}

/* ITU-T H.273 as PNG's third edition uses it: primaries, transfer, matrix 0, full range. Null for what is not known. */
static cmsHPROFILE cicp_profile(const uint8_t *cicp)
{
    static const cmsCIExyYTRIPLE bt2020 = {{0.708, 0.292, 1}, {0.170, 0.797, 1}, {0.131, 0.046, 1}};
    static const cmsCIExyYTRIPLE p3 = {{0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}};
    const cmsCIExyYTRIPLE *primaries = cicp[0] == 1    ? &bt709
                                       : cicp[0] == 9  ? &bt2020
                                       : cicp[0] == 12 ? &p3
                                                       : NULL;
    if (!primaries || cicp[2] != 0 || cicp[3] != 1)
        return NULL;
    switch (cicp[1]) {
    case 1:
    case 6:
    case 14:
    case 15:
        return rgb_profile(&d65, primaries, curve_with_toe(1 / 0.45, 0.099, 4.5, 0.081));
    case 4:
        return rgb_profile(&d65, primaries, cmsBuildGamma(NULL, 2.2));
    case 8:
        return rgb_profile(&d65, primaries, cmsBuildGamma(NULL, 1));
    case 13:
        return rgb_profile(&d65, primaries, curve_with_toe(2.4, 0.055, 12.92, 0.04045));
    default:
        return NULL;
    }
}

static bool is_hdr(const struct ps_span *cicp)
{
    enum { TYPE = 4, PQ = 16, HLG = 18 };
    return cicp->size == TYPE + 4 && (cicp->bytes[TYPE + 1] == PQ || cicp->bytes[TYPE + 1] == HLG);
}

/* gAMA and cHRM count in 1/100000. Alone, neither is taken: browsers do the same, and old test pictures state a gamma
 * that they do not mean. Gamma 1/2.2 over sRGB's primaries is how older programs wrote sRGB. */
static cmsHPROFILE gamma_profile(const uint8_t *gama, const uint8_t *chrm)
{
    const double unit = 100000, written_srgb = 0.45455, near = 0.005;
    const double gamma = ps_be32(gama) / unit;
    double xy[8];
    for (size_t i = 0; i < 8; i++)
        xy[i] = ps_be32(chrm + 4 * i) / unit;
    const double srgb[8] = {d65.x,         d65.y,         bt709.Red.x,  bt709.Red.y,
                            bt709.Green.x, bt709.Green.y, bt709.Blue.x, bt709.Blue.y};
    bool same = fabs(gamma - written_srgb) < near;
    bool sound = gamma > 0.1 && gamma < 10;
    for (size_t i = 0; i < 8; i++) {
        same = same && fabs(xy[i] - srgb[i]) < near;
        sound = sound && xy[i] >= 0 && xy[i] <= 1 && (i % 2 == 0 || xy[i] > 0);
    }
    if (same || !sound)
        return NULL;
    const cmsCIExyY white = {xy[0], xy[1], 1};
    const cmsCIExyYTRIPLE primaries = {{xy[2], xy[3], 1}, {xy[4], xy[5], 1}, {xy[6], xy[7], 1}};
    return rgb_profile(&white, &primaries, cmsBuildGamma(NULL, 1 / gamma));
}

/* ---- choosing ---- */

static uint32_t channels_of(cmsHPROFILE profile)
{
    switch (cmsGetColorSpace(profile)) {
    case cmsSigGrayData:
        return 1;
    case cmsSigRgbData:
        return 3;
    case cmsSigCmykData:
        return 4;
    default:
        return 0;
    }
}

static cmsUInt32Number format_of(uint32_t channels, uint32_t in_all, bool deep)
{
    const uint32_t space = channels == 1 ? PT_GRAY : channels == 3 ? PT_RGB : PT_CMYK;
    return COLORSPACE_SH(space) | CHANNELS_SH(channels) | EXTRA_SH(in_all - channels) |
           BYTES_SH(deep ? 2 : 1);
}

/* Null where the profile lacks what a conversion needs. */
static cmsHTRANSFORM transform_from(cmsHPROFILE profile, cmsUInt32Number format)
{
    const cmsHPROFILE srgb = cmsCreate_sRGBProfile();
    const cmsHTRANSFORM transform =
        srgb ? cmsCreateTransform(profile, format, srgb, TYPE_RGB_8, INTENT, FLAGS) : NULL;
    if (srgb)
        cmsCloseProfile(srgb);
    return transform;
}

/* True if the profile leaves every colour as it is, to a rounding: the many names of sRGB. */
static bool changes_nothing(cmsHTRANSFORM transform, uint32_t channels)
{
    enum { STEPS = 9, STEP = 255 / (STEPS - 1) };
    for (int i = 0; i < STEPS * STEPS * STEPS; i++) {
        const uint8_t rgb[3] = {(uint8_t)(i % STEPS * STEP), (uint8_t)(i / STEPS % STEPS * STEP),
                                (uint8_t)(i / STEPS / STEPS * STEP)};
        const uint8_t grey[1] = {(uint8_t)(i % 256)};
        uint8_t to[3];
        cmsDoTransform(transform, channels == 1 ? grey : rgb, to, 1);
        for (int c = 0; c < 3; c++)
            if (abs(to[c] - (channels == 1 ? grey[0] : rgb[c])) > 1)
                return false;
    }
    return true;
}

/* A profile that can be used on such pixels; otherwise it is closed and noted. */
static cmsHPROFILE judge(cmsHPROFILE profile, const struct ps_image_facts *facts, struct ps_notes *notes)
{
    const uint32_t channels = profile ? channels_of(profile) : 0;
    const bool inks = facts->ink != PS_INK_NONE;
    const bool fits = channels && (channels == 4) == inks && (channels != 1 || facts->grey);
    const cmsHTRANSFORM transform =
        fits ? transform_from(profile, format_of(channels, channels, false)) : NULL;
    if (profile && !fits)
        ps_note(notes, "its colour profile is for other channels than the photo has%s",
                inks ? "" : "; it is taken as sRGB");
    else if (!transform)
        ps_note(notes, "its colour profile is broken%s", inks ? "" : "; it is taken as sRGB");
    const bool useful = transform && (inks || !changes_nothing(transform, channels));
    if (transform)
        cmsDeleteTransform(transform);
    if (profile && !useful)
        cmsCloseProfile(profile);
    return useful ? profile : NULL;
}

/* What the file says; null, perhaps with a note, where that is sRGB or nothing. */
static enum ps_status stated_profile(cmsHPROFILE *stated, const struct ps_image_facts *facts,
                                     const struct ps_file *file, struct ps_notes *notes,
                                     struct ps_error *error)
{
    enum { TYPE = 4, CICP = TYPE + 4, GAMA = TYPE + 4, CHRM = TYPE + 32 };
    *stated = facts->cicp.size == CICP ? cicp_profile(facts->cicp.bytes + TYPE) : NULL;
    if (*stated) {
        *stated = judge(*stated, facts, notes);
        return PS_OK;
    }
    struct ps_profile icc;
    const enum ps_status status = ps_profile_read(&icc, facts, file, notes, error);
    if (status)
        return status;
    if (icc.bytes)
        *stated = judge(cmsOpenProfileFromMem(icc.bytes, (cmsUInt32Number)icc.size), facts, notes);
    else if (!facts->srgb && facts->gama.size == GAMA && facts->chrm.size == CHRM)
        *stated = gamma_profile(facts->gama.bytes + TYPE, facts->chrm.bytes + TYPE);
    ps_profile_free(&icc);
    return PS_OK;
}

enum ps_status ps_colour_new(struct ps_colour **colour, const struct ps_image_facts *facts,
                             const struct ps_file *file, bool assume_cmyk, struct ps_notes *notes,
                             struct ps_error *error)
{
    cmsHPROFILE profile;
    *colour = NULL;
    if (is_hdr(&facts->cicp))
        return ps_refuse_kind(error, file, "a photo of high dynamic range (PQ or HLG)");
    const enum ps_status status = stated_profile(&profile, facts, file, notes, error);
    if (status)
        return status;
    if (!profile && facts->ink == PS_INK_NONE)
        return PS_OK;
    if (!profile && !assume_cmyk) {
        ps_fail(error, PS_ERR_INPUT, "image.cmyk",
                "%.300s: a CMYK photo without a usable colour profile; nobody can tell what its colours are",
                file->name);
        ps_hint(error, "export it as RGB, or with its profile embedded; --assume-cmyk converts it roughly");
        return PS_ERR_INPUT;
    }
    if (!profile)
        ps_note(notes, "it is CMYK without a colour profile; its colours are a rough conversion");
    *colour = malloc(sizeof **colour);
    if (!*colour) {
        if (profile)
            cmsCloseProfile(profile);
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "%.300s: no memory for its colours", file->name);
    }
    **colour = (struct ps_colour){profile, profile ? channels_of(profile) : 4};
    return PS_OK;
}

/* ---- converting ---- */

/* to [width, 3] from CMYK samples. */
static void plain_row(uint8_t *to, const uint8_t *from, uint32_t width, bool deep)
{
    const uint32_t top = deep ? 65535 : 255;
    for (uint32_t x = 0; x < width; x++)
        for (uint32_t c = 0; c < 3; c++) {
            const uint16_t *wide = (const uint16_t *)(const void *)from + (size_t)x * 4;
            const uint8_t *narrow = from + (size_t)x * 4;
            const uint64_t paper = top - (deep ? wide[c] : narrow[c]),
                           light = top - (deep ? wide[3] : narrow[3]);
            *to++ = (uint8_t)((paper * light * 255 + (uint64_t)top * top / 2) / ((uint64_t)top * top));
        }
}

/* The last channel of a pixel as 8 bits. */
static uint8_t alpha_of(const uint8_t *row, uint32_t x, uint32_t channels, bool deep)
{
    const size_t at = (size_t)x * channels + channels - 1;
    if (!deep)
        return row[at];
    uint16_t wide;
    memcpy(&wide, row + at * 2, sizeof wide);
    return (uint8_t)((wide * 255u + 32767) / 65535);
}

enum ps_status ps_colour_apply(const struct ps_colour *colour, struct ps_raster *raster,
                               struct ps_error *error)
{
    const bool alpha = raster->channels == 4 && !raster->inks;
    const uint32_t width = raster->width, channels = alpha ? 4 : 3;
    const size_t stride = (size_t)width * raster->channels * (raster->deep ? 2 : 1);
    const cmsHTRANSFORM transform =
        colour->profile
            ? transform_from(colour->profile, format_of(colour->channels, raster->channels, raster->deep))
            : NULL;
    uint8_t *line = malloc((size_t)width * 3);
    if (!line || (colour->profile && !transform)) {
        free(line);
        if (transform)
            cmsDeleteTransform(transform);
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory to convert a photo's colours");
    }
    /* In place: what is written never overtakes what is read. */
    for (uint32_t y = 0; y < raster->height; y++) {
        const uint8_t *from = raster->bytes + y * stride;
        uint8_t *to = raster->bytes + (size_t)y * width * channels;
        if (transform)
            cmsDoTransform(transform, from, line, width);
        else
            plain_row(line, from, width, raster->deep);
        for (uint32_t x = 0; x < width; x++, to += channels) {
            const uint8_t opacity = alpha ? alpha_of(from, x, raster->channels, raster->deep) : 255;
            memcpy(to, line + (size_t)x * 3, 3);
            if (alpha)
                to[3] = opacity;
        }
    }
    if (transform)
        cmsDeleteTransform(transform);
    free(line);
    raster->channels = channels;
    raster->deep = false;
    raster->inks = false;
    return PS_OK;
}

void ps_colour_free(struct ps_colour **colour)
{
    if (*colour && (*colour)->profile)
        cmsCloseProfile((*colour)->profile);
    free(*colour);
    *colour = NULL;
}
