#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_state.h"

fake_cuda_behavior behavior;
fake_cuda_counts counts;
int is_capturing;
int is_lost;
// Whether the current capture was invalidated.
static int is_void;

fake_cuda_behavior *fake_cuda_behave(void) { return &behavior; }
fake_cuda_counts *fake_cuda_count(void) { return &counts; }

static char launched[1 << 16];
static size_t launched_bytes;
const char *fake_cuda_launched(void) { return launched; }

void fake_cuda_reset(void) {
  memset(&counts, 0, sizeof counts);
  launched_bytes = 0;
  launched[0] = 0;
  memset(&behavior, 0, sizeof behavior);
  is_capturing = 0;
  is_lost = 0;
  is_void = 0;
  carry_out();
  behavior.cards = 1;
  behavior.driver_version = 13000;
  behavior.major = 9;
  behavior.multiprocessors = 132;
  behavior.shared_bytes = 232448;
  behavior.memory_bytes = (size_t)16 << 30;
  behavior.nvrtc_major = 13;
  int architectures[] = {75, 80, 86, 89, 90, 100, 0};
  memcpy(behavior.architectures, architectures, sizeof architectures);
  behavior.cublaslt_version = 130400;
}

// MARK: Work

typedef struct {
  work *first, *last;
} graph;

static graph *captured;

int submit(void (*run)(work *), const void *payload, size_t bytes) {
  work *item = calloc(1, sizeof(work));
  if (bytes > sizeof item->payload) abort();
  item->run = run;
  memcpy(item->payload, payload, bytes);
  if (is_capturing) {
    if (captured->last) captured->last->next = item; else captured->first = item;
    captured->last = item;
  } else {
    carry_out();
    run(item);
    free(item);
  }
  return is_lost ? 719 : 0;
}

static int lost(void) { return is_lost ? 719 : 0; }

// MARK: Copies from the host, which the GPU reads late

typedef struct copy {
  struct copy *next;
  void *to;
  const void *from;
  size_t bytes;
} copy;
static copy *first_copy, *last_copy;

// What a real GPU would have finished by now; everything that waits calls this.
void carry_out(void) {
  while (first_copy) {
    copy *next = first_copy->next;
    memcpy(first_copy->to, first_copy->from, first_copy->bytes);
    free(first_copy);
    first_copy = next;
  }
  last_copy = NULL;
}

// An operation that is not allowed during capture: it invalidates the capture, whose end returns an
// error.
int void_capture(void) {
  is_void = 1;
  return 900;
}

// The result of the next synchronization: errors of kernels are reported there, not at their
// launch.
static int finish(void) {
  carry_out();
  if (behavior.error_at_synchronization && counts.launches > 0) {
    const int error = behavior.error_at_synchronization;
    behavior.error_at_synchronization = 0;
    return error;
  }
  return lost();
}

// MARK: Driver

static int fake_init(unsigned flags) { return behavior.init_result; }
static int fake_version(int *version) { *version = behavior.driver_version; return 0; }

static int error_name(int error, const char **text) {
  switch (error) {
    case 0: *text = "CUDA_SUCCESS"; break;
    case 1: *text = "CUDA_ERROR_INVALID_VALUE"; break;
    case 2: *text = "CUDA_ERROR_OUT_OF_MEMORY"; break;
    case 100: *text = "CUDA_ERROR_NO_DEVICE"; break;
    case 200: *text = "CUDA_ERROR_INVALID_IMAGE"; break;
    case 500: *text = "CUDA_ERROR_NOT_FOUND"; break;
    case 719: *text = "CUDA_ERROR_LAUNCH_FAILED"; break;
    default: *text = NULL; return 1;
  }
  return 0;
}
static int error_string(int error, const char **text) {
  *text = error == 719 ? "unspecified launch failure"
        : error == 100 ? "no CUDA-capable device is detected"
        : error == 200 ? "device kernel image is invalid" : "a reason";
  return 0;
}

