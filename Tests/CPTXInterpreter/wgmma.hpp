// Matrices and sums of products of warpgroups, from the manual's tables: "Register Fragments and
// Shared Memory Matrix Layouts" of wgmma.mma_async.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <stdexcept>
#include <vector>

// A K-major matrix of 16-bit numbers in shared memory, as a descriptor has it.
struct MatrixDescriptor {
  uint64_t start, leading_bytes, stride_bytes;
  // 0 none, 1 of 128 bytes, 2 of 64, 3 of 32.
  unsigned swizzle;

  explicit MatrixDescriptor(uint64_t bits) {
    // matrix-descriptor-encode(x) = (x & 0x3FFFF) >> 4
    start = (bits & 0x3fff) << 4;
    leading_bytes = (bits >> 16 & 0x3fff) << 4;
    stride_bytes = (bits >> 32 & 0x3fff) << 4;
    swizzle = (unsigned)(bits >> 62);
    if (bits >> 49 & 7) throw std::runtime_error("a matrix base offset, which is not known");
    const uint64_t fields = UINT64_C(0x3fff) | UINT64_C(0x3fff) << 16 | UINT64_C(0x3fff) << 32 |
                            UINT64_C(7) << 49 | UINT64_C(3) << 62;
    if (bits & ~fields) throw std::runtime_error("a matrix descriptor with bits of no field");
  }

  // The byte where a term of a row begins. Canonical layouts, T = 8 numbers of 16 bits in 128 bits:
  //   none       ((8, m), (T, 2 k)) : ((1 T, SBO), (1, LBO))   Swizzle<0, 4, 3>
  //   32 bytes   ((8, m), (T, 2 k)) : ((2 T, SBO), (1, T))     Swizzle<1, 4, 3>
  //   64 bytes   ((8, m), (T, 2 k)) : ((4 T, SBO), (1, T))     Swizzle<2, 4, 3>
  //   128 bytes  ((8, m), (T, 2 k)) : ((8 T, SBO), (1, T))     Swizzle<3, 4, 3>
  // Swizzle<B, 4, 3> exchanges B bits from bit 4 on by the B bits that lie three further; without a
  // base offset it repeats from multiples of 1024, 512 and 256 bytes on.
  uint64_t address(unsigned row, unsigned k) const {
    const unsigned bits = swizzle == 0 ? 0 : 4 - swizzle;
    const uint64_t row_bytes = UINT64_C(16) << bits;
    const uint64_t piece_bytes = swizzle == 0 ? leading_bytes : 16;
    const uint64_t linear =
        start + row % 8 * row_bytes + row / 8 * stride_bytes + k % 8 * 2 + k / 8 * piece_bytes;
    return linear ^ (linear >> 7 & ((1u << bits) - 1)) << 4;
  }
};

// Where the register e of a thread of the warpgroup stands in the accumulator of m64nNk16: each warp
// has 16 rows, in every eight columns two neighbors of rows g and g + 8.
inline unsigned accumulator_row(unsigned thread, unsigned e) {
  return thread / 32 * 16 + thread % 32 / 4 + (e / 2 % 2) * 8;
}
inline unsigned accumulator_column(unsigned thread, unsigned e) {
  return e / 4 * 8 + thread % 4 * 2 + e % 2;
}

// Sums that products are adding to, out of their registers meanwhile.
struct Sums {
  std::vector<int> registers;
  // [thread][register]
  std::vector<std::vector<float>> values;
};

struct Product {
  unsigned columns;
  bool is_bf16;
  MatrixDescriptor a, b;
  bool accumulates;
  int sign_a, sign_b;
  std::shared_ptr<Sums> sums;
  // Of both matrices, when it began.
  std::vector<double> terms;
};

struct Warpgroup {
  bool is_fenced = false;
  // Products of the group that is open, and of those that are committed.
  std::vector<Product> open;
  std::deque<std::vector<Product>> groups;
  std::vector<std::shared_ptr<Sums>> running;

  // The running sums that lie in these registers; null for none.
  std::shared_ptr<Sums> sums_in(const std::vector<int> &registers) const {
    for (const auto &sums : running) {
      if (sums->registers == registers) return sums;
      for (int mine : sums->registers)
        for (int other : registers)
          if (mine == other) throw std::runtime_error("registers that belong to other sums, too");
    }
    return nullptr;
  }

  // Removes the sums to which no product adds any more, and returns them.
  std::vector<std::shared_ptr<Sums>> take_ended() {
    std::vector<std::shared_ptr<Sums>> ended, rest;
    for (const auto &sums : running) {
      bool is_used = false;
      for (const Product &product : open) is_used |= product.sums == sums;
      for (const auto &group : groups)
        for (const Product &product : group) is_used |= product.sums == sums;
      (is_used ? rest : ended).push_back(sums);
    }
    running = rest;
    return ended;
  }
};
