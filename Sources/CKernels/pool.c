// A thread pool for short fork-join regions.
//
// A forward pass is about a hundred regions in a row, each a few hundred microseconds long: waking
// sleeping threads for each would take a tenth of the time. So a worker spins for a while after its
// last job before it sleeps.
//
// Each worker has its own share of a region's tasks, the same part of the whole in every region:
// what it wrote in one region is still in its own cache when it reads it in the next. Only a worker
// that has finished its share takes tasks from the far end of another's.
#define _GNU_SOURCE
#include "CKernels.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

// About 100 microseconds on a current core: longer than the gap between two regions, but short
// enough to waste little of an idle core.
enum { SPINS_BEFORE_SLEEP = 20000, SPINS_BEFORE_YIELD = 2000 };

/// How many tasks of a worker's share are taken: from the front by the worker itself in the upper
/// 32 bits, from the back by others in the lower.
typedef struct {
  _Alignas(64) atomic_uint_fast64_t taken;
} share;

struct lab_pool {
  int workers;
  pthread_t *threads;
  share *shares;
  void (*body)(void *, int);
  void *context;
  _Alignas(64) atomic_uint generation;
  _Alignas(64) atomic_int remaining;
  _Alignas(64) atomic_int sleepers;
  atomic_bool stopping;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
};

typedef struct {
  lab_pool *pool;
  int worker;
} worker_argument;

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static unsigned wait_for_generation(lab_pool *pool, unsigned seen) {
  for (int spin = 0; spin < SPINS_BEFORE_SLEEP; spin++) {
    unsigned now = atomic_load_explicit(&pool->generation, memory_order_acquire);
    if (now != seen) return now;
    relax();
  }
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add(&pool->sleepers, 1);
  unsigned now;
  while ((now = atomic_load(&pool->generation)) == seen)
    pthread_cond_wait(&pool->wake, &pool->mutex);
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->mutex);
  return now;
}

static void *worker_main(void *raw) {
  worker_argument argument = *(worker_argument *)raw;
  free(raw);
  lab_pool *pool = argument.pool;
  unsigned seen = 0;
  for (;;) {
    seen = wait_for_generation(pool, seen);
    if (atomic_load_explicit(&pool->stopping, memory_order_acquire)) return NULL;
    pool->body(pool->context, argument.worker);
    atomic_fetch_sub_explicit(&pool->remaining, 1, memory_order_acq_rel);
  }
}

lab_pool *lab_pool_create(int workers) {
  lab_pool *pool = calloc(1, sizeof *pool);
  if (!pool) return NULL;
  pool->workers = 1;
  pool->threads = calloc((size_t)workers, sizeof *pool->threads);
  pool->shares = aligned_alloc(_Alignof(share), (size_t)workers * sizeof *pool->shares);
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  for (int worker = 1; worker < workers; worker++) {
    worker_argument *argument = malloc(sizeof *argument);
    if (argument) *argument = (worker_argument){pool, worker};
    if (!argument || !pool->threads || !pool->shares ||
        pthread_create(&pool->threads[worker], NULL, worker_main, argument)) {
      free(argument);
      lab_pool_destroy(pool);
      return NULL;
    }
    pool->workers++;
  }
  return pool;
}

static void start(lab_pool *pool) {
  atomic_fetch_add_explicit(&pool->generation, 1, memory_order_seq_cst);
  if (atomic_load_explicit(&pool->sleepers, memory_order_seq_cst) > 0) {
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
  }
}

void lab_pool_destroy(lab_pool *pool) {
  if (!pool) return;
  atomic_store_explicit(&pool->stopping, true, memory_order_release);
  start(pool);
  for (int worker = 1; worker < pool->workers; worker++) pthread_join(pool->threads[worker], NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
  free(pool->threads);
  free(pool->shares);
  free(pool);
}

ptrdiff_t lab_pool_take(lab_pool *pool, int worker, ptrdiff_t count) {
  const uint64_t from_front = (uint64_t)1 << 32, from_back = 1;
  for (int i = 0; i < pool->workers; i++) {
    const int owner = (worker + i) % pool->workers;
    const ptrdiff_t first = count * owner / pool->workers;
    const ptrdiff_t last = count * (owner + 1) / pool->workers;
    atomic_uint_fast64_t *of_owner = &pool->shares[owner].taken;
    uint_fast64_t taken = atomic_load_explicit(of_owner, memory_order_relaxed);
    for (;;) {
      const ptrdiff_t front = (ptrdiff_t)(taken >> 32), back = (ptrdiff_t)(taken & UINT32_MAX);
      if (front + back >= last - first) break;
      if (atomic_compare_exchange_weak_explicit(
              of_owner, &taken, taken + (i == 0 ? from_front : from_back), memory_order_relaxed,
              memory_order_relaxed))
        return i == 0 ? first + front : last - 1 - back;
    }
  }
  return count;
}

void lab_pool_run(lab_pool *pool, void (*body)(void *context, int worker), void *context) {
  for (int worker = 0; worker < pool->workers; worker++)
    atomic_store_explicit(&pool->shares[worker].taken, 0, memory_order_relaxed);
  if (pool->workers == 1) {
    body(context, 0);
    return;
  }
  pool->body = body;
  pool->context = context;
  atomic_store_explicit(&pool->remaining, pool->workers - 1, memory_order_release);
  start(pool);
  body(context, 0);
  for (int spin = 0; atomic_load_explicit(&pool->remaining, memory_order_acquire) > 0; spin++) {
    // If there are more runnable threads than cores, the others may need this core to finish.
    if (spin < SPINS_BEFORE_YIELD) relax(); else sched_yield();
  }
}

int lab_available_cores(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return 0;
}
