/* A pool of threads that share the tasks of one piece of work at a time. */
#ifndef PS_CPU_POOL_H
#define PS_CPU_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_pool;

/* Task `index` of a piece of work. `scratch` is the calling thread's own part of the memory that was lent, as
 * large as ps_pool_scratch asked for and aligned to 64 bytes; its content is what the thread's last task
 * left. */
typedef void ps_pool_task(void *work, uint32_t index, void *scratch);

/* A pool of `threads` threads, the caller of ps_pool_run being one; null where memory or threads are out. */
struct ps_pool *ps_pool_open(uint32_t threads);
void ps_pool_close(struct ps_pool *pool);

/* A pool for planning, to be closed too: it says that it has so many threads but runs no task, and every
 * scratch is large enough for it. Null where memory is out. */
struct ps_pool *ps_pool_plan(uint32_t threads);

uint32_t ps_pool_threads(const struct ps_pool *pool);

/* Lends `bytes` bytes, aligned to 64, for the threads to share as scratch until other memory is lent. They
 * stay the caller's. */
void ps_pool_lend(struct ps_pool *pool, void *memory, size_t bytes);

/* Asks for so much scratch a thread. False where what was lent is too small; ps_pool_wanted tells. */
bool ps_pool_scratch(struct ps_pool *pool, size_t bytes);

/* Bytes to lend for the last request, all threads together. */
size_t ps_pool_wanted(const struct ps_pool *pool);

/* Runs tasks 0 to count - 1 in any order on all threads and returns when all are done. Not to be called by a
 * task. */
void ps_pool_run(struct ps_pool *pool, ps_pool_task *task, void *work, uint32_t count);

#endif
