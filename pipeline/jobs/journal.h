/* The journal of batches: a SQLite file that holds every job in exactly one state and survives a kill or a power cut at any
 * instant. Several processes on one machine may work from it at a time.
 *
 *   worker                                          anyone
 *   ps_journal_open                                 ps_journal_open (status: read only)
 *   ps_journal_begin, _add ..., _commit             ps_journal_counts, _each, _batch
 *   ps_journal_claim -> job, until there is none    ps_journal_retry, _cancel
 *     ps_journal_beat   every few seconds
 *     ps_journal_done, _fail, _ignore or _release
 *   ps_journal_close                                ps_journal_close
 *
 *   waiting --claim--> running --done--> done
 *      ^  ^               |--fail-----> failed(reason), or waiting where the cause is transient and attempts are left
 *      |  |--release------|--ignore---> ignored(reason)
 *      |--retry-- failed, ignored
 *
 * A claim whose process is gone, or that has not beaten for the lease, returns to waiting when anyone claims. Times for
 * people are milliseconds since 1970; leases are counted by a clock that never jumps. A journal is used by one thread at a
 * time. Each change is on disk when its function returns.
 *
 * Status of all functions: PS_ERR_OUTPUT where the file cannot be written ("journal.disk-full", "journal.not-writable",
 * "journal.write-failed") or was moved or removed meanwhile ("journal.moved"); PS_ERR_TRY_AGAIN where it is locked for longer
 * than 30 s ("journal.locked"); PS_ERR_INPUT where it is damaged ("journal.corrupt") or unreadable ("journal.unreadable");
 * PS_ERR_MEMORY. `error` is never null and holds no error when a function is called. */
#ifndef PS_JOBS_JOURNAL_H
#define PS_JOBS_JOURNAL_H

#include "base/error.h"
#include "jobs/key.h"

enum {
    PS_JOB_ATTEMPTS = 3, /* that end in a transient failure, until a job has failed */
    PS_JOB_DEATHS = 5    /* of workers at one job, until it has failed ("job.worker-died") */
};

enum ps_job_state {
    PS_JOB_WAITING,
    PS_JOB_RUNNING,
    PS_JOB_DONE,
    PS_JOB_FAILED,
    PS_JOB_IGNORED,
    PS_JOB_STATES
};

/* "waiting", "running", "done", "failed" or "ignored". */
const char *ps_job_state_name(enum ps_job_state state);

/* One job. Texts are never null. */
struct ps_journal_job {
    int64_t id;           /* 1 and on, in the order in which jobs were added */
    int64_t batch;        /* the last batch that named it */
    uint64_t row;         /* of the manifest */
    const char *photo;    /* absolute path */
    const char *output;   /* path; empty for an input that was ignored when it was added */
    const char *settings; /* JSON, the caller's */
    const char *key;      /* ps_job_key; empty as output */
    int32_t priority;
    bool forced; /* made again although a job of the same key may be done */
    enum ps_job_state state;
    const char *reason_id,
        *reason; /* why failed or ignored; of a waiting job why the last attempt failed, or empty */
    uint32_t attempts, deaths;
    bool cancelled;                /* running, and somebody asked to stop it */
    int64_t added, started, ended; /* milliseconds since 1970; 0 for not yet; of the last attempt */
    const char *worker;            /* "HOST:PID" of the last claim, or empty */
    const char *result;            /* JSON that the worker left, or empty */
    int64_t claim; /* number of this claim; what a worker does later has to be of the latest */
};

struct ps_journal;

struct ps_journal_params {
    bool
        read_only; /* for looking: nothing is made, changed or checked, so it is quick; fails where there is none */
    double
        lease; /* seconds without a beat after which a claim is void though its process lives; 0 means 300 */
    const char *name; /* what messages call it; null for its path */
};

/* Opens a journal, or makes it where there is none (not its folder). Checks its integrity; a damaged file that can be told to
 * be a journal is renamed to NAME.corrupt-TIME and PS_ERR_INPUT "journal.corrupt" says so: the next open makes a new one. A
 * journal of an older packshot is brought up to date. Status also: PS_ERR_INPUT with "journal.newer" (of a later packshot),
 * "journal.not-a-journal", "journal.not-found"; PS_ERR_OUTPUT with "journal.network" for a file system that
 * ps_file_system_unfit knows. */
