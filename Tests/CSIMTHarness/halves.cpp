#include "halves.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace simt {

float half_to_float(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value;
  if (exponent == 31) value = fraction ? NAN : INFINITY;
  else if (exponent == 0) value = std::ldexp(float(fraction), -24);
  else value = std::ldexp(float(fraction | 1024), exponent - 25);
  return bits >> 15 ? -value : value;
}

std::uint16_t float_to_half(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const std::uint16_t sign = bits >> 16 & 0x8000;
  if (std::isnan(value)) return 0x7FFF;
  const float magnitude = std::fabs(value);
  if (magnitude == 0) return sign;
  // Values of half a unit above the largest finite number are rounded to infinity.
  if (magnitude >= 65520) return sign | 0x7C00;
  if (magnitude == 0) return sign;
  int exponent;
  std::frexp(magnitude, &exponent);
  // The unit in the last place: 2^-24 for subnormal numbers, else 11 bits.
  const int unit = exponent < -13 ? -24 : exponent - 11;
  const auto count = std::uint32_t(std::nearbyint(std::ldexp(magnitude, -unit)));
  // A carry out of the fraction is a carry into the exponent.
  if (unit == -24) return sign | std::uint16_t(count);
  return sign | std::uint16_t((std::uint32_t(unit + 24) << 10) + count);
}

void copy_async(void *to, const void *from, bool valid) {
  if (reinterpret_cast<std::uintptr_t>(to) % 16 || reinterpret_cast<std::uintptr_t>(from) % 16)
    Machine::current().trap("an asynchronous copy of 16 bytes is not aligned to 16 bytes");
  Thread &thread = Machine::current().thread();
  PendingCopy copy{to, thread.groups, {}};
  if (valid) std::memcpy(copy.bytes, from, 16);
  if (Machine::current().copies_early()) std::memcpy(to, copy.bytes, 16);
  else thread.copies.push_back(copy);
}

void commit_copies() { Machine::current().thread().groups++; }

void wait_copies(unsigned pending) {
  Thread &thread = Machine::current().thread();
  if (thread.groups > pending)
    thread.waited_groups = std::max(thread.waited_groups, thread.groups - pending);
  std::vector<PendingCopy> rest;
  for (const PendingCopy &copy : thread.copies)
    if (copy.group + pending < thread.groups) std::memcpy(copy.to, copy.bytes, 16);
    else rest.push_back(copy);
  thread.copies.swap(rest);
}

