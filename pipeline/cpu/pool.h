/* A pool of threads that share the tasks of one piece of work at a time. */
#ifndef PS_CPU_POOL_H
#define PS_CPU_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_pool;

/* Task `index` of a piece of work. `scratch` is the calling thread's own memory, as large as ps_pool_scratch
 * asked for and aligned to 64 bytes; its content is what the thread's last task left. */
typedef void ps_pool_task(void *work, uint32_t index, void *scratch);

/* A pool of `threads` threads, the caller of ps_pool_run being one; null where memory or threads are out. */
struct ps_pool *ps_pool_open(uint32_t threads);
void ps_pool_close(struct ps_pool *pool);

uint32_t ps_pool_threads(const struct ps_pool *pool);

/* Makes every thread's scratch at least so large. False where memory is out. */
bool ps_pool_scratch(struct ps_pool *pool, size_t bytes);

/* Runs tasks 0 to count - 1 in any order on all threads and returns when all are done. Not to be called by a
 * task. */
void ps_pool_run(struct ps_pool *pool, ps_pool_task *task, void *work, uint32_t count);

#endif
