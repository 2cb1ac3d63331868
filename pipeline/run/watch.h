/* An interpreter that hands every call on and adds up what launches take. */
#ifndef PS_RUN_WATCH_H
#define PS_RUN_WATCH_H

#include "run/run.h"

struct ps_watch {
    struct ps_backend base;
    struct ps_backend *inner;
    const struct ps_run *run; /* whose launches are watched; null: none are */
    uint32_t depth;           /* scopes of the run, from the outermost on, that rows do not name */
    enum ps_bench_by by;
    double upload_begun;
    uint32_t count;
    struct ps_bench_row rows[PS_BENCH_ROWS]; /* the last one takes what finds no room */
};

/* A watch over `inner`, which stays the caller's, with its memory limits; nothing is watched yet. Memory is
 * accounted in `inner`. */
void ps_watch_begin(struct ps_watch *watch, struct ps_backend *inner);

/* Forgets all rows, and watches the launches of `run` from here on, without the scopes that it is in now. Each
 * is waited for. */
void ps_watch_start(struct ps_watch *watch, const struct ps_run *run, enum ps_bench_by by);
void ps_watch_stop(struct ps_watch *watch);

/* Sorts the rows, the costliest first. */
void ps_watch_sort(struct ps_watch *watch);

#endif
