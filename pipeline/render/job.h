/* A render while it runs: the session, where its phases lie in memory, and what progress is told from. */
#ifndef PS_RENDER_JOB_H
#define PS_RENDER_JOB_H

#include "render/session.h"

struct ps_job {
    struct ps_request request;
    struct ps_session session;
    struct ps_session_events session_events;
    struct ps_takes takes;
    const struct ps_photo *photo;
    struct ps_phase phases[PS_MAX_PHASES];
    struct ps_layout_plan layouts[PS_MAX_PHASES];
    uint32_t planned[PS_MAX_PHASES]; /* steps that a layout's operations are of */
    const struct ps_render_events *events;
    double begun, step_begun, step_seconds, last_told;
    uint64_t flops_total,
        flops_before;            /* of what this run has to do, of what it had done when the phase began */
    uint32_t phase, step, steps; /* steps of the take at work */
    uint32_t finished;           /* steps in this phase, of all takes */
    uint32_t kept;               /* sampling step that a later render can go on after; 0 for none */
    bool lost;                   /* a device was lost already */
    bool stopping;               /* the caller wants it to stop, once the step at hand is kept */
    struct ps_error *error;
};

/* Resolves the parameters, makes the takes (with `resume` read, but for the photo's part), and plans every phase.
 * Free with ps_job_free also after a failure. Status: those of ps_render_takes_plan. */
enum ps_status ps_job_new(struct ps_job **job, const struct ps_model *model,
                          const struct ps_render_params *params, const struct ps_takes *takes,
                          struct ps_plan *plan, struct ps_error *error);
void ps_job_free(struct ps_job **job);

/* Runs the phases that are needed. Status: those of ps_render_takes. */
enum ps_status ps_job_run(struct ps_job *job, const struct ps_photo *photo,
                          const struct ps_render_events *events, struct ps_error *error);

/* Operations of one of a phase's steps. */
uint64_t ps_job_step_flops(const struct ps_job *job, uint32_t phase);

/* After a failure of the phase: true, with the error cleared, where it can be run again for what it has left. */
bool ps_job_recover(struct ps_job *job, uint32_t phase);

#endif
