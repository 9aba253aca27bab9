// Executes PTX: every thread has its own program counter; `.sync` instructions wait for all lanes
// that they name, those of warpgroups for four warps, barriers for all threads of the block.
#include "include/CPTXInterpreter.h"

#include <algorithm>
#include <cstdio>

#include "numbers.hpp"
#include "program.hpp"
#include "wgmma.hpp"

struct ptx_module {
  std::map<std::string, Kernel> kernels;
  std::vector<std::pair<uintptr_t, size_t>> allowed;
};

namespace {

// Generic addresses of shared memory start here; global ones are host addresses.
const uint64_t shared_window = UINT64_C(1) << 62;

struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Copy {
  uint64_t to;
  uint64_t from;
  unsigned bytes, copied;
};

struct Thread {
  std::vector<uint64_t> registers;
  unsigned id[3];
  int at = 0;
  enum {
    running,
    waiting_for_warp,
    waiting_for_warpgroup,
    waiting_for_block,
    ended
  } state = running;
  // Copies of the open group, and of the committed ones.
  std::vector<Copy> open;
  std::vector<std::vector<Copy>> groups;
  // Shared memory that it has written since its last fence between proxies: first byte and bytes.
  std::vector<std::pair<uint64_t, unsigned>> written;
};

struct Machine {
  ptx_module &module;
  Kernel &kernel;
  unsigned grid[3], block[3], place[3];
  void *const *arguments;
  std::vector<unsigned char> shared;
  // Bytes that a pending copy will write.
  std::vector<unsigned char> pending;
  // For each byte 1 and the thread that has written it without a fence to the asynchronous proxy.
  std::vector<unsigned> unfenced;
  std::vector<Thread> threads;
  std::vector<Warpgroup> warpgroups;

  // MARK: Memory

  unsigned char *memory(uint64_t address, size_t bytes, bool in_shared, bool is_copy = false) {
    if (!in_shared && address >= shared_window) {
      address -= shared_window;
      in_shared = true;
    }
    if (address % bytes != 0)
      throw Fault("an address that is not aligned to " + std::to_string(bytes) + " bytes");
    if (in_shared) {
      if (address + bytes > shared.size()) throw Fault("past the end of shared memory");
      if (!is_copy)
        for (size_t i = 0; i < bytes; i++)
          if (pending[address + i]) throw Fault("shared memory that a copy is still writing");
      return shared.data() + address;
    }
    for (const auto &range : module.allowed)
      if (address >= range.first && address + bytes <= range.first + range.second)
        return (unsigned char *)(uintptr_t)address;
    throw Fault("global memory that is none of the buffers");
  }

  // Notes that a thread has written shared memory through the generic proxy.
  void note_write(Thread &t, uint64_t address, unsigned bytes) {
    if (!kernel.has_warpgroups) return;
    const unsigned thread = (unsigned)(&t - threads.data());
    std::fill_n(unfenced.begin() + (long)address, bytes, thread + 1);
    t.written.emplace_back(address, bytes);
  }

  // fence.proxy.async: what the thread has written is there for the asynchronous proxy.
  void fence_proxies(Thread &t) {
    const unsigned thread = (unsigned)(&t - threads.data());
    for (const auto &range : t.written)
      for (uint64_t at = range.first; at < range.first + range.second; at++)
        if (unfenced[at] == thread + 1) unfenced[at] = 0;
    t.written.clear();
  }

  void carry_out(Thread &t, std::vector<Copy> &copies) {
    for (const Copy &copy : copies) {
      unsigned char *to = memory(copy.to, copy.bytes, true, true);
      std::memset(to, 0, copy.bytes);
      if (copy.copied) std::memcpy(to, memory(copy.from, copy.copied, false), copy.copied);
      std::memset(&pending[copy.to], 0, copy.bytes);
      note_write(t, copy.to, copy.bytes);
    }
    copies.clear();
  }

  // MARK: Operands

  uint64_t special(const Thread &t, int index) {
    const unsigned linear = t.id[0] + block[0] * (t.id[1] + block[1] * t.id[2]);
    if (index < 3) return t.id[index];
    if (index < 6) return block[index - 3];
    if (index < 9) return place[index - 6];
    if (index < 12) return grid[index - 9];
    return index == 12 ? linear % 32 : linear / 32;
  }

  uint64_t get(const Thread &t, const Operand &o) {
    switch (o.kind) {
      case Operand::reg: return t.registers[o.index] + o.value;
      case Operand::special: return special(t, o.index);
      case Operand::vector: {
        // Two halves in a 32-bit word, or four 16-bit words in 64 bits, the lowest first.
        uint64_t word = 0;
        const int bits = o.parts.size() == 2 ? 16 : 8;
        for (size_t i = 0; i < o.parts.size(); i++)
          word |= (get(t, o.parts[i]) & ((1ull << bits) - 1)) << bits * i;
        return word;
      }
      default: return o.value;
    }
  }

