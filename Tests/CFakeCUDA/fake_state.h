#pragma once
#include "CFakeCUDA.h"

extern fake_cuda_behavior behavior;
extern fake_cuda_counts counts;
// Whether the stream captures work instead of doing it.
extern int is_capturing;
// Whether the card is lost.
extern int is_lost;

// One piece of queued work, with its own copy of everything.
typedef struct work {
  void (*run)(struct work *);
  struct work *next;
  char payload[1024];
} work;

// Carries out copies from the host that the card has not read yet.
void carry_out(void);
// Makes the capture in progress void; the code that says so.
int void_capture(void);
// Does the work, or captures it.
int submit(void (*run)(work *), const void *payload, size_t bytes);

void *fake_driver_symbol(const char *name);
void *fake_nvrtc_symbol(const char *name);
void *fake_cublaslt_symbol(const char *name);
