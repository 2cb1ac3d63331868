/* Whether a clip is the one that its sidecar describes, whole and labelled. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/printable.h"
#include "provenance/label.h"
#include "provenance/sidecar.h"
#include "verify/decode.h"

/* The text between <PROPERTY> and </PROPERTY>, as packshot's own packets have it; "" where it is not. */
static void read_property(char *to, size_t size, const char *packet, const char *property)
{
    char begin[64], text[256];
    snprintf(begin, sizeof begin, "<%s>", property);
    const char *at = strstr(packet, begin);
    to[0] = '\0';
    if (!at)
        return;
    at += strlen(begin);
    snprintf(text, sizeof text, "%.*s", (int)strcspn(at, "<"), at);
    ps_printable(to, size, text, false);
}

static enum ps_status read_label(struct ps_clip_report *report, int fd, struct ps_error *error)
{
    char *packet;
    size_t size;
    if (ps_label_read(fd, &packet, &size, error))
        return error->status;
    report->labelled = packet != NULL;
    if (packet) {
        read_property(report->source_type, sizeof report->source_type, packet,
                      "Iptc4xmpExt:DigitalSourceType");
        read_property(report->creator, sizeof report->creator, packet, "xmp:CreatorTool");
    }
    free(packet);
    return PS_OK;
}

static enum ps_status compare(struct ps_clip_report *report, int fd, const char *path,
                              const struct ps_sidecar *sidecar, struct ps_error *error)
{
    char found[PS_SHA256_TEXT];
    const int code = ps_sha256_fd(found, fd);
    if (code)
        return ps_fail(error, PS_ERR_INPUT, "clip.unreadable", "%.300s: %s", path, strerror(code));
    snprintf(report->photo, sizeof report->photo, "%s", sidecar->origin->photo.name);
    snprintf(report->model, sizeof report->model, "%s", sidecar->origin->model);
    if (strcmp(found, sidecar->clip.sha256))
        return ps_fail(error, PS_ERR_INPUT, "clip.changed",
                       "%.300s is not the file that its sidecar describes: SHA-256 %s; expected %s", path,
                       found, sidecar->clip.sha256);
    if (sidecar->labelled && !report->labelled)
        return ps_fail(error, PS_ERR_INPUT, "clip.unlabelled",
                       "%.300s has no label, its sidecar says it has one", path);
    return PS_OK;
}

/* Without `name` the sidecar is PATH.json, if it is there. */
static enum ps_status check_sidecar(struct ps_clip_report *report, int fd, const char *path, const char *name,
                                    struct ps_error *error)
{
    struct ps_sidecar *sidecar = NULL;
    const size_t size = strlen(path) + sizeof ".json";
    char *beside = malloc(size);
    if (!beside)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    snprintf(beside, size, "%s.json", path);
    report->recorded = name || !access(beside, F_OK);
    if (report->recorded && !ps_sidecar_open(&sidecar, name ? name : beside, error))
        compare(report, fd, path, sidecar, error);
    ps_sidecar_close(&sidecar);
    free(beside);
    return error->status;
}

static enum ps_status verify(struct ps_clip_report *report, int fd, const char *path, const char *sidecar,
                             struct ps_error *error)
{
    struct ps_decoded decoded;
    const enum ps_status status = ps_decode_clip(&decoded, fd, path, error);
    snprintf(report->container, sizeof report->container, "%s", decoded.container);
    snprintf(report->codec, sizeof report->codec, "%s", decoded.codec);
    report->width = decoded.width;
    report->height = decoded.height;
    report->frames = decoded.frames;
    report->seconds = decoded.seconds;
    if (status || read_label(report, fd, error) || check_sidecar(report, fd, path, sidecar, error))
        return error->status;
    if (report->labelled || report->recorded)
        return PS_OK;
    ps_fail(error, PS_ERR_INPUT, "clip.no-record",
            "%.300s decodes, but has neither a label nor a sidecar to be compared with", path);
    ps_hint(error, "a clip's sidecar is CLIP.json beside it");
    return error->status;
}

enum ps_status ps_verify_clip(struct ps_clip_report *report, const char *path, const char *sidecar,
                              struct ps_error *error)
{
    struct ps_error local = {0};
    *report = (struct ps_clip_report){0};
    error = error ? error : &local;
    /* O_NONBLOCK so that opening a pipe without a writer returns. */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return ps_fail(error, PS_ERR_INPUT, "clip.unreadable", "%.300s: %s", path, strerror(errno));
    verify(report, fd, path, sidecar, error);
    close(fd);
    return error->status;
}
