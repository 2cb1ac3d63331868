#include "media/apart.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { SECONDS = 30 };

#define MEMORY_BYTES (UINT64_C(2) << 30)

_Static_assert(sizeof(struct ps_answer) <= PS_ANSWER_SIZE, "the pixels begin after the answer");

struct question {
    const struct ps_file *file;
    const struct ps_ingest_params *params;
};

static void answer_in_child(void *shared, const void *user)
{
    const struct question *question = user;
    struct ps_answer *answer = shared;
    struct ps_raster raster = {0};
    if (ps_ingest(&raster, &answer->notes, question->file, question->params, &answer->error))
        return;
    answer->width = raster.width;
    answer->height = raster.height;
    answer->channels = raster.channels;
    memcpy((uint8_t *)shared + PS_ANSWER_SIZE, raster.bytes,
           (size_t)raster.width * raster.height * raster.channels);
}

static enum ps_status fail_child(struct ps_error *error, const struct ps_file *file,
                                 const struct ps_sandbox_end *end)
{
    char how[64] = "it stopped early";
    if (end->timed_out)
        snprintf(how, sizeof how, "it took more than %d seconds", SECONDS);
    else if (end->signal)
        snprintf(how, sizeof how, "signal %d (SIG%s)", end->signal,
                 sigabbrev_np(end->signal) ? sigabbrev_np(end->signal) : "?");
    ps_fail(error, PS_ERR_INPUT, "image.crashed-decoder",
            "%.300s: its decoder, a process of its own, did not finish: %s", file->name, how);
    ps_hint(error, "the file is damaged, or was made to do harm; export the photo again");
    return PS_ERR_INPUT;
}

/* An error of the child's, which may say anything. */
static enum ps_status pass_error(struct ps_error *error, struct ps_error *told)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz.-";
    told->id[sizeof told->id - 1] = '\0';
    told->message[sizeof told->message - 1] = '\0';
    told->hint[sizeof told->hint - 1] = '\0';
    const bool named = told->id[0] && strspn(told->id, letters) == strlen(told->id);
    const enum ps_status status = told->status == PS_ERR_MEMORY ? PS_ERR_MEMORY : PS_ERR_INPUT;
    ps_fail(error, status, named ? told->id : "image.damaged", "%s", told->message);
    if (told->hint[0])
        ps_hint(error, "%s", told->hint);
    return status;
}

static bool is_sound(const struct ps_answer *answer, const struct ps_sandbox_end *end)
{
    const uint64_t pixels = (uint64_t)answer->width * answer->height;
    return pixels && answer->width <= PS_PHOTO_MAX_SIDE && answer->height <= PS_PHOTO_MAX_SIDE &&
           pixels <= PS_PHOTO_MAX_PIXELS && (answer->channels == 3 || answer->channels == 4) &&
           PS_ANSWER_SIZE + pixels * answer->channels <= end->shared_bytes;
}

enum ps_status ps_answer_collect(struct ps_raster *raster, struct ps_notes *notes, const struct ps_file *file,
                                 const struct ps_sandbox_end *end, struct ps_error *error)
{
    if (!end->done)
        return fail_child(error, file, end);
    struct ps_answer answer;
    memcpy(&answer, end->shared, sizeof answer);
    if (answer.error.status)
        return pass_error(error, &answer.error);
    if (!is_sound(&answer, end))
        return fail_child(error, file, end);
    for (uint32_t i = 0; i < answer.notes.count && i < PS_MAX_NOTES; i++) {
        answer.notes.lines[i][PS_NOTE_SIZE - 1] = '\0';
        ps_note(notes, "%s", answer.notes.lines[i]);
    }
    *raster = (struct ps_raster){.width = answer.width, .height = answer.height, .channels = answer.channels};
    const enum ps_status status = ps_raster_new(raster, error);
    if (!status)
        memcpy(raster->bytes, (const uint8_t *)end->shared + PS_ANSWER_SIZE,
               (size_t)answer.width * answer.height * answer.channels);
    return status;
}

enum ps_status ps_ingest_apart(struct ps_raster *raster, struct ps_notes *notes, const struct ps_file *file,
                               const struct ps_ingest_params *params, bool strict, struct ps_error *error)
{
    const struct question question = {file, params};
    const struct ps_sandbox_job job = {.body = answer_in_child,
                                       .user = &question,
                                       .shared_bytes = PS_ANSWER_SIZE + (size_t)PS_PHOTO_MAX_PIXELS * 4,
                                       .memory_bytes = MEMORY_BYTES,
                                       .seconds = SECONDS,
                                       .strict = strict};
    struct ps_sandbox_end end;
    enum ps_status status = ps_sandbox_run(&end, &job, error);
    if (status)
        return status;
    if (!(end.layers & PS_LAYER_FILTER))
        ps_note(notes,
                "it was decoded without a filter of system calls: this kernel or container has no seccomp");
    status = ps_answer_collect(raster, notes, file, &end, error);
    ps_sandbox_free(&end);
    return status;
}
