// Counts heap allocations of selected threads, for tests that allow none.
#ifndef LAB_ALLOCATION_COUNTER_H
#define LAB_ALLOCATION_COUNTER_H

#include <stdbool.h>

/// Whether allocations can be counted with this C library.
bool lab_allocations_can_be_counted(void);

/// Adds the calling thread's allocations from now on to `counter`, which several threads may share;
/// NULL stops counting. Other threads, such as those of concurrent tests, are not counted.
void lab_count_allocations_into(long *counter);

#endif