enum ps_status ps_journal_open(struct ps_journal **journal, const char *path,
                               const struct ps_journal_params *params, struct ps_error *error);
void ps_journal_close(struct ps_journal **journal);

/* One reading of a manifest. */
struct ps_batch {
    int64_t id;           /* 1 and on */
    const char *manifest; /* absolute path */
    const char *sha256;   /* ps_manifest.sha256: a resume compares it and says where it differs */
    const char *settings; /* JSON, the caller's: what applies to every job */
    const char *version;  /* of packshot that made it */
    int64_t added;        /* milliseconds since 1970 */
    uint64_t rows;        /* inputs added, of whatever outcome; the counts of this batch add up to it */
};

/* Begins a batch, from `manifest`, `sha256` and `settings`: jobs that are added belong to it, and nobody else sees any of it
 * before the commit. Other programs wait meanwhile, for 30 s at most, so keys are to be worked out before. Between begin and
 * commit only ps_journal_add may be called. *id is the batch's number. */
enum ps_status ps_journal_begin(struct ps_journal *journal, const struct ps_batch *batch, int64_t *id,
                                struct ps_error *error);

enum ps_added {
    PS_ADDED_NEW,       /* waiting */
    PS_ADDED_KNOWN,     /* the job of this output and key is there, and keeps its state */
    PS_ADDED_AGAIN,     /* the output was another job's, or it is forced: waiting anew */
    PS_ADDED_DUPLICATE, /* a job with another output has the same key: ignored with "job.duplicate" */
    PS_ADDED_IGNORED,   /* as `ignored` said */
    PS_ADDED_BUSY       /* the output is being made at this moment, for whatever key: left alone */
};

struct ps_new_job {
    uint64_t row;
    const char *photo;    /* absolute path */
    const char *output;   /* path; null with `ignored` */
    const char *settings; /* JSON, kept as it is */
    const char *key;      /* ps_job_key; null with `ignored` */
    int32_t priority;
    bool force;          /* make it although the same was made */
    const char *ignored; /* null, or the reason why this input is no job */
};

/* Adds a job to the batch, which names each output once. *added (may be null) says how. */
enum ps_status ps_journal_add(struct ps_journal *journal, const struct ps_new_job *job, enum ps_added *added,
                              struct ps_error *error);

/* Ends the batch: all of it is there now, or nothing. */
enum ps_status ps_journal_commit(struct ps_journal *journal, struct ps_error *error);
void ps_journal_rollback(struct ps_journal *journal);

/* The latest batch: *batch, to be freed with ps_batch_free, or null where there is none. */
enum ps_status ps_journal_batch(struct ps_journal *journal, struct ps_batch **batch, struct ps_error *error);
void ps_batch_free(struct ps_batch **batch);

struct ps_claim_params {
    uint32_t shard, shards; /* ps_shard_has; 0 shards for all */
    int64_t batch;          /* 0 for all */
    /* Seconds that a job waits after its first transient failure; four times as long after the next. 0 for none. */
    double backoff;
};

/* Takes the next job for this process: the highest priority, then the fewest attempts and deaths, then the order in which
 * they were added. First gives back what dead workers held. *job, to be freed with ps_journal_job_free, or null where nothing is
 * waiting. `params` may be null. A worker that finds the output of a claimed job complete, its sidecar with the same key,
 * calls ps_journal_done at once: its predecessor died before it could. */
enum ps_status ps_journal_claim(struct ps_journal *journal, struct ps_journal_job **job,
                                const struct ps_claim_params *params, struct ps_error *error);
void ps_journal_job_free(struct ps_journal_job **job);

/* Where nothing could be claimed: the seconds until a waiting job may be tried again, or negative where none waits. */
enum ps_status ps_journal_wait(struct ps_journal *journal, const struct ps_claim_params *params,
                               double *seconds, struct ps_error *error);

/* Says that this process is alive. *stop (may be null) is set where somebody asked to cancel the job: the worker then
 * stops and calls ps_journal_ignore. Status as of the four below. */
enum ps_status ps_journal_beat(struct ps_journal *journal, const struct ps_journal_job *job, bool *stop,
                               struct ps_error *error);