static int device_count(int *count) { *count = behavior.cards; return 0; }
static int device_get(int *device, int ordinal) { *device = ordinal; return 0; }
static int device_name(char *name, int length, int device) {
  snprintf(name, length, "Fake card %d", device);
  return 0;
}
static int device_memory(size_t *bytes, int device) { *bytes = behavior.memory_bytes; return 0; }
static int device_attribute(int *value, int attribute, int device) {
  switch (attribute) {
    case 8: *value = 49152; break;
    case 13: *value = 1980000; break;
    case 18: *value = behavior.integrated; break;
    case 16: *value = behavior.multiprocessors; break;
    case 36: *value = 3201000; break;
    case 38: *value = 1 << 20; break;
    case 75: *value = behavior.major; break;
    case 76: *value = behavior.minor; break;
    case 97: *value = behavior.shared_bytes; break;
    default: *value = 0;
  }
  return 0;
}
// Pinned memory, preceded by its size.
static int host_allocate(void **memory, size_t bytes, unsigned flags) {
  if (is_capturing) return void_capture();
  char *block = malloc(bytes + 256);
  memset(block, 0xfe, bytes + 256);
  counts.pinned++;
  *memory = block + 256;
  return 0;
}
static int host_free(void *memory) {
  carry_out();
  counts.pinned--;
  free((char *)memory - 256);
  return 0;
}
static int context_retain(void **context, int device) {
  counts.contexts++;
  *context = &counts;
  return 0;
}
static int context_release(int device) { counts.contexts--; return 0; }
static int context_set(void *context) { return 0; }

static int memory_info(size_t *available, size_t *total) {
  if (is_lost) return 719;
  *available = behavior.memory_bytes - counts.bytes;
  *total = behavior.memory_bytes;
  return 0;
}
static int memory_allocate(unsigned long long *address, size_t bytes) {
  if (is_lost) return 719;
  // Operations that allocate, free or wait are not allowed during capture.
  if (is_capturing) return void_capture();
  if (counts.bytes + bytes > behavior.memory_bytes) return 2;
  // The size precedes the memory, which is filled with a pattern that reveals reads of unwritten
  // values.
  char *block = aligned_alloc(256, (bytes + 256 + 255) / 256 * 256);
  memset(block, 0xfe, bytes + 256);
  memcpy(block, &bytes, sizeof bytes);
  counts.bytes += bytes;
  counts.allocations++;
  *address = (unsigned long long)(uintptr_t)(block + 256);
  return 0;
}
static int memory_free(unsigned long long address) {
  if (is_capturing) return void_capture();
  carry_out();
  char *block = (char *)(uintptr_t)address - 256;
  size_t bytes;
  memcpy(&bytes, block, sizeof bytes);
  counts.bytes -= bytes;
  counts.allocations--;
  free(block);
  return 0;
}
static int copy_in(unsigned long long to, const void *from, size_t bytes, void *stream) {
  // A real capture would store the host's pointer, which is never intended.
  if (is_capturing) { counts.copies_while_capturing++; return void_capture(); }
  copy *late = malloc(sizeof(copy));
  *late = (copy){NULL, (void *)(uintptr_t)to, from, bytes};
  if (last_copy) last_copy->next = late; else first_copy = late;
  last_copy = late;
  return lost();
}
static int copy_out(void *to, unsigned long long from, size_t bytes, void *stream) {
  if (is_capturing) { counts.copies_while_capturing++; return void_capture(); }
  carry_out();
  memcpy(to, (void *)(uintptr_t)from, bytes);
  return lost();
}

typedef struct { unsigned long long address; unsigned value; size_t count; } fill_payload;
static void run_fill(work *item) {
  fill_payload p;
  memcpy(&p, item->payload, sizeof p);
  for (size_t i = 0; i < p.count; i++) ((unsigned *)(uintptr_t)p.address)[i] = p.value;
}
static int fill(unsigned long long address, unsigned value, size_t count, void *stream) {
  fill_payload p = {address, value, count};
  return submit(run_fill, &p, sizeof p);
}

