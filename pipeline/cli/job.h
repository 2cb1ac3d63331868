/* One photo on its way to files, in the steps that a command takes it through: all of them in a row for one render; for
 * many, the photo of the next and the files of the last beside the render of one. */
#ifndef PS_CLI_JOB_H
#define PS_CLI_JOB_H

#include "cli/engine.h"
#include "cli/repeat.h"
#include "cli/takes.h"

/* Zeroed but for the report, the engine, the events and `alone`. */
struct cli_job {
    struct cli_report *report;
    struct cli_engine *engine;      /* lent */
    struct ps_render_events events; /* of the render */
    struct cli_request request;     /* filled from the settings */
    const struct cli_settings *settings;
    const struct ps_sidecar *sidecar; /* that is repeated, or null */
    struct cli_names names;           /* those that follow from it */
    json_t *sections;                 /* of the sidecars */
    struct ps_photo *photo;
    struct ps_device device; /* that the engine has, once opened */
    struct ps_plan plan;
    struct cli_delivery delivery;
    struct cli_attempts attempts;
    void (*alone)(void *user, bool begin); /* as of struct cli_takes */
    void *alone_user;
    struct cli_takes takes; /* where it is about candidates, a draft or kept latents */
};

/* Judges the request, which has been stored from `settings`, and completes it from the sidecar of --from (null for none).
 * Both have to live as long as the job. Status: those of cli_repeat_names, cli_repeat_latents and cli_request_resolve. */
enum ps_status cli_job_resolve(struct cli_job *job, const struct cli_settings *settings,
                               struct ps_sidecar *sidecar, struct ps_error *error);

/* Loads the photo, without a word: may be called on another thread. Status: those of ps_photo_load. */
enum ps_status cli_job_load(struct cli_job *job, struct ps_error *error);

/* Names all that will be written and makes sure that it can be. */
enum ps_status cli_job_name_outputs(struct cli_job *job, struct ps_error *error);

/* ps_output_sweep of all that will be written. Returns how many were removed. */
unsigned cli_job_sweep(const struct cli_job *job, bool certain);

/* Tells what was assumed to read the photo. */
void cli_job_tell_notes(const struct cli_job *job);

/* Opens the engine and plans the render and the saves: what cannot be done must not come to light after an hour of
 * rendering. Status: those of cli_engine_open, ps_render_takes_plan and ps_clip_plan_save. */
enum ps_status cli_job_open(struct cli_job *job, struct ps_error *error);
enum ps_status cli_job_plan(struct cli_job *job, struct ps_error *error);

/* Begins what sidecars have beside the library's own, with hashes of the files that options name: may be called on another
 * thread. Status: those of cli_record_options. */
enum ps_status cli_job_record(struct cli_job *job, struct ps_error *error);

/* Takes the checkpoint's hashes and compares with the sidecar that is repeated; records, unless that is done. */
enum ps_status cli_job_identify(struct cli_job *job, struct ps_error *error);

/* Renders. Candidates, drafts and what goes on from latents are written at once. Status: those of cli_takes_run and
 * cli_attempts_run. */
enum ps_status cli_job_render(struct cli_job *job, struct ps_error *error);

/* Measures the clip, if cli_job_render has left one to be, without a word: may be called on another thread. */
enum ps_status cli_job_measure(struct cli_job *job, struct ps_error *error);

/* Writes the measured clip's files, with `saving` told of it: may be called on another thread if that may. Status: those
 * of ps_clip_save. */
enum ps_status cli_job_deliver(struct cli_job *job, const struct ps_render_events *saving,
                               struct ps_error *error);

/* After all: removes the render's state, if it kept one, since its clip has its name; of a clip that could not be saved
 * tells that it can be without being sampled again. */
void cli_job_end_state(const struct cli_job *job, const struct ps_error *error);

/* What was made, as members of an event: outputs, sizes, quality. */
json_t *cli_job_event(const struct cli_job *job);

void cli_job_close(struct cli_job *job);

#endif
