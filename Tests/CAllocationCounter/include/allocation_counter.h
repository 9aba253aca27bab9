// Counts heap allocations of the whole process, for tests that promise none.
#ifndef LAB_ALLOCATION_COUNTER_H
#define LAB_ALLOCATION_COUNTER_H

/// Allocations since the process began, or -1 where the C library cannot be counted.
long lab_allocation_count(void);

#endif
