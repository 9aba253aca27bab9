#pragma once
#include "CFakeCUDA.h"

extern fake_cuda_behavior behavior;
extern fake_cuda_counts counts;
// Whether the stream captures work instead of executing it.
extern int is_capturing;
// Whether the GPU is lost.
extern int is_lost;

// One enqueued operation with its own copy of its arguments.
typedef struct work {
  void (*run)(struct work *);
  struct work *next;
  char payload[1024];
} work;

// Executes copies from the host that the GPU has not read yet.
void carry_out(void);
// Invalidates the current capture and returns the error code.
int void_capture(void);
// Executes the work, or captures it.
int submit(void (*run)(work *), const void *payload, size_t bytes);

void *fake_driver_symbol(const char *name);
void *fake_nvrtc_symbol(const char *name);
void *fake_cublaslt_symbol(const char *name);