/* End a claim. Status also: PS_ERR_CANCELLED "journal.claim-lost" where the lease ran out and the job is another's now;
 * what this worker made must then not get its name. `result` is JSON or null. */
enum ps_status ps_journal_done(struct ps_journal *journal, const struct ps_journal_job *job,
                               const char *result, struct ps_error *error);
/* `transient`: the same may go well another time (memory, device lost, disk full), so the job waits again unless it was the
 * last of PS_JOB_ATTEMPTS. *again (may be null) says whether it does. */
enum ps_status ps_journal_fail(struct ps_journal *journal, const struct ps_journal_job *job,
                               const char *reason_id, const char *reason, bool transient, bool *again,
                               struct ps_error *error);
enum ps_status ps_journal_ignore(struct ps_journal *journal, const struct ps_journal_job *job,
                                 const char *reason_id, const char *reason, struct ps_error *error);
/* Gives it back unfinished, as after Ctrl-C; it does not count as an attempt. */
enum ps_status ps_journal_release(struct ps_journal *journal, const struct ps_journal_job *job,
                                  struct ps_error *error);

/* Which jobs. Zero members do not narrow. */
struct ps_job_filter {
    int64_t id, batch;
    const char *output;
    unsigned states; /* bits 1 << PS_JOB_FAILED and so on */
};

/* Sets failed and ignored jobs that the filter names (all failed ones where its states are 0) to waiting, with their
 * attempts at 0. Inputs that were ignored when they were added, and duplicates, stay so. *count is how many. */
enum ps_status ps_journal_retry(struct ps_journal *journal, const struct ps_job_filter *filter,
                                uint64_t *count, struct ps_error *error);

/* Waiting jobs that the filter names become ignored with "job.cancelled", running ones are asked to stop at their next
 * beat. *count is how many. */
enum ps_status ps_journal_cancel(struct ps_journal *journal, const struct ps_job_filter *filter,
                                 uint64_t *count, struct ps_error *error);

/* Gives back what dead workers held, as a claim does. *count is how many. */
enum ps_status ps_journal_recover(struct ps_journal *journal, uint64_t *count, struct ps_error *error);

/* The log of a job is a text for people beside the journal, JOURNAL.logs/ID.log. Each attempt is a part of it, whose first line
 * begins with PS_LOG_PART; where it grows beyond PS_LOG_BYTES its oldest parts go. */
#define PS_LOG_PART "== "
enum { PS_LOG_BYTES = 65536, PS_LOG_PART_BYTES = 16384, PS_LOG_DAYS = 90 };

/* The path of a job's log, to be freed, whether there is one or not. Null when out of memory. */
char *ps_journal_log_path(const struct ps_journal *journal, int64_t job);

/* Adds a part, of at most PS_LOG_PART_BYTES, to a job's log, all of it or nothing. It is not synced to the disk. Status:
 * PS_ERR_OUTPUT "journal.log" and those of ps_output_open, PS_ERR_MEMORY. */
enum ps_status ps_journal_log(const struct ps_journal *journal, int64_t job, const char *text,
                              struct ps_error *error);

/* Removes logs to which nothing was added for PS_LOG_DAYS days before `now`, in seconds since 1970. Nothing else in their
 * folder is touched, and what cannot be removed stays. */
void ps_journal_log_sweep(const struct ps_journal *journal, int64_t now);

struct ps_job_counts {
    uint64_t of[PS_JOB_STATES];
    uint64_t total; /* their sum */
};

/* Counts by state, of one moment. `filter` may be null. */
enum ps_status ps_journal_counts(struct ps_journal *journal, const struct ps_job_filter *filter,
                                 struct ps_job_counts *counts, struct ps_error *error);

/* Begins or ends a time in which counts and jobs are read as of one moment; nothing may be changed within. */
enum ps_status ps_journal_snapshot(struct ps_journal *journal, bool begin, struct ps_error *error);

/* Calls `visit` for each job by batch, row and id, all as of one moment, until it returns false. A job is valid during the
 * call, which must not use the journal. `filter` may be null. */
enum ps_status ps_journal_each(struct ps_journal *journal, const struct ps_job_filter *filter,
                               bool (*visit)(void *user, const struct ps_journal_job *job), void *user,
                               struct ps_error *error);

#endif
