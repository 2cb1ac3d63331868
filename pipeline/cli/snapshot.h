/* What a journal keeps of a job: every option that is set, whatever set it, so that a job that goes on another day is the
 * job of then. And what makes its clip that clip. */
#ifndef PS_CLI_SNAPSHOT_H
#define PS_CLI_SNAPSHOT_H

#include "cli/job.h"

/* Files that a job is made of, by their SHA-256. */
struct cli_material {
    const char *photo;            /* a path */
    const char *folder;           /* that photos must not leave */
    const struct ps_model *model; /* identified */
};

/* {"options": {"width": "256", ...}, "preset": ..., "root": ..., "photo": ..., "checkpoint": ..., "files": {...}} as text, to
 * be freed. Paths are made absolute; photo, checkpoint and files are hashes. Null after an error: those of ps_file_hash,
 * PS_ERR_MEMORY. */
char *cli_snapshot_make(const struct cli_settings *settings, const struct cli_material *material,
                        struct ps_error *error);

/* A snapshot that was read. */
struct cli_snapshot {
    json_t *root;                 /* all of it; owns the texts of the settings */
    struct cli_settings settings; /* of cli_request_options */
    const char *folder;           /* that photos must not leave */
};

/* Status: PS_ERR_INPUT "journal.settings" where this packshot does not know or take an option, PS_ERR_MEMORY. */
enum ps_status cli_snapshot_read(struct cli_snapshot *snapshot, const char *text, struct ps_error *error);

/* Fails with PS_ERR_INPUT "job.changed" unless the photo, the files in `recorded` (cli_record_options) and the checkpoint are
 * those of then. */
enum ps_status cli_snapshot_check_files(const struct cli_snapshot *snapshot, const char *photo,
                                        const json_t *recorded, struct ps_error *error);
enum ps_status cli_snapshot_check_model(const struct cli_snapshot *snapshot, const struct ps_model *model,
                                        struct ps_error *error);
void cli_snapshot_free(struct cli_snapshot *snapshot);

/* The key of a job: one text for everything that the bytes of its clip depend on but the device. `photo` is open for
 * reading, `plan` that of the render, and the model identified. Status: those of ps_job_key,
 * cli_record_options and ps_model_hash. */
enum ps_status cli_snapshot_key(char key[65], const struct cli_settings *settings, const struct ps_plan *plan,
                                const struct ps_model *model, int photo, struct ps_error *error);

#endif
