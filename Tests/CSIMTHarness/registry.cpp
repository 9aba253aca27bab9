#include <map>
#include <string>

#include "CSIMTHarness.h"
#include "machine.hpp"

namespace {

struct Entry {
  const char *signature;
  simt::Body body;
};

std::map<std::string, Entry> &kernels() {
  static std::map<std::string, Entry> map;
  return map;
}

}  // namespace

void simt::add_kernel(const char *name, const char *signature, Body body) {
  kernels()[name] = {signature, body};
}

void simt_set_order(int order, uint64_t seed) { simt::Machine::current().set_order(order, seed); }

int simt_launch(const char *kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                void **args) {
  simt::Machine &machine = simt::Machine::current();
  const auto found = kernels().find(kernel);
  if (found == kernels().end()) {
    machine.error = std::string("there is no kernel ") + kernel;
    return 1;
  }
  const int code = machine.launch(found->second.body, args, {grid_x, grid_y, grid_z},
                                  {block_x, block_y, block_z}, shared_bytes);
  if (code) machine.error = std::string(kernel) + ": " + machine.error;
  return code;
}

const char *simt_error(void) { return simt::Machine::current().error.c_str(); }

unsigned long long simt_waits(void) { return simt::Machine::current().waits; }

int simt_kernel_count(void) { return int(kernels().size()); }

const char *simt_kernel_name(int index) {
  auto entry = kernels().begin();
  std::advance(entry, index);
  return entry->first.c_str();
}

const char *simt_kernel_signature(const char *kernel) {
  const auto found = kernels().find(kernel);
  return found == kernels().end() ? nullptr : found->second.signature;
}
