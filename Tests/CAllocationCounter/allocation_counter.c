// An executable's own malloc replaces glibc's in every library that it loads; these functions count
// and forward. A sanitizer needs malloc for itself.
#include "allocation_counter.h"

#ifdef __has_feature
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

#include <stddef.h>
#include <stdlib.h>

#if defined(__GLIBC__) && !defined(SANITIZED)

static _Thread_local long *counter;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static inline void count(void) {
  if (counter) __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}

void *realloc(void *pointer, size_t size) {
  count();
  return __libc_realloc(pointer, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
  count();
  *pointer = __libc_memalign(alignment, size);
  return *pointer ? 0 : 12;
}

bool lab_allocations_can_be_counted(void) { return true; }

void lab_count_allocations_into(long *into) { counter = into; }

#else

bool lab_allocations_can_be_counted(void) { return false; }

void lab_count_allocations_into(long *into) { (void)into; }

#endif