  static uint64_t masked(uint64_t value, int bytes) {
    return bytes >= 8 ? value : value & ((1ull << 8 * bytes) - 1);
  }
  static int64_t as_signed(uint64_t value, int bytes) {
    const int shift = 64 - 8 * bytes;
    return (int64_t)(value << shift) >> shift;
  }

  void set(Thread &t, const Operand &o, uint64_t value, int bytes) {
    if (o.kind != Operand::reg) throw Fault("a destination that is no register");
    t.registers[o.index] = masked(value, bytes);
  }

  uint64_t address(const Thread &t, const Operand &o) {
    return (o.index >= 0 ? t.registers[o.index] : 0) + o.value;
  }

  // MARK: One thread's instructions

  float number(const Thread &t, const Operand &o) { return as_float(get(t, o)); }

  uint64_t arithmetic(const std::string &op, const Instruction &i, uint64_t a, uint64_t b,
                      const std::string &type) {
    const int bytes = type_bytes(type), bits = 8 * bytes;
    if (type == "f32") {
      const float x = as_float(a), y = as_float(b);
      if (op == "add") return as_bits(x + y);
      if (op == "sub") return as_bits(x - y);
      if (op == "mul") return as_bits(x * y);
      if (op == "div") return as_bits(x / y);
      if (op == "min") return as_bits(std::fmin(x, y));
      if (op == "max") return as_bits(std::fmax(x, y));
    }
    const bool is_signed = type[0] == 's';
    const int64_t x = as_signed(a, bytes), y = as_signed(b, bytes);
    const uint64_t ux = masked(a, bytes), uy = masked(b, bytes);
    if (op == "add") return a + b;
    if (op == "sub") return a - b;
    if (op == "mul") {
      if (i.has("wide")) return is_signed ? (uint64_t)(x * y) : ux * uy;
      if (i.has("hi")) {
        if (bytes == 8) throw Fault("mul.hi of 64 bits is not known");
        return is_signed ? (uint64_t)(x * y >> bits) : ux * uy >> bits;
      }
      return a * b;
    }
    if (op == "div" || op == "rem") {
      if (uy == 0) throw Fault("a division by zero");
      if (op == "div") return is_signed ? (uint64_t)(x / y) : ux / uy;
      return is_signed ? (uint64_t)(x % y) : ux % uy;
    }
    if (op == "min") return is_signed ? (uint64_t)std::min(x, y) : std::min(ux, uy);
    if (op == "max") return is_signed ? (uint64_t)std::max(x, y) : std::max(ux, uy);
    if (op == "and") return a & b;
    if (op == "or") return a | b;
    if (op == "xor") return a ^ b;
    // Shifts by more than the width give zeros, or sign bits.
    const uint64_t by = std::min<uint64_t>(b & 0xffffffff, bits);
    if (op == "shl") return by == (uint64_t)bits ? 0 : a << by;
    if (op == "shr")
      return is_signed              ? (uint64_t)(x >> std::min<uint64_t>(by, bits - 1))
             : by == (uint64_t)bits ? 0
                                    : ux >> by;
    throw Fault("no such operation");
  }

  bool compare(const Instruction &i, uint64_t a, uint64_t b) {
    const std::string &how = i.words[1], &type = i.type();
    if (type == "f32") {
      const float x = as_float(a), y = as_float(b);
      const bool unordered = std::isnan(x) || std::isnan(y);
      if (how == "num") return !unordered;
      if (how == "nan") return unordered;
      // Comparisons of two letters are false for NaN; those of three, ending in `u`, are true.
      const bool or_unordered = how.size() == 3 && how[2] == 'u';
      if (unordered) return or_unordered || how == "ne" ? or_unordered : false;
      const std::string plain = how.substr(0, 2);
      return plain == "eq" ? x == y : plain == "ne" ? x != y : plain == "lt" ? x < y
           : plain == "le" ? x <= y : plain == "gt" ? x > y : x >= y;
    }
    const int bytes = type_bytes(type);
    if (type[0] == 's') {
      const int64_t x = as_signed(a, bytes), y = as_signed(b, bytes);
      return how == "eq"   ? x == y
             : how == "ne" ? x != y
             : how == "lt" ? x < y
             : how == "le" ? x <= y
             : how == "gt" ? x > y
                           : x >= y;
    }
    const uint64_t x = masked(a, bytes), y = masked(b, bytes);
    return how == "eq" ? x == y : how == "ne" ? x != y : how == "lt" || how == "lo" ? x < y
         : how == "le" || how == "ls" ? x <= y : how == "gt" || how == "hi" ? x > y : x >= y;
  }