namespace {

/// Two bytes of a tile whose 16-byte pieces are exchanged by the address bits 7 to 9.
std::uint16_t swizzled(const char *tile, int row, int term) {
  auto address =
      reinterpret_cast<std::uintptr_t>(tile) + 128u * unsigned(row) + 2u * unsigned(term);
  address ^= (address >> 7 & 7) << 4;
  std::uint16_t bits;
  std::memcpy(&bits, reinterpret_cast<const void *>(address), 2);
  return bits;
}

void carry_out(const PendingProduct &product, unsigned rank) {
  const int first = int(rank / 32 % 4 * 16 + rank % 32 / 4), column = int(rank % 4 * 2);
  float a[2][16], b[16];
  for (int half = 0; half < 2; half++)
    for (int k = 0; k < 16; k++)
      a[half][k] = product.decode(swizzled(product.a, first + 8 * half, k));
  for (int n = 0; n < product.count; n++)
    for (int next = 0; next < 2; next++) {
      for (int k = 0; k < 16; k++)
        b[k] = product.decode(swizzled(product.b, 8 * n + column + next, k));
      for (int half = 0; half < 2; half++) {
        float &sum = product.sums[n][2 * half + next];
        for (int k = 0; k < 16; k++) sum += a[half][k] * b[k];
      }
    }
}

struct Matrices {
  const std::uint16_t *row;
  unsigned *r;
};

template <bool transposed>
void deal(void *const *lanes, unsigned) {
  const auto of = [&](int lane) { return static_cast<Matrices *>(lanes[lane]); };
  for (int lane = 0; lane < 32; lane++)
    for (int matrix = 0; matrix < 4; matrix++) {
      const int g = lane / 4, t = lane % 4, first = matrix * 8;
      const std::uint16_t low = transposed ? of(first + 2 * t)->row[g] : of(first + g)->row[2 * t];
      const std::uint16_t high =
          transposed ? of(first + 2 * t + 1)->row[g] : of(first + g)->row[2 * t + 1];
      of(lane)->r[matrix] = low | unsigned(high) << 16;
    }
}

struct Fragments {
  float *c;
  const unsigned *a;
  unsigned b[2];
  Decode decode;
};

void multiply_fragments(void *const *lanes, unsigned) {
  float a[16][16], b[16][8];
  const Decode decode = static_cast<Fragments *>(lanes[0])->decode;
  for (int lane = 0; lane < 32; lane++) {
    const auto *own = static_cast<Fragments *>(lanes[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int half = 0; half < 2; half++) {
      const int shift = 16 * half;
      for (int i = 0; i < 4; i++)
        a[g + i % 2 * 8][2 * t + half + i / 2 * 8] = decode(std::uint16_t(own->a[i] >> shift));
      for (int i = 0; i < 2; i++)
        b[2 * t + half + 8 * i][g] = decode(std::uint16_t(own->b[i] >> shift));
    }
  }
  for (int lane = 0; lane < 32; lane++) {
    auto *own = static_cast<Fragments *>(lanes[lane]);
    for (int i = 0; i < 4; i++) {
      const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      float sum = own->c[i];
      for (int k = 0; k < 16; k++) sum += a[row][k] * b[k][column];
      own->c[i] = sum;
    }
  }
}

void multiply_tf32_fragments(void *const *lanes, unsigned) {
  float a[16][8], b[8][8];
  const auto number = [](unsigned bits) {
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
  };
  for (int lane = 0; lane < 32; lane++) {
    const auto *own = static_cast<Fragments *>(lanes[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; i++) a[g + i % 2 * 8][t + i / 2 * 4] = number(own->a[i]);
    for (int i = 0; i < 2; i++) b[t + 4 * i][g] = number(own->b[i]);
  }
  for (int lane = 0; lane < 32; lane++) {
    auto *own = static_cast<Fragments *>(lanes[lane]);
    for (int i = 0; i < 4; i++) {
      const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      for (int k = 0; k < 8; k++) own->c[i] += a[row][k] * b[k][column];
    }
  }
}

}  // namespace

void show_to_products() {
  Thread &thread = Machine::current().thread();
  thread.shown_groups = thread.waited_groups;
}

void begin_products() {
  Machine::current().meet("wgmma.fence", 0xFFFFFFFFu, nullptr, [](void *const *, unsigned) {});
  Machine::current().thread().has_begun = true;
}

void commit_products() { Machine::current().thread().product_groups++; }

void wait_products(unsigned pending) {
  Thread &thread = Machine::current().thread();
  std::vector<PendingProduct> rest;
  for (const PendingProduct &product : thread.products)
    if (product.group + pending < thread.product_groups) carry_out(product, thread.rank);
    else rest.push_back(product);
  thread.products.swap(rest);
}

void multiply_warpgroup(float (*c)[4], int count, const char *a, const char *b, Decode decode) {
  Thread &thread = Machine::current().thread();
  if (!thread.has_begun) Machine::current().trap("a product begins without a fence");
  if (thread.shown_groups < thread.waited_groups)
    Machine::current().trap("a product begins before copies were shown to it");
  const PendingProduct product{c, count, a, b, decode, thread.product_groups};
  // Products of the same sums happen in their order.
  if (thread.products.empty() && Machine::current().copies_early()) carry_out(product, thread.rank);
  else thread.products.push_back(product);
}

unsigned round_tf32(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, 4);
  return (bits + 0x1000u) & 0xFFFFE000u;
}

void multiply_tf32(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  Fragments mine{c, a, {b0, b1}, nullptr};
  Machine::current().meet("mma", 0xFFFFFFFFu, &mine, multiply_tf32_fragments);
}

void load_matrices(unsigned (&r)[4], const void *row, bool transposed) {
  if (reinterpret_cast<std::uintptr_t>(row) % 16)
    Machine::current().trap("a matrix row is not aligned to 16 bytes");
  Matrices mine{static_cast<const std::uint16_t *>(row), r};
  Machine::current().meet("ldmatrix", 0xFFFFFFFFu, &mine, transposed ? deal<true> : deal<false>);
}

void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Decode decode) {
  Fragments mine{c, a, {b0, b1}, decode};
  Machine::current().meet("mma", 0xFFFFFFFFu, &mine, multiply_fragments);
}

}  // namespace simt
