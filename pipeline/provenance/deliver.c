#include "provenance/deliver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "provenance/xmp.h"

static const struct ps_provenance defaults;

static const struct ps_provenance *provenance_of(const struct ps_delivery *delivery)
{
    return delivery->provenance ? delivery->provenance : &defaults;
}

enum ps_status ps_deliver_check(const char *path, bool overwrite, ps_output_folder_owns *owns,
                                const struct ps_provenance *provenance, struct ps_error *error)
{
    enum ps_status status =
        owns ? ps_output_folder_check(path, overwrite, owns, error) : ps_output_check(path, overwrite, error);
    if (!status && owns && provenance && provenance->sign)
        status = ps_fail(error, PS_ERR_USAGE, "usage.signer", "%.300s: a folder cannot be signed", path);
    if (status || !provenance || !provenance->sidecar)
        return status;
    if (!strcmp(path, provenance->sidecar))
        return ps_fail(error, PS_ERR_USAGE, "usage.conflict",
                       "%.300s: the clip and its sidecar have one name", path);
    status = ps_sidecar_check_sections(provenance->sections, error);
    return status ? status : ps_output_check(provenance->sidecar, overwrite, error);
}

/* Not every format has a place for a label. */
static bool is_labelled(const struct ps_delivery *delivery)
{
    return !provenance_of(delivery)->unlabelled && delivery->carrier != PS_CARRIER_NONE;
}

static enum ps_status label(const struct ps_delivery *delivery, struct ps_output *output,
                            struct ps_error *error)
{
    const struct ps_provenance *provenance = provenance_of(delivery);
    size_t size;
    if (!is_labelled(delivery))
        return PS_OK;
    char *packet = ps_xmp_packet(delivery->origin, provenance->composite, &size, error);
    if (!packet)
        return error->status;
    const enum ps_status status = ps_label_write(output, delivery->carrier, packet, size, error);
    free(packet);
    return status;
}

/* A signer that drops the label would make the sidecar lie. */
static enum ps_status check_label(const struct ps_delivery *delivery, const struct ps_output *output,
                                  struct ps_error *error)
{
    struct ps_error damage = {0};
    char *packet = NULL;
    size_t size;
    if (provenance_of(delivery)->unlabelled || delivery->carrier == PS_CARRIER_NONE)
        return PS_OK;
    ps_label_read(ps_output_fd(output), &packet, &size, &damage);
    if (!packet)
        ps_fail(error, PS_ERR_OUTPUT, "output.sign-failed", "%.300s: the signer %s%.200s", delivery->path,
                damage.status ? "broke it: " : "removed the clip's label", damage.message);
    free(packet);
    return error->status;
}

static enum ps_status sign(const struct ps_delivery *delivery, struct ps_output *output,
                           struct ps_error *error)
{
    const struct ps_provenance *provenance = provenance_of(delivery);
    if (!provenance->sign)
        return PS_OK;
    char *path = ps_output_temporary(output);
    if (!path)
        return ps_fail(error, PS_ERR_MEMORY, "memory.host", "no memory for the name of an output");
    enum ps_status status = provenance->sign(provenance->user, path, error);
    free(path);
    if (!status)
        status = ps_output_reopen(output, error);
    return status ? status : check_label(delivery, output, error);
}

/* What the sidecar says of the clip, which is complete. */
static enum ps_status take_fingerprint(struct ps_fingerprint *clip, const char *path,
                                       const struct ps_output *output, struct ps_error *error)
{
    struct stat about;
    const int fd = ps_output_fd(output);
    int code = ps_sha256_fd(clip->sha256, fd);
    if (!code && fstat(fd, &about))
        code = errno;
    if (code)
        return ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "%.300s: the clip cannot be read back: %s",
                       path, strerror(code));
    clip->bytes = (uint64_t)about.st_size;
    ps_origin_name(clip->name, path, 1);
    return PS_OK;
}

