#include "cpu/pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <immintrin.h>

/* Launches follow each other within microseconds: a thread looks for the next one so many times (some 20 us)
 * before it sleeps. */
#define SPINS 2000
#define CACHE_LINE 64

/* Of the door: work is there; the rest of the word counts the workers inside. */
#define OPEN (1u << 31)

struct worker {
    struct ps_pool *pool;
    pthread_t thread;
    uint32_t index;
};

struct ps_pool {
    uint32_t threads;
    struct worker *workers; /* [threads]; the first has no thread of its own. Null in a pool for planning */
    char *scratch;
    size_t scratch_bytes, wanted_bytes; /* of each thread: lent, and asked for last */

    ps_pool_task *task;
    void *work;
    uint32_t count;
    _Alignas(CACHE_LINE) atomic_uint next;       /* task to be taken */
    _Alignas(CACHE_LINE) atomic_uint generation; /* of the work */
    atomic_uint sleeping;                        /* threads that wait for it in the kernel */
    atomic_bool closing;
    /* The caller shuts the door when no task is left and waits for those inside alone: a worker that other
     * programs keep from running is not waited for if it has not come in yet. */
    _Alignas(CACHE_LINE) atomic_uint door;
};

static void wait_while(atomic_uint *word, unsigned value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(atomic_uint *word, int threads)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
}

static void take_tasks(struct ps_pool *pool, uint32_t thread)
{
    void *scratch = pool->scratch ? pool->scratch + thread * pool->scratch_bytes : NULL;
    for (;;) {
        const uint32_t index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (index >= pool->count)
            return;
        pool->task(pool->work, index, scratch);
    }
}

/* Returns when the generation is no longer `seen`. */
static void await_work(struct ps_pool *pool, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&pool->generation, memory_order_acquire) != seen)
            return;
        _mm_pause();
    }
    atomic_fetch_add(&pool->sleeping, 1);
    while (atomic_load(&pool->generation) == seen)
        wait_while(&pool->generation, seen);
    atomic_fetch_sub(&pool->sleeping, 1);
}

/* True once inside; what the caller has written before it opened the door can be read then. */
static bool enter(struct ps_pool *pool)
{
    unsigned door = atomic_load(&pool->door);
    while (door & OPEN)
        if (atomic_compare_exchange_weak(&pool->door, &door, door + 1))
            return true;
    return false;
}

static void *work(void *argument)
{
    const struct worker *self = argument;
    struct ps_pool *pool = self->pool;
    unsigned seen = 0;
    for (;;) {
        await_work(pool, seen);
        /* In this order: closing is set before the generation that tells of it. */
        seen = atomic_load(&pool->generation);
        if (atomic_load(&pool->closing))
            return NULL;
        if (!enter(pool))
            continue;
        take_tasks(pool, self->index);
        if (atomic_fetch_sub(&pool->door, 1) == 1)
            wake(&pool->door, 1);
    }
}

static void start(struct ps_pool *pool)
{
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleeping))
        wake(&pool->generation, (int)pool->threads);
}

/* Shuts the door and returns when nobody is inside. */
static void await_workers(struct ps_pool *pool)
{
    unsigned inside;
    atomic_fetch_and(&pool->door, ~OPEN);
    for (int i = 0; i < SPINS; i++) {
        if (!atomic_load_explicit(&pool->door, memory_order_acquire))
            return;
        _mm_pause();
    }
    while ((inside = atomic_load(&pool->door)))
        wait_while(&pool->door, inside);
}

void ps_pool_run(struct ps_pool *pool, ps_pool_task *task, void *work_data, uint32_t count)
{
    if (!count || !pool->workers)
        return;
    pool->task = task;
    pool->work = work_data;
    pool->count = count;
    atomic_store(&pool->next, 0);
    if (pool->threads > 1 && count > 1) {
        atomic_store(&pool->door, OPEN);
        start(pool);
        take_tasks(pool, 0);
        await_workers(pool);
    } else {
        take_tasks(pool, 0);
    }
}

uint32_t ps_pool_threads(const struct ps_pool *pool)
{
    return pool->threads;
}

void ps_pool_lend(struct ps_pool *pool, void *memory, size_t bytes)
{
    pool->scratch = memory;
    pool->scratch_bytes = memory ? bytes / pool->threads / CACHE_LINE * CACHE_LINE : 0;
}

bool ps_pool_scratch(struct ps_pool *pool, size_t bytes)
{
    pool->wanted_bytes = (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    return !pool->workers || pool->wanted_bytes <= pool->scratch_bytes;
}

size_t ps_pool_wanted(const struct ps_pool *pool)
{
    return pool->wanted_bytes * pool->threads;
}

struct ps_pool *ps_pool_plan(uint32_t threads)
{
    struct ps_pool *pool = aligned_alloc(CACHE_LINE, sizeof *pool);
    if (pool)
        *pool = (struct ps_pool){.threads = threads};
    return pool;
}

struct ps_pool *ps_pool_open(uint32_t threads)
{
    struct ps_pool *pool = aligned_alloc(CACHE_LINE, sizeof *pool);
    struct worker *workers = calloc(threads, sizeof *workers);
    if (!pool || !workers) {
        free(pool);
        free(workers);
        return NULL;
    }
    *pool = (struct ps_pool){.workers = workers};
    for (uint32_t i = 0; i < threads; i++) {
        workers[i].pool = pool;
        workers[i].index = i;
        if (i && pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
            ps_pool_close(pool);
            return NULL;
        }
        pool->threads = i + 1;
    }
    return pool;
}

void ps_pool_close(struct ps_pool *pool)
{
    atomic_store(&pool->closing, true);
    start(pool);
    for (uint32_t i = 1; pool->workers && i < pool->threads; i++)
        pthread_join(pool->workers[i].thread, NULL);
    free(pool->workers);
    free(pool);
}