static int stream_create(void **stream, unsigned flags) {
  counts.streams++;
  *stream = &is_capturing;
  return 0;
}
static int stream_destroy(void *stream) { counts.streams--; return 0; }
static int stream_wait(void *stream) { return is_capturing ? void_capture() : finish(); }

static void graph_free(graph *g);
static void run_launch(work *item);
static int is_trial(graph *g) {
  for (work *item = g->first; item; item = item->next) {
    if (item->run == run_launch) return 0;
  }
  return 1;
}
static int capture_begin(void *stream, int mode) {
  is_capturing = 1;
  is_void = 0;
  captured = calloc(1, sizeof(graph));
  return 0;
}
static int capture_end(void *stream, void **result) {
  is_capturing = 0;
  if (is_void) {
    is_void = 0;
    graph_free(captured);
    *result = NULL;
    return 901;
  }
  *result = captured;
  counts.graphs++;
  // Graphs that contain only GEMMs are trials of algorithms.
  if (!is_trial(captured)) counts.captures++;
  return 0;
}
static int graph_nodes(void *g, void **nodes, size_t *count) {
  *count = 0;
  for (work *item = ((graph *)g)->first; item; item = item->next) ++*count;
  return 0;
}
static graph *graph_copy(graph *source) {
  graph *copy = calloc(1, sizeof(graph));
  for (work *item = source->first; item; item = item->next) {
    work *again = malloc(sizeof(work));
    *again = *item;
    again->next = NULL;
    if (copy->last) copy->last->next = again; else copy->first = again;
    copy->last = again;
  }
  return copy;
}
static void graph_free(graph *g) {
  for (work *item = g->first; item;) {
    work *next = item->next;
    free(item);
    item = next;
  }
  free(g);
}
static int graph_instantiate(void **executable, void *g, unsigned long long flags) {
  counts.executables++;
  *executable = graph_copy(g);
  return 0;
}
static int graph_instantiate_old(void **executable, void *g, void **node, char *log, size_t bytes) {
  return graph_instantiate(executable, g, 0);
}
static int graph_launch(void *executable, void *stream) {
  if (is_capturing) return void_capture();
  carry_out();
  if (is_trial(executable)) counts.trials++; else counts.replays++;
  for (work *item = ((graph *)executable)->first; item && !is_lost; item = item->next) {
    item->run(item);
  }
  return lost();
}
static int graph_destroy_executable(void *g) { counts.executables--; graph_free(g); return 0; }
static int graph_destroy(void *g) { counts.graphs--; graph_free(g); return 0; }

static int event_create(void **event, unsigned flags) {
  counts.events++;
  *event = calloc(1, sizeof(struct timespec));
  return 0;
}
static int event_destroy(void *event) { counts.events--; free(event); return 0; }
static int event_record(void *event, void *stream) {
  if (is_capturing) return void_capture();
  clock_gettime(CLOCK_MONOTONIC, event);
  return lost();
}
static int event_wait(void *event) { return is_capturing ? void_capture() : finish(); }
static int event_elapsed(float *milliseconds, void *start, void *end) {
  struct timespec *a = start, *b = end;
  *milliseconds = (b->tv_sec - a->tv_sec) * 1e3f + (b->tv_nsec - a->tv_nsec) / 1e6f;
  return lost();
}

static int module_load(
    void **module, const void *image, unsigned count, int *options, void **values) {
  if (is_capturing) return void_capture();
  if (behavior.refuses_modules) return 200;
  // The output of the fake compiler starts with this.
  if (strncmp(image, "FAKE", 4) != 0) return 200;
  counts.modules++;
  *module = strdup(image);
  return 0;
}
static int module_unload(void *module);