/* Leaves the sidecar complete and on disk, but for its name. */
static enum ps_status prepare_sidecar(const struct ps_delivery *delivery, const struct ps_fingerprint *clip,
                                      struct ps_output **sidecar, struct ps_error *error)
{
    const struct ps_provenance *provenance = provenance_of(delivery);
    char now[PS_TIME_TEXT], signer[PS_ORIGIN_NAME];
    struct ps_sidecar_facts facts = {.origin = delivery->origin,
                                     .clip = *clip,
                                     .labelled = is_labelled(delivery),
                                     .composite = provenance->composite,
                                     .sections = provenance->sections,
                                     .libraries = delivery->libraries,
                                     .library_count = delivery->library_count};
    if (!delivery->reproducible) {
        ps_sidecar_now(now);
        facts.created = now;
    }
    if (provenance->sign && provenance->signer) {
        ps_origin_name(signer, provenance->signer, 1);
        facts.signer = signer;
    }
    if (ps_output_open(sidecar, provenance->sidecar, delivery->overwrite, error) ||
        ps_sidecar_write(*sidecar, &facts, error))
        return error->status;
    return ps_output_settle(*sidecar, NULL, NULL, error);
}

static enum ps_status describe_clip(const struct ps_delivery *delivery, const struct ps_output *clip,
                                    struct ps_output **sidecar, struct ps_error *error)
{
    struct ps_fingerprint fingerprint = {0};
    if (!provenance_of(delivery)->sidecar)
        return PS_OK;
    return take_fingerprint(&fingerprint, delivery->path, clip, error)
               ? error->status
               : prepare_sidecar(delivery, &fingerprint, sidecar, error);
}

static enum ps_status check_delivery(const struct ps_delivery *delivery, struct ps_error *error)
{
    const struct ps_origin *origin = delivery->origin;
    if (!provenance_of(delivery)->sidecar)
        return PS_OK;
    if (origin && origin->file_count && origin->files[0].sha256[0])
        return PS_OK;
    ps_fail(error, PS_ERR_USAGE, "usage.sidecar",
            "a sidecar has the hashes of the checkpoint, and this clip has none");
    ps_hint(error, "call ps_model_identify before ps_render");
    return error->status;
}

/* The names. From the first on a failure leaves a complete clip. */
static enum ps_status commit(struct ps_output *clip, struct ps_output *sidecar, struct ps_error *error)
{
    if (sidecar && ps_output_displace(sidecar, error))
        return error->status;
    if (ps_output_commit(clip, NULL, NULL, error) || !sidecar)
        return error->status;
    return ps_output_commit(sidecar, NULL, NULL, error);
}

enum ps_status ps_deliver(const struct ps_delivery *delivery, struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_output *clip = NULL, *sidecar = NULL;
    error = error ? error : &local;
    if (!check_delivery(delivery, error) &&
        !ps_output_open(&clip, delivery->path, delivery->overwrite, error) &&
        !delivery->write(delivery->user, clip, error) && !label(delivery, clip, error) &&
        !sign(delivery, clip, error) && !ps_output_settle(clip, delivery->verify, delivery->user, error) &&
        !describe_clip(delivery, clip, &sidecar, error))
        commit(clip, sidecar, error);
    ps_output_close(&sidecar);
    ps_output_close(&clip);
    return error->status;
}

/* ---- folders ---- */

static enum ps_status describe_folder(const struct ps_delivery *delivery,
                                      const struct ps_output_folder *folder, struct ps_output **sidecar,
                                      struct ps_error *error)
{
    struct ps_fingerprint fingerprint = {0};
    if (!provenance_of(delivery)->sidecar)
        return PS_OK;
    const int code = ps_fingerprint_folder(&fingerprint, ps_output_folder_fd(folder));
    if (code)
        return ps_fail(error, PS_ERR_OUTPUT, "output.unreadable", "%.300s: the clip cannot be read back: %s",
                       delivery->path, strerror(code));
    ps_origin_name(fingerprint.name, delivery->path, 1);
    return prepare_sidecar(delivery, &fingerprint, sidecar, error);
}

enum ps_status ps_deliver_folder(const struct ps_delivery *delivery, struct ps_error *error)
{
    struct ps_error local = {0};
    struct ps_output_folder *folder = NULL;
    struct ps_output *sidecar = NULL;
    error = error ? error : &local;
    if (!ps_deliver_check(delivery->path, delivery->overwrite, delivery->owns, provenance_of(delivery),
                          error) &&
        !check_delivery(delivery, error) &&
        !ps_output_folder_open(&folder, delivery->path, delivery->overwrite, delivery->owns, error) &&
        !delivery->write_folder(delivery->user, folder, error) &&
        !describe_folder(delivery, folder, &sidecar, error) &&
        (!sidecar || !ps_output_displace(sidecar, error)) && !ps_output_folder_commit(folder, error) &&
        sidecar)
        ps_output_commit(sidecar, NULL, NULL, error);
    ps_output_close(&sidecar);
    ps_output_folder_close(&folder);
    return error->status;
}