  uint64_t convert(const Instruction &i, uint64_t a, uint64_t b) {
    const std::string &to = i.type(i.operands.size() == 3 ? 1 : 1), &from = i.type(0);
    // d = {a in the upper half, b in the lower}.
    if (to == "f16x2") return to_f16(as_float(a)) << 16 | to_f16(as_float(b));
    if (to == "bf16x2") return to_bf16(as_float(a)) << 16 | to_bf16(as_float(b));
    if (from == "f32" || from == "f16" || from == "bf16") {
      float x = from == "f32"   ? as_float(a)
                : from == "f16" ? from_f16(a & 0xffff)
                                : from_bf16(a & 0xffff);
      if (to == "f16") return to_f16(x);
      if (to == "bf16") return to_bf16(x);
      if (to == "tf32") {
        // To nearest, ties away from zero, in 10 bits of mantissa.
        return (as_bits(x) + 0x1000) & 0xffffe000;
      }
      if (i.has("rni")) x = std::nearbyint(x);
      if (i.has("rzi")) x = std::trunc(x);
      if (i.has("rmi")) x = std::floor(x);
      if (i.has("rpi")) x = std::ceil(x);
      if (to == "f32") {
        // NaN saturates to 0.
        if (i.has("sat")) x = std::isnan(x) ? 0 : std::fmin(std::fmax(x, 0.0f), 1.0f);
        return as_bits(x);
      }
      const double limit = std::ldexp(1.0, 8 * type_bytes(to) - (to[0] == 's'));
      const double low = to[0] == 's' ? -limit : 0;
      if (std::isnan(x)) return 0;
      if (x >= limit) return to[0] == 's' ? (uint64_t)(limit - 1) : ~0ull;
      return to[0] == 's' ? (uint64_t)(int64_t)std::fmax(x, (float)low)
                          : (uint64_t)std::fmax(x, 0.0f);
    }
    const int bytes = type_bytes(from);
    if (to == "f32")
      return as_bits(from[0] == 's' ? (float)as_signed(a, bytes) : (float)masked(a, bytes));
    return from[0] == 's' ? (uint64_t)as_signed(a, bytes) : masked(a, bytes);
  }

  void load(Thread &t, const Instruction &i) {
    const std::string &type = i.types[0];
    const int bytes = i.bytes;
    const Operand &to = i.operands[0], &from = i.operands[1];
    if (i.words[1] == "param") {
      // Each parameter has eight bytes.
      const unsigned char *slot = (const unsigned char *)arguments[from.value / 8];
      uint64_t value = 0;
      std::memcpy(&value, slot, bytes);
      return set(t, to, value, bytes);
    }
    const size_t count = to.kind == Operand::vector ? to.parts.size() : 1;
    const unsigned char *at = memory(address(t, from), bytes * count, i.is_shared);
    for (size_t k = 0; k < count; k++) {
      uint64_t value = 0;
      std::memcpy(&value, at + k * bytes, bytes);
      const Operand &one = count == 1 && to.kind != Operand::vector ? to : to.parts[k];
      t.registers[one.index] =
          type[0] == 's' ? masked((uint64_t)as_signed(value, bytes), std::max(bytes, 4)) : value;
    }
  }

  void store(Thread &t, const Instruction &i) {
    const int bytes = i.bytes;
    const Operand &to = i.operands[0], &from = i.operands[1];
    const size_t count = from.kind == Operand::vector ? from.parts.size() : 1;
    unsigned char *at = memory(address(t, to), bytes * count, i.is_shared);
    if (at >= shared.data() && at < shared.data() + shared.size())
      note_write(t, (uint64_t)(at - shared.data()), (unsigned)(bytes * count));
    for (size_t k = 0; k < count; k++) {
      const uint64_t value =
          get(t, count == 1 && from.kind != Operand::vector ? from : from.parts[k]);
      std::memcpy(at + k * bytes, &value, bytes);
    }
  }

  void copy_async(Thread &t, const Instruction &i) {
    if (i.words[2] == "commit_group") {
      t.groups.push_back(t.open);
      t.open.clear();
    } else if (i.words[2] == "wait_all") {
      for (auto &group : t.groups) carry_out(t, group);
      carry_out(t, t.open);
      t.groups.clear();
    } else if (i.words[2] == "wait_group") {
      while (t.groups.size() > i.operands[0].value) {
        carry_out(t, t.groups.front());
        t.groups.erase(t.groups.begin());
      }
    } else {
      Copy copy{address(t, i.operands[0]), address(t, i.operands[1]), (unsigned)i.operands[2].value,
                0};
      copy.copied = i.operands.size() > 3 ? (unsigned)get(t, i.operands[3]) : copy.bytes;
      if (i.words[2] == "cg" && copy.bytes != 16) throw Fault("cp.async.cg copies 16 bytes");
      if (copy.copied > copy.bytes) throw Fault("a source longer than the copy");
      memory(copy.to, copy.bytes, true);
      if (copy.from % copy.bytes) throw Fault("a source that is not aligned");
      // It must not be read before a wait; until then it contains NaN.
      std::memset(memory(copy.to, copy.bytes, true), 0xff, copy.bytes);
      std::memset(&pending[copy.to], 1, copy.bytes);
      t.open.push_back(copy);
    }
  }

