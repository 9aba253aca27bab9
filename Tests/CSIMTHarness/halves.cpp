#include "halves.hpp"

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
  // Half of a unit above the largest finite number rounds to infinity.
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
  std::vector<PendingCopy> rest;
  for (const PendingCopy &copy : thread.copies)
    if (copy.group + pending < thread.groups) std::memcpy(copy.to, copy.bytes, 16);
    else rest.push_back(copy);
  thread.copies.swap(rest);
}

namespace {

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