// Names are kept until the program ends; their shared-memory limits until the modules are unloaded.
static char *names[4096];
static unsigned allowed[4096];
static unsigned *allowance(const char *name) {
  int i = 0;
  while (names[i] && names[i] != name) i++;
  return &allowed[i];
}
static int module_function(void **function, void *module, const char *name) {
  int i = 0;
  for (; names[i]; i++) {
    if (strcmp(names[i], name) == 0) { *function = names[i]; return 0; }
  }
  names[i] = strdup(name);
  allowed[i] = 0;
  *function = names[i];
  return 0;
}
// As on a multiprocessor with 2048 threads and 164 KB of shared memory, of which each block takes 1
// KB more than it requests.
static int occupancy(int *blocks, void *function, int threads, size_t shared) {
  if (!function || threads <= 0) return 1;
  int by_threads = 2048 / threads, by_shared = (int)((164 << 10) / (shared + 1024));
  *blocks = by_threads < by_shared ? by_threads : by_shared;
  return 0;
}
static int module_unload(void *module) {
  if (--counts.modules == 0) memset(allowed, 0, sizeof allowed);
  free(module);
  return 0;
}
static int function_set(void *function, int attribute, int value) {
  if (attribute != 8 || value > behavior.shared_bytes) return 1;
  *allowance(function) = value;
  return 0;
}

typedef struct {
  const char *name;
  unsigned grid[3], block[3], shared;
  int count, overlaps;
  uint64_t slots[32];
} launch_payload;
static void run_launch(work *item) {
  launch_payload *p = (launch_payload *)item->payload;
  if (is_lost) return;
  counts.launches++;
  const int written =
      snprintf(launched + launched_bytes, sizeof launched - launched_bytes, "%s\n", p->name);
  if (written > 0 && launched_bytes + (size_t)written < sizeof launched)
    launched_bytes += (size_t)written;
  if (behavior.losing_launch && counts.launches >= behavior.losing_launch) { is_lost = 1; return; }
  void *arguments[32];
  for (int i = 0; i < p->count; i++) arguments[i] = &p->slots[i];
  if (behavior.launcher &&
      behavior.launcher(
          p->name, p->grid[0], p->grid[1], p->grid[2], p->block[0], p->block[1], p->block[2],
          p->shared, arguments) != 0) {
    fprintf(stderr, "the launcher refused %s\n", p->name);
    is_lost = 1;
  }
  // A thread that does not wait may read values that are not written yet.
  const unsigned long long threads = 1ull * p->grid[0] * p->grid[1] * p->grid[2] * p->block[0];
  if (p->overlaps && behavior.waits && behavior.waits() != threads) {
    fprintf(stderr, "%s may begin early and does not wait\n", p->name);
    is_lost = 1;
  }
  counts.overlaps += p->overlaps;
}
static int launch_either(
    void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
    unsigned shared, int overlaps, void **parameters) {
  if (behavior.launch_error) {
    const int error = behavior.launch_error;
    behavior.launch_error = 0;
    is_lost = behavior.launch_error_loses;
    return error;
  }
  if (gx == 0 || gy == 0 || gz == 0 || gy > 65535 || gz > 65535 || bx * by * bz > 1024) return 1;
  const unsigned maximum = *allowance(function);
  if (shared > (maximum > 49152 ? maximum : 49152)) return 1;
  launch_payload p = {function, {gx, gy, gz}, {bx, by, bz}, shared, 0, overlaps, {0}};
  // Our launches end the parameter list with null and give each parameter eight bytes.
  while (parameters[p.count]) {
    memcpy(&p.slots[p.count], parameters[p.count], 8);
    p.count++;
  }
  if (behavior.signature) {
    const char *signature = behavior.signature(p.name);
    if (!signature || (int)strlen(signature) != p.count) {
      fprintf(stderr, "%s takes other parameters\n", p.name);
      return 1;
    }
  }
  return submit(run_launch, &p, sizeof p);
}
static int launch(
    void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
    unsigned shared, void *stream, void **parameters, void **extra) {
  return launch_either(function, gx, gy, gz, bx, by, bz, shared, 0, parameters);
}

