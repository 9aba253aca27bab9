// Counts heap allocations of chosen threads, for tests that promise none.
#ifndef LAB_ALLOCATION_COUNTER_H
#define LAB_ALLOCATION_COUNTER_H

#include <stdbool.h>

/// Whether the C library lets allocations be counted.
bool lab_allocations_can_be_counted(void);

/// Adds the calling thread's allocations from now on to `counter`, which several threads may share;
/// NULL ends that. Other threads, of tests that run at the same time, do not count.
void lab_count_allocations_into(long *counter);

#endif
