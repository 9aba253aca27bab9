#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_state.h"

static const char log_text[] =
    "layer.cu(3): error: identifier \"x\" is undefined\n1 error detected\n";

static const char *error_text(int result) {
  return result == 6 ? "NVRTC_ERROR_COMPILATION" : "an error";
}
static int version(int *major, int *minor) {
  *major = behavior.nvrtc_major;
  *minor = behavior.nvrtc_minor;
  return 0;
}
static int create(
    void **program, const char *source, const char *name, int headers, const char *const *contents,
    const char *const *names) {
  if (headers < 1 || strlen(source) == 0) return 3;
  // Distinguishes machine code and PTX, with and without kernels.
  char *image = malloc(strlen(source) + 32);
  sprintf(image, "FAKE .text. .entry %s", source);
  *program = image;
  __atomic_add_fetch(&counts.programs, 1, __ATOMIC_RELAXED);
  return 0;
}
static int destroy(void **program) {
  free(*program);
  *program = NULL;
  __atomic_sub_fetch(&counts.programs, 1, __ATOMIC_RELAXED);
  return 0;
}
static int compile(void *program, int count, const char *const *options) {
  __atomic_add_fetch(&counts.compilations, 1, __ATOMIC_RELAXED);
  int has_architecture = 0;
  for (int i = 0; i < count; i++) {
    if (strncmp(options[i], "--gpu-architecture=", 19) == 0) has_architecture = 1;
  }
  return behavior.compilation_fails || !has_architecture ? 6 : 0;
}
static int image_size(void *program, size_t *bytes) { *bytes = strlen(program) + 1; return 0; }
static int image_read(void *program, char *image) { strcpy(image, program); return 0; }
static int log_size(void *program, size_t *bytes) { *bytes = sizeof log_text; return 0; }
static int log_read(void *program, char *log) { memcpy(log, log_text, sizeof log_text); return 0; }
static int architecture_count(int *count) {
  for (*count = 0; behavior.architectures[*count]; ++*count) {}
  return 0;
}
static int architectures(int *list) {
  for (int i = 0; behavior.architectures[i]; i++) list[i] = behavior.architectures[i];
  return 0;
}

#define ENTRY(symbol, function) \
  if (strcmp(name, symbol) == 0) return (void *)function;

void *fake_nvrtc_symbol(const char *name) {
  ENTRY("nvrtcGetErrorString", error_text)
  ENTRY("nvrtcVersion", version)
  ENTRY("nvrtcCreateProgram", create)
  ENTRY("nvrtcDestroyProgram", destroy)
  ENTRY("nvrtcCompileProgram", compile)
  ENTRY("nvrtcGetPTXSize", image_size)
  ENTRY("nvrtcGetPTX", image_read)
  ENTRY("nvrtcGetCUBINSize", image_size)
  ENTRY("nvrtcGetCUBIN", image_read)
  ENTRY("nvrtcGetProgramLogSize", log_size)
  ENTRY("nvrtcGetProgramLog", log_read)
  ENTRY("nvrtcGetNumSupportedArchs", architecture_count)
  ENTRY("nvrtcGetSupportedArchs", architectures)
  return NULL;
}