// CUlaunchConfig and CUlaunchAttribute with the layout of cuda.h.
typedef struct { int id, padding; union { char bytes[64]; int number; } value; } launch_attribute;
typedef struct {
  unsigned gx, gy, gz, bx, by, bz, shared;
  void *stream;
  launch_attribute *attributes;
  unsigned count;
} launch_config;
static int launch_extended(
    const launch_config *c, void *function, void **parameters, void **extra) {
  // Programmatic dependent launch needs compute capability 9.0.
  if (c->count != 1 || c->attributes->id != 6 || behavior.major < 9) return 1;
  return launch_either(
      function, c->gx, c->gy, c->gz, c->bx, c->by, c->bz, c->shared, c->attributes->value.number,
      parameters);
}

#define ENTRY(symbol, function) \
  if (strcmp(name, symbol) == 0) return (void *)function;

void *fake_driver_symbol(const char *name) {
  ENTRY("cuInit", fake_init)
  ENTRY("cuDriverGetVersion", fake_version)
  ENTRY("cuGetErrorName", error_name)
  ENTRY("cuGetErrorString", error_string)
  ENTRY("cuDeviceGetCount", device_count)
  ENTRY("cuDeviceGet", device_get)
  ENTRY("cuDeviceGetName", device_name)
  ENTRY("cuDeviceTotalMem_v2", device_memory)
  ENTRY("cuDeviceGetAttribute", device_attribute)
  ENTRY("cuDevicePrimaryCtxRetain", context_retain)
  ENTRY("cuDevicePrimaryCtxRelease_v2", context_release)
  ENTRY("cuCtxSetCurrent", context_set)
  ENTRY("cuMemGetInfo_v2", memory_info)
  ENTRY("cuMemAlloc_v2", memory_allocate)
  ENTRY("cuMemFree_v2", memory_free)
  ENTRY("cuMemHostAlloc", host_allocate)
  ENTRY("cuMemFreeHost", host_free)
  ENTRY("cuMemcpyHtoDAsync_v2", copy_in)
  ENTRY("cuMemcpyDtoHAsync_v2", copy_out)
  ENTRY("cuMemsetD32Async", fill)
  ENTRY("cuStreamCreate", stream_create)
  ENTRY("cuStreamDestroy_v2", stream_destroy)
  ENTRY("cuStreamSynchronize", stream_wait)
  ENTRY("cuStreamBeginCapture_v2", capture_begin)
  ENTRY("cuStreamEndCapture", capture_end)
  ENTRY("cuGraphGetNodes", graph_nodes)
  if (!behavior.has_only_old_graphs) { ENTRY("cuGraphInstantiateWithFlags", graph_instantiate) }
  ENTRY("cuGraphInstantiate_v2", graph_instantiate_old)
  ENTRY("cuGraphLaunch", graph_launch)
  ENTRY("cuGraphExecDestroy", graph_destroy_executable)
  ENTRY("cuGraphDestroy", graph_destroy)
  ENTRY("cuEventCreate", event_create)
  ENTRY("cuEventDestroy_v2", event_destroy)
  ENTRY("cuEventRecord", event_record)
  ENTRY("cuEventSynchronize", event_wait)
  ENTRY("cuEventElapsedTime", event_elapsed)
  ENTRY("cuModuleLoadDataEx", module_load)
  ENTRY("cuModuleUnload", module_unload)
  ENTRY("cuModuleGetFunction", module_function)
  ENTRY("cuFuncSetAttribute", function_set)
  ENTRY("cuOccupancyMaxActiveBlocksPerMultiprocessor", occupancy)
  ENTRY("cuLaunchKernel", launch)
  if (behavior.driver_version >= 11080) { ENTRY("cuLaunchKernelEx", launch_extended) }
  return NULL;
}

void *fake_cuda_symbol(void *context, const char *name) {
  if (behavior.missing_symbol && strcmp(behavior.missing_symbol, name) == 0) return NULL;
  void *found = fake_driver_symbol(name);
  if (!found) found = fake_nvrtc_symbol(name);
  if (!found) found = fake_cublaslt_symbol(name);
  return found;
}