  // Executes the most frequent instructions without comparing names; returns false for others.
  bool usual(Thread &t, Instruction &i) {
    const auto &o = i.operands;
    const bool is_float = i.types[0] == "f32";
    switch (i.opcode) {
      case Instruction::bra: t.at = o[0].index - 1; break;
      case Instruction::ld: load(t, i); break;
      case Instruction::st: store(t, i); break;
      case Instruction::mov:
        if (o[0].kind != Operand::reg || o[1].kind == Operand::vector) return false;
        set(t, o[0], get(t, o[1]), i.bytes);
        break;
      case Instruction::add:
      case Instruction::sub:
      case Instruction::mul: {
        const uint64_t a = get(t, o[1]), b = get(t, o[2]);
        if (is_float) {
          const float x = as_float(a), y = as_float(b);
          set(t, o[0],
              as_bits(i.opcode == Instruction::add   ? x + y
                      : i.opcode == Instruction::sub ? x - y
                                                     : x * y),
              4);
        } else if (i.opcode == Instruction::mul) {
          return false;
        } else {
          set(t, o[0], i.opcode == Instruction::add ? a + b : a - b, i.bytes);
        }
        break;
      }
      case Instruction::fma:
        if (i.words[1] != "rn") return false;
        set(t, o[0], as_bits(std::fma(number(t, o[1]), number(t, o[2]), number(t, o[3]))), 4);
        break;
      default: return false;
    }
    i.executed++;
    t.at++;
    return true;
  }

  // Executes one instruction; returns false if the thread has to wait at it.
  bool step(Thread &t) {
    if (t.at >= (int)kernel.code.size()) {
      t.state = Thread::ended;
      return false;
    }
    Instruction &i = kernel.code[t.at];
    if (i.guard >= 0 && (t.registers[i.guard] != 0) == i.guard_negated) {
      t.at++;
      return true;
    }
    const auto &o = i.operands;
    if (i.opcode != Instruction::other && usual(t, i)) return true;
    const std::string &op = i.words[0];
    if (op == "bar" && i.words[1] != "warp") {
      t.state = Thread::waiting_for_block;
      return false;
    }
    if (op == "bar" || op == "shfl" || op == "mma" || op == "ldmatrix") {
      t.state = Thread::waiting_for_warp;
      return false;
    }
    if (op == "wgmma") {
      t.state = Thread::waiting_for_warpgroup;
      return false;
    }
    i.executed++;
    if (op == "ret" || op == "exit") {
      t.state = Thread::ended;
      return false;
    }
    t.at++;
    // Blocks run one after another, so everything before has ended.
    if (op == "griddepcontrol") {
    } else if (op == "fence") {
      if (i.name != "fence.proxy.async.shared::cta" && i.name != "fence.proxy.async")
        throw Fault("a fence that is not known");
      fence_proxies(t);
    } else if (op == "cp") copy_async(t, i);
    else if (op == "cvta") {
      const bool to_space = i.words[1] == "to";
      const bool is_shared = i.is_shared;
      const uint64_t a = get(t, o[1]);
      set(t, o[0], is_shared ? to_space ? a - shared_window : a + shared_window : a, 8);
    } else if (op == "mov") {
      const int bytes = type_bytes(i.type());
      if (o[0].kind == Operand::vector) {
        const uint64_t word = get(t, o[1]);
        const int part = bytes / (int)o[0].parts.size();
        for (size_t k = 0; k < o[0].parts.size(); k++)
          set(t, o[0].parts[k], word >> 8 * part * k, part);
      } else if (o[1].kind == Operand::vector) {
        const int part = 8 * bytes / (int)o[1].parts.size();
        uint64_t word = 0;
        for (size_t k = 0; k < o[1].parts.size(); k++)
          word |= masked(get(t, o[1].parts[k]), part / 8) << part * k;
        set(t, o[0], word, bytes);
      } else {
        set(t, o[0], get(t, o[1]), bytes);
      }
    } else if (op == "cvt") {
      const std::string &to = i.type(1);
      set(t, o[0], convert(i, get(t, o[1]), o.size() > 2 ? get(t, o[2]) : 0), type_bytes(to));
    } else if (op == "setp") {
      bool result = compare(i, get(t, o[1]), get(t, o[2]));
      if (o.size() > 3) {
        const bool other = get(t, o[3]) != 0;
        result = i.has("and") ? result && other : i.has("or") ? result || other : result != other;
      }
      set(t, o[0], result, 1);
      if (o[0].second >= 0) t.registers[o[0].second] = !result;
    } else if (op == "selp") {
      set(t, o[0], get(t, o[3]) ? get(t, o[1]) : get(t, o[2]), type_bytes(i.type()));
    } else if (op == "fma") {
      if (!i.has("rm")) throw Fault("a rounding that is not known");
      // Only the compiler's expf rounds down, and the sum is exact in double there.
      const double sum = (double)number(t, o[1]) * number(t, o[2]) + number(t, o[3]);
      float result = (float)sum;
      if ((double)result > sum) result = std::nextafter(result, -INFINITY);
      set(t, o[0], as_bits(result), 4);
    } else if (op == "mad") {
      const std::string &type = i.type();
      const int bytes = type_bytes(type);
      const uint64_t product = arithmetic("mul", i, get(t, o[1]), get(t, o[2]), type);
      set(t, o[0], product + get(t, o[3]), i.has("wide") ? 2 * bytes : bytes);
    } else if (op == "neg" || op == "abs") {
      const std::string &type = i.type();
      const uint64_t a = get(t, o[1]);
      if (type == "f32") set(t, o[0], op == "neg" ? a ^ 0x80000000 : a & 0x7fffffff, 4);
      else {
        const int64_t x = as_signed(a, type_bytes(type));
        set(t, o[0], (uint64_t)(op == "neg" || x < 0 ? -x : x), type_bytes(type));
      }
    } else if (op == "not") {
      const std::string &type = i.type();
      set(t, o[0], type == "pred" ? get(t, o[1]) == 0 : ~get(t, o[1]), type_bytes(type));
    } else if (op == "ex2") {
      float x = std::exp2(number(t, o[1]));
      if (i.has("ftz") && std::fabs(x) < 0x1p-126f) x = 0;
      set(t, o[0], as_bits(x), 4);
    } else if (op == "lg2") set(t, o[0], as_bits(std::log2(number(t, o[1]))), 4);
    else if (op == "sqrt") set(t, o[0], as_bits(std::sqrt(number(t, o[1]))), 4);
    else if (op == "rcp") set(t, o[0], as_bits(1.0f / number(t, o[1])), 4);
    else if (op == "rsqrt") set(t, o[0], as_bits(1.0f / std::sqrt(number(t, o[1]))), 4);
    else if (op == "bfi") {
      // d = b with `d` bits from place `c` on replaced by those of a.
      const uint64_t a = get(t, o[1]), b = get(t, o[2]), at = get(t, o[3]) & 255,
                     count = get(t, o[4]) & 255;
      const uint64_t field = (count >= 32 ? 0xffffffffull : (1ull << count) - 1) << at;
      set(t, o[0], (b & ~field) | ((a << at) & field), type_bytes(i.type()));
    } else if (op == "popc") {
      set(t, o[0], (uint64_t)__builtin_popcountll(masked(get(t, o[1]), type_bytes(i.type()))), 4);
    } else {
      const std::string &type = i.type();
      set(t, o[0], arithmetic(op, i, get(t, o[1]), get(t, o[2]), type),
          i.has("wide") ? 2 * type_bytes(type) : type_bytes(type));
    }
    return true;
  }

