/* A clip's way from an encoder to its final name, with all that says where it comes from.
 *
 *   a temporary beside the target    the caller's `write`
 *   the label                        appended to it
 *   the signer                       changes it, or puts another in its place
 *   fsync, the caller's `verify`     the clip is read back as it will be
 *   SHA-256 of it, the sidecar       a second temporary, on disk
 *   names                            first the clip's, last the sidecar's
 *
 * So a sidecar stands only beside the clip whose hash it has. A crash between the names leaves a complete,
 * labelled clip without a sidecar: the next run finds the name taken, and the label has the photo's and the
 * checkpoint's hashes and every parameter. Where both are replaced, the old sidecar goes first. */
#ifndef PS_PROVENANCE_DELIVER_H
#define PS_PROVENANCE_DELIVER_H

#include "base/output_folder.h"
#include "provenance/label.h"
#include "provenance/sidecar.h"

struct ps_delivery {
    const char *path;
    bool overwrite;    /* for the clip and the sidecar */
    bool reproducible; /* no times */
    enum ps_carrier carrier;
    const struct ps_origin *origin;         /* null where it is not known: then no sidecar can be asked for */
    const struct ps_provenance *provenance; /* null for the defaults */
    const struct ps_library *libraries;     /* that had a part beside those that provenance itself uses */
    uint32_t library_count;
    /* Fills the file. */
    enum ps_status (*write)(void *user, struct ps_output *output, struct ps_error *error);
    ps_output_verify *verify;
    /* For a folder instead of a file: fills and verifies it, and labels its files. */
    enum ps_status (*write_folder)(void *user, struct ps_output_folder *folder, struct ps_error *error);
    ps_output_folder_owns *owns;
    void *user;
};

/* Fails if the delivery would certainly fail. Touches nothing. `owns` is null for a file. */
enum ps_status ps_deliver_check(const char *path, bool overwrite, ps_output_folder_owns *owns,
                                const struct ps_provenance *provenance, struct ps_error *error);

enum ps_status ps_deliver(const struct ps_delivery *delivery, struct ps_error *error);

/* The same for a folder. The sidecar's hash of it is that of the text that sha256sum gives for its files in the order of
 * their names. */
enum ps_status ps_deliver_folder(const struct ps_delivery *delivery, struct ps_error *error);

#endif
