#include "provenance/xmp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"

static const char head[] = "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
                           "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\" x:xmptk=\"packshot " PS_VERSION "\">\n"
                           " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
                           "  <rdf:Description rdf:about=\"\"\n"
                           "    xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"\n"
                           "    xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\"\n"
                           "    xmlns:packshot=\"" PS_XMP_NAMESPACE "\">\n";

static const char tail[] = "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"r\"?>";

/* U+FFFE and U+FFFF are characters of UTF-8 that XML does not have. */
static bool is_no_xml(const char *at)
{
    return !strncmp(at, "\xef\xbf\xbe", 3) || !strncmp(at, "\xef\xbf\xbf", 3);
}

static void put_escaped(FILE *to, const char *text)
{
    char printable[1024];
    for (const char *at = ps_printable(printable, sizeof printable, text, false); *at; at++) {
        if (*at == '&')
            fputs("&amp;", to);
        else if (*at == '<')
            fputs("&lt;", to);
        else if (*at == '>')
            fputs("&gt;", to);
        else if (is_no_xml(at))
            at += 2;
        else
            fputc(*at, to);
    }
}

/* Nothing where there is no text. */
static void put_text(FILE *to, const char *property, const char *text)
{
    if (!*text)
        return;
    fprintf(to, "   <%s>", property);
    put_escaped(to, text);
    fprintf(to, "</%s>\n", property);
}

static void put_whole(FILE *to, const char *property, uint64_t value)
{
    fprintf(to, "   <%s>%" PRIu64 "</%s>\n", property, value, property);
}

static void put_real(FILE *to, const char *property, float value)
{
    char text[PS_REAL_TEXT];
    put_text(to, property, ps_real_text(text, value));
}

static void begin_sequence(FILE *to, const char *property)
{
    fprintf(to, "   <%s>\n    <rdf:Seq>\n", property);
}

static void end_sequence(FILE *to, const char *property)
{
    fprintf(to, "    </rdf:Seq>\n   </%s>\n", property);
}

static void put_levels(FILE *to, const struct ps_render_params *params)
{
    if (!params->sigma_count) {
        put_text(to, "packshot:Schedule", ps_schedule_words[params->schedule]);
        return;
    }
    begin_sequence(to, "packshot:Sigmas");
    for (uint32_t i = 0; i < params->sigma_count; i++) {
        char text[PS_REAL_TEXT];
        fprintf(to, "     <rdf:li>%s</rdf:li>\n", ps_real_text(text, params->sigmas[i]));
    }
    end_sequence(to, "packshot:Sigmas");
}

static void put_framing(FILE *to, const struct ps_render_params *params)
{
    char x[PS_REAL_TEXT], y[PS_REAL_TEXT], text[2 * PS_REAL_TEXT];
    put_text(to, "packshot:Fit", ps_fit_words[params->fit]);
    snprintf(text, sizeof text, "%s:%s", ps_real_text(x, params->focus_x), ps_real_text(y, params->focus_y));
    put_text(to, "packshot:Focus", params->focus == PS_FOCUS_POINT ? text : ps_focus_words[params->focus]);
    snprintf(text, sizeof text, "%06lx", (unsigned long)params->pad_colour);
    if (params->pad_colour)
        put_text(to, "packshot:PadColour", text);
}

static void put_files(FILE *to, const struct ps_origin *origin)
{
    if (!origin->file_count || !origin->files[0].sha256[0])
        return;
    begin_sequence(to, "packshot:ModelSHA256");
    for (uint32_t i = 0; i < origin->file_count; i++)
        fprintf(to, "     <rdf:li>%s</rdf:li>\n", origin->files[i].sha256);
    end_sequence(to, "packshot:ModelSHA256");
}

static void put_params(FILE *to, const struct ps_render_params *params)
{
    put_whole(to, "packshot:Width", params->width);
    put_whole(to, "packshot:Height", params->height);
    put_whole(to, "packshot:Frames", params->frames);
    put_whole(to, "packshot:FramesPerSecond", params->fps);
    put_framing(to, params);
    put_real(to, "packshot:Motion", params->motion);
    put_real(to, "packshot:NoiseAugmentation", params->noise_augmentation);
    put_whole(to, "packshot:Steps", params->steps);
    put_levels(to, params);
    put_real(to, "packshot:GuidanceMin", params->guidance_min);
    put_real(to, "packshot:GuidanceMax", params->guidance_max);
    put_whole(to, "packshot:Seed", params->seed);
    put_text(to, "packshot:RNG", ps_rng_words[params->rng]);
    put_text(to, "packshot:DataType", ps_dtype_words[params->dtype - PS_DTYPE_F32]);
    put_text(to, "packshot:Weights", ps_weights_words[params->weights]);
    put_whole(to, "packshot:DecodeChunk", params->decode_chunk);
}

static void put_origin(FILE *to, const struct ps_origin *origin)
{
    put_text(to, "packshot:Model", origin->family);
    put_files(to, origin);
    put_text(to, "packshot:PhotoSHA256", origin->photo.sha256);
    put_params(to, &origin->params);
    put_text(to, "packshot:NoiseSHA256", origin->noise.sha256);
    put_text(to, "packshot:Device", origin->device);
}

char *ps_xmp_packet(const struct ps_origin *origin, bool composite, size_t *size, struct ps_error *error)
{
    char *packet = NULL;
    FILE *to = open_memstream(&packet, size);
    bool done = to != NULL;
    if (to) {
        fputs(head, to);
        put_text(to, "Iptc4xmpExt:DigitalSourceType", composite ? PS_IPTC_COMPOSITE : PS_IPTC_GENERATED);
        put_text(to, "xmp:CreatorTool", "packshot " PS_VERSION);
        put_text(to, "packshot:Version", PS_VERSION);
        if (origin)
            put_origin(to, origin);
        fputs(tail, to);
        done = !ferror(to);
        done = !fclose(to) && done;
    }
    if (done)
        return packet;
    free(packet);
    ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the label of a clip");
    return NULL;
}