  // MARK: A warp's instructions

  void shuffle(Thread *lanes, const Instruction &i) {
    const auto &o = i.operands;
    uint64_t values[32];
    for (int lane = 0; lane < 32; lane++) values[lane] = get(lanes[lane], o[1]);
    for (int lane = 0; lane < 32; lane++) {
      Thread &t = lanes[lane];
      if (masked(get(t, o[4]), 4) != 0xffffffff) throw Fault("a shuffle of some lanes alone");
      const int b = (int)(get(t, o[2]) & 31), c = (int)get(t, o[3]);
      const int clamp = c & 31, segment = c >> 8 & 31;
      const int maximum = (lane & segment) | (clamp & ~segment), minimum = lane & segment;
      int from;
      bool is_there;
      if (i.words[2] == "bfly") from = lane ^ b, is_there = from <= maximum;
      else if (i.words[2] == "up") from = lane - b, is_there = from >= maximum;
      else if (i.words[2] == "down") from = lane + b, is_there = from <= maximum;
      else from = minimum | (b & ~segment), is_there = from <= maximum;
      set(t, o[0], values[is_there ? from : lane], 4);
      if (o[0].second >= 0) t.registers[o[0].second] = is_there;
    }
  }

  void load_matrix(Thread *lanes, const Instruction &i) {
    const auto &o = i.operands;
    const bool transposed = i.has("trans");
    const size_t count = o[0].parts.size();
    uint16_t matrices[4][8][8];
    // Lanes 0 to 7 have the rows of the first matrix, 8 to 15 those of the second, and so on.
    for (size_t m = 0; m < count; m++)
      for (int row = 0; row < 8; row++)
        std::memcpy(matrices[m][row], memory(address(lanes[8 * m + row], o[1]), 16, i.is_shared),
                    16);
    for (int lane = 0; lane < 32; lane++)
      for (size_t m = 0; m < count; m++) {
        const int row = lane / 4, column = lane % 4 * 2;
        const uint64_t low = transposed ? matrices[m][column][row] : matrices[m][row][column];
        const uint64_t high =
            transposed ? matrices[m][column + 1][row] : matrices[m][row][column + 1];
        set(lanes[lane], o[0].parts[m], low | high << 16, 4);
      }
  }

