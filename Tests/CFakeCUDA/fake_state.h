#pragma once
#include "CFakeCUDA.h"

extern fake_cuda_behavior behavior;
extern fake_cuda_counts counts;
// Whether the stream takes work down instead of doing it.
extern int is_capturing;
// Whether the card is lost.
extern int is_lost;

// One piece of queued work, with its own copy of everything.
typedef struct work {
  void (*run)(struct work *);
  struct work *next;
  char payload[1024];
} work;

// Does the work, or takes it down.
int submit(void (*run)(work *), const void *payload, size_t bytes);

void *fake_driver_symbol(const char *name);
void *fake_nvrtc_symbol(const char *name);
void *fake_cublaslt_symbol(const char *name);
