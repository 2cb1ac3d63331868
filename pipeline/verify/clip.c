/* Whether a clip is the one that its sidecar describes, whole and labelled. */
#include <dirent.h>
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

/* The clip is a file, or a folder of pictures. */
static int hash_clip(struct ps_fingerprint *found, int fd)
{
    struct stat about;
    if (fstat(fd, &about))
        return errno;
    return S_ISDIR(about.st_mode) ? ps_fingerprint_folder(found, fd) : ps_sha256_fd(found->sha256, fd);
}

static enum ps_status compare(struct ps_clip_report *report, int fd, const char *path,
                              const struct ps_sidecar *sidecar, struct ps_error *error)
{
    struct ps_fingerprint found = {0};
    const int code = hash_clip(&found, fd);
    if (code)
        return ps_fail(error, PS_ERR_INPUT, "clip.unreadable", "%.300s: %s", path, strerror(code));
    snprintf(report->photo, sizeof report->photo, "%s", sidecar->origin->photo.name);
    snprintf(report->model, sizeof report->model, "%s", sidecar->origin->model);
    if (strcmp(found.sha256, sidecar->clip.sha256))
        return ps_fail(error, PS_ERR_INPUT, "clip.changed",
                       "%.300s is not the file that its sidecar describes: SHA-256 %s; expected %s", path,
                       found.sha256, sidecar->clip.sha256);
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
    size_t length = strlen(path);
    char *beside = malloc(length + sizeof ".json");
    if (!beside)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "out of memory");
    while (length > 1 && path[length - 1] == '/')
        length--;
    snprintf(beside, length + sizeof ".json", "%.*s.json", (int)length, path);
    report->recorded = name || !access(beside, F_OK);
    if (report->recorded && !ps_sidecar_open(&sidecar, name ? name : beside, error))
        compare(report, fd, path, sidecar, error);
    ps_sidecar_close(&sidecar);
    free(beside);
    return error->status;
}

static void fill_report(struct ps_clip_report *report, const struct ps_decoded *decoded)
{
    snprintf(report->container, sizeof report->container, "%s", decoded->container);
    snprintf(report->codec, sizeof report->codec, "%s", decoded->codec);
    report->width = decoded->width;
    report->height = decoded->height;
    report->frames = decoded->frames;
    report->seconds = decoded->seconds;
}

static enum ps_status verify_file(struct ps_clip_report *report, int fd, const char *path,
                                  struct ps_error *error)
{
    struct ps_decoded decoded;
    const enum ps_status status = ps_decode_clip(&decoded, fd, path, error);
    fill_report(report, &decoded);
    return status ? status : read_label(report, fd, error);
}

/* One picture of a folder. The folder is labelled if each of its pictures is. */
static enum ps_status verify_picture(struct ps_clip_report *report, int fd, const char *path,
                                     struct ps_error *error)
{
    struct ps_decoded decoded;
    struct ps_clip_report picture = {0};
    if (ps_decode_picture(&decoded, fd, path, error) || read_label(&picture, fd, error))
        return error->status;
    const uint32_t frames = report->frames + 1;
    if (frames == 1) {
        fill_report(report, &decoded);
        snprintf(report->container, sizeof report->container, "folder");
        report->labelled = picture.labelled;
        memcpy(report->source_type, picture.source_type, sizeof report->source_type);
        memcpy(report->creator, picture.creator, sizeof report->creator);
    }
    if (decoded.width != report->width || decoded.height != report->height)
        return ps_fail(error, PS_ERR_INPUT, "clip.damaged", "%.300s: %u x %u pixels; the first has %u x %u",
                       path, decoded.width, decoded.height, report->width, report->height);
    report->labelled = report->labelled && picture.labelled;
    report->frames = frames;
    return PS_OK;
}

static int is_frame(const struct dirent *entry)
{
    return !strncmp(entry->d_name, "frame_", strlen("frame_"));
}

/* frame_00001.png and on, without a gap; `count` files have such names. */
static enum ps_status verify_frames(struct ps_clip_report *report, int folder, const char *path, int count,
                                    struct ps_error *error)
{
    for (int i = 1; i <= count && !error->status; i++) {
        char name[32], whole[320];
        snprintf(name, sizeof name, "frame_%05d.png", i);
        snprintf(whole, sizeof whole, "%.280s: %s", path, name);
        const int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return ps_fail(error, PS_ERR_INPUT, errno == ENOENT ? "clip.damaged" : "clip.unreadable",
                           "%s of %d frames: %s", whole, count, strerror(errno));
        verify_picture(report, fd, whole, error);
        close(fd);
    }
    return error->status;
}

static enum ps_status verify_folder(struct ps_clip_report *report, int folder, const char *path,
                                    struct ps_error *error)
{
    struct dirent **entries = NULL;
    const int count = scandirat(folder, ".", &entries, is_frame, NULL);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    if (count <= 0)
        return ps_fail(error, PS_ERR_INPUT, "clip.unreadable", "%.300s: %s", path,
                       count ? strerror(errno) : "the folder has no frame_00001.png");
    return verify_frames(report, folder, path, count, error);
}

static enum ps_status verify(struct ps_clip_report *report, int fd, const char *path, const char *sidecar,
                             struct ps_error *error)
{
    struct stat about;
    const bool is_folder = !fstat(fd, &about) && S_ISDIR(about.st_mode);
    if ((is_folder ? verify_folder : verify_file)(report, fd, path, error) ||
        check_sidecar(report, fd, path, sidecar, error))
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