  void multiply(Thread *lanes, const Instruction &i) {
    const auto &o = i.operands;
    const bool is_tf32 = i.has("tf32"), is_bf16 = i.has("bf16");
    const bool is_deep = i.has("m16n8k16");
    if (!is_deep && !i.has("m16n8k8")) throw Fault("a shape that is not known");
    const int depth = is_deep ? 16 : 8;
    double a[16][16] = {}, b[16][8] = {};
    auto half = [&](const Thread &t, const Operand &registers, int element) {
      const uint64_t bits = get(t, registers.parts[element / 2]) >> (element & 1) * 16 & 0xffff;
      return (double)(is_bf16 ? from_bf16(bits) : from_f16(bits));
    };
    // tf32 has 10 bits of mantissa; the other bits are ignored.
    auto tensor_float = [&](const Thread &t, const Operand &registers, int element) {
      return (double)as_float(get(t, registers.parts[element]) & 0xffffe000);
    };
    for (int lane = 0; lane < 32; lane++) {
      const Thread &t = lanes[lane];
      const int group = lane >> 2, in_group = lane % 4;
      if (is_tf32) {
        if (is_deep) throw Fault("a shape that is not known");
        for (int e = 0; e < 4; e++)
          a[e == 0 || e == 2 ? group : group + 8][e < 2 ? in_group : in_group + 4] =
              tensor_float(t, o[1], e);
        for (int e = 0; e < 2; e++)
          b[e == 0 ? in_group : in_group + 4][group] = tensor_float(t, o[2], e);
      } else if (is_deep) {
        for (int e = 0; e < 8; e++) {
          const int row = e < 2 || (4 <= e && e < 6) ? group : group + 8;
          a[row][in_group * 2 + (e & 1) + (e < 4 ? 0 : 8)] = half(t, o[1], e);
        }
        for (int e = 0; e < 4; e++)
          b[in_group * 2 + (e & 1) + (e < 2 ? 0 : 8)][group] = half(t, o[2], e);
      } else {
        for (int e = 0; e < 4; e++)
          a[e < 2 ? group : group + 8][in_group * 2 + (e & 1)] = half(t, o[1], e);
        // A vector of one register may be written without braces.
        Operand one = o[2];
        if (one.kind != Operand::vector) {
          one = Operand();
          one.kind = Operand::vector;
          one.parts = {o[2]};
        }
        for (int e = 0; e < 2; e++) b[in_group * 2 + e][group] = half(t, one, e);
      }
    }
    for (int lane = 0; lane < 32; lane++)
      for (int e = 0; e < 4; e++) {
        const int row = (lane >> 2) + (e < 2 ? 0 : 8), column = lane % 4 * 2 + (e & 1);
        double sum = as_float(get(lanes[lane], o[3].parts[e]));
        for (int k = 0; k < depth; k++) sum += a[row][k] * b[k][column];
        set(lanes[lane], o[0].parts[e], as_bits((float)sum), 4);
      }
  }

  // Executes an instruction that all lanes of a warp wait for; returns false if some have not
  // reached it.
  bool together(Thread *lanes) {
    for (int lane = 0; lane < 32; lane++)
      if (lanes[lane].state != Thread::waiting_for_warp || lanes[lane].at != lanes[0].at)
        return false;
    Instruction &i = kernel.code[lanes[0].at];
    i.executed += 32;
    const std::string &op = i.words[0];
    if (op == "shfl") shuffle(lanes, i);
    else if (op == "mma") multiply(lanes, i);
    else if (op == "ldmatrix") load_matrix(lanes, i);
    for (int lane = 0; lane < 32; lane++) {
      lanes[lane].at++;
      lanes[lane].state = Thread::running;
    }
    return true;
  }

  // MARK: A warpgroup's instructions

  // Where a term of a matrix lies in shared memory.
  double term(const MatrixDescriptor &matrix, unsigned row, unsigned k, bool is_bf16) {
    const uint64_t at = matrix.address(row, k);
    if (at + 2 > shared.size()) throw Fault("a matrix that ends past shared memory");
    if (unfenced[at] || unfenced[at + 1])
      throw Fault("shared memory that was written without a fence to the asynchronous proxy");
    uint16_t bits;
    std::memcpy(&bits, memory(at, 2, true), 2);
    return is_bf16 ? from_bf16(bits) : from_f16(bits);
  }

  // The terms of both matrices of a product, row by row.
  std::vector<double> terms(const Product &product) {
    std::vector<double> all;
    for (unsigned row = 0; row < 64; row++)
      for (unsigned k = 0; k < 16; k++) all.push_back(term(product.a, row, k, product.is_bf16));
    for (unsigned column = 0; column < product.columns; column++)
      for (unsigned k = 0; k < 16; k++) all.push_back(term(product.b, column, k, product.is_bf16));
    return all;
  }

  // Adds a product that has been waited for to its sums.
  void carry_out(const Product &product) {
    // It may have read its matrices at any time since it began.
    const std::vector<double> now = terms(product);
    if (std::memcmp(now.data(), product.terms.data(), sizeof(double) * now.size()) != 0)
      throw Fault("a matrix that was overwritten while a product could read it");
    const double *a = product.terms.data(), *b = a + 64 * 16;
    const int sign = product.sign_a * product.sign_b;
    const unsigned columns = product.columns;
    for (unsigned thread = 0; thread < 128; thread++)
      for (unsigned e = 0; e < columns / 2; e++) {
        const unsigned row = accumulator_row(thread, e), column = accumulator_column(thread, e);
        float &d = product.sums->values[thread][e];
        double sum = product.accumulates ? d : 0;
        for (unsigned k = 0; k < 16; k++) sum += sign * a[row * 16 + k] * b[column * 16 + k];
        d = (float)sum;
      }
  }

  void begin_product(Thread *lanes, Warpgroup &group, const Instruction &i) {
    const auto &o = i.operands;
    const std::string &shape = i.words[4];
    if (shape.compare(0, 4, "m64n") != 0 || shape.substr(shape.size() - 3) != "k16")
      throw Fault("a shape that is not known");
    const unsigned columns = (unsigned)std::stoul(shape.substr(4));
    if (columns % 8 != 0 || columns == 0 || columns > 256 || o[0].parts.size() != columns / 2)
      throw Fault("a number of columns or registers that does not fit the shape");
    if (i.words[5] != "f32" || o.size() != 8 || o[1].kind == Operand::vector)
      throw Fault("a product of other operands than two matrices in shared memory");
    if (get(lanes[0], o[6]) != 0 || get(lanes[0], o[7]) != 0)
      throw Fault("a transposed matrix, which is not known");
    for (int lane = 1; lane < 128; lane++)
      for (int operand = 1; operand < 4; operand++)
        if (get(lanes[lane], o[operand]) != get(lanes[0], o[operand]))
          throw Fault("descriptors that differ within a warpgroup");
    std::vector<int> registers;
    for (const Operand &part : o[0].parts) registers.push_back(part.index);
    Product product{
        columns, i.type(0) == "bf16", MatrixDescriptor(get(lanes[0], o[1])),
        MatrixDescriptor(get(lanes[0], o[2])), get(lanes[0], o[3]) != 0,
        (int)as_signed(get(lanes[0], o[4]), 4), (int)as_signed(get(lanes[0], o[5]), 4),
        group.sums_in(registers), {}};
    if (!product.is_bf16 && i.type(0) != "f16") throw Fault("terms of a type that is not known");
    product.terms = terms(product);
    if (!product.sums) {
      if (!group.is_fenced) throw Fault("registers of sums without wgmma.fence before");
      product.sums = std::make_shared<Sums>();
      product.sums->registers = registers;
      product.sums->values.resize(128);
      for (int lane = 0; lane < 128; lane++)
        for (const Operand &part : o[0].parts) {
          product.sums->values[lane].push_back(number(lanes[lane], part));
          // Nobody may read it before a wait.
          set(lanes[lane], part, 0xffffffff, 4);
        }
      group.running.push_back(product.sums);
    }
    group.open.push_back(product);
  }

  void wait_for_products(Thread *lanes, Warpgroup &group, uint64_t but) {
    while (group.groups.size() > but) {
      for (const Product &product : group.groups.front()) carry_out(product);
      group.groups.pop_front();
    }
    for (const std::shared_ptr<Sums> &sums : group.take_ended()) {
      for (int lane = 0; lane < 128; lane++)
        for (size_t e = 0; e < sums->registers.size(); e++)
          lanes[lane].registers[sums->registers[e]] = as_bits(sums->values[lane][e]);
      // From here on threads may use them.
      group.is_fenced = false;
    }
  }

  // Carries out what all warps of a warpgroup wait for; false where some are not there yet.
  bool together_in_group(Thread *lanes, Warpgroup &group) {
    for (int lane = 0; lane < 128; lane++)
      if (lanes[lane].state != Thread::waiting_for_warpgroup || lanes[lane].at != lanes[0].at)
        return false;
    Instruction &i = kernel.code[lanes[0].at];
    i.executed += 128;
    if (i.words[1] == "fence") group.is_fenced = true;
    else if (i.words[1] == "mma_async") begin_product(lanes, group, i);
    else if (i.words[1] == "commit_group") {
      group.groups.push_back(group.open);
      group.open.clear();
    } else if (i.words[1] == "wait_group") wait_for_products(lanes, group, i.operands[0].value);
    else throw Fault("an instruction of warpgroups that is not known");
    for (int lane = 0; lane < 128; lane++) {
      lanes[lane].at++;
      lanes[lane].state = Thread::running;
    }
    return true;
  }

  void run_block() {
    const size_t count = threads.size();
    for (;;) {
      bool moved = false;
      for (size_t warp = 0; warp < count; warp += 32) {
        do {
          for (size_t k = warp; k < warp + 32; k++)
            while (threads[k].state == Thread::running) {
              moved = true;
              step_or_fault(threads[k]);
            }
        } while (together_or_fault(&threads[warp]));
      }
      for (size_t group = 0; group < count / 128; group++)
        if (together_in_group_or_fault(&threads[128 * group], warpgroups[group])) moved = true;
      size_t at_barrier = 0, ended = 0;
      for (const Thread &t : threads) {
        at_barrier += t.state == Thread::waiting_for_block;
        ended += t.state == Thread::ended;
      }
      if (ended == count) return;
      if (at_barrier == count) {
        const int at = threads[0].at;
        for (Thread &t : threads) {
          if (t.at != at) throw Fault("threads at different barriers");
          t.at++;
          t.state = Thread::running;
        }
      } else if (!moved) {
        throw Fault(
            at_barrier > 0 ? "a barrier that some threads do not reach"
                           : "an instruction for all lanes that some do not reach");
      }
    }
  }

  void step_or_fault(Thread &t) {
    const int at = t.at;
    try {
      step(t);
    } catch (const std::exception &error) {
      throw Fault(where(at) + error.what());
    }
  }
  bool together_or_fault(Thread *lanes) {
    const int at = lanes[0].at;
    try {
      return together(lanes);
    } catch (const std::exception &error) {
      throw Fault(where(at) + error.what());
    }
  }
  bool together_in_group_or_fault(Thread *lanes, Warpgroup &group) {
    const int at = lanes[0].at;
    try {
      return together_in_group(lanes, group);
    } catch (const std::exception &error) {
      throw Fault(where(at) + error.what());
    }
  }
  std::string where(int at) {
    return at < (int)kernel.code.size()
               ? kernel.code[at].name + " (instruction " + std::to_string(at) + "): "
               : "";
  }
};

}  // namespace

ptx_module *ptx_parse(const char *text, char *error, size_t error_bytes) {
  try {
    return new ptx_module{parse_program(text), {}};
  } catch (const std::exception &problem) {
    snprintf(error, error_bytes, "%s", problem.what());
    return nullptr;
  }
}

void ptx_free(ptx_module *module) { delete module; }

void ptx_allow(ptx_module *module, void *memory, size_t bytes) {
  module->allowed.emplace_back((uintptr_t)memory, bytes);
}

void ptx_forbid(ptx_module *module) { module->allowed.clear(); }

size_t ptx_executed(const ptx_module *module, const char *prefix) {
  size_t count = 0;
  for (const auto &kernel : module->kernels)
    for (const Instruction &i : kernel.second.code)
      if (i.name.compare(0, std::strlen(prefix), prefix) == 0) count += i.executed;
  return count;
}

int ptx_launch(
    ptx_module *module, const char *name, const unsigned grid[3], const unsigned block[3],
    unsigned shared_bytes, void *const *arguments, char *error, size_t error_bytes) {
  std::string where = name;
  try {
    const auto found = module->kernels.find(name);
    if (found == module->kernels.end()) throw Fault("no such kernel");
    Kernel &kernel = found->second;
    const unsigned count = block[0] * block[1] * block[2];
    if (count % 32 != 0) throw Fault("a block of a broken warp");
    Machine machine{*module,
                    kernel,
                    {grid[0], grid[1], grid[2]},
                    {block[0], block[1], block[2]},
                    {0, 0, 0},
                    arguments,
                    {},
                    {},
                    {},
                    {},
                    {}};
    for (unsigned z = 0; z < grid[2]; z++)
      for (unsigned y = 0; y < grid[1]; y++)
        for (unsigned x = 0; x < grid[0]; x++) {
          where = std::string(name) + ", block " + std::to_string(x) + " " + std::to_string(y) +
                  " " + std::to_string(z);
          machine.place[0] = x, machine.place[1] = y, machine.place[2] = z;
          // Unwritten shared memory is NaN.
          machine.shared.assign(kernel.static_shared + shared_bytes, 0xff);
          machine.pending.assign(machine.shared.size(), 0);
          machine.unfenced.assign(kernel.has_warpgroups ? machine.shared.size() : 0, 0);
          machine.threads.assign(count, Thread());
          machine.warpgroups.assign(count / 128, Warpgroup());
          for (unsigned k = 0; k < count; k++) {
            Thread &t = machine.threads[k];
            t.registers.assign(kernel.registers.size(), 0xdeadbeefdeadbeef);
            t.id[0] = k % block[0], t.id[1] = k / block[0] % block[1],
            t.id[2] = k / block[0] / block[1];
          }
          machine.run_block();
        }
    return 0;
  } catch (const std::exception &problem) {
    snprintf(error, error_bytes, "%s: %s", where.c_str(), problem.what());
    return 1;
  }
}
