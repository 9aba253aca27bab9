// Places in descending order by counting, so that ties fall to the lower index and no order depends
// on timing.
#ifndef LAB_RANKS_CUH
#define LAB_RANKS_CUH

#include "common.cuh"

/// Bits that sort as unsigned numbers in descending order of the float; 0 and -0 are equal, NaN
/// counts as -infinity.
DEVICE unsigned descending_bits(float value) {
  unsigned bits = __float_as_uint(value == 0 ? 0.0f : value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) bits = 0xFF800000u;
  return ~(bits & 0x80000000u ? ~bits : bits | 0x80000000u);
}

/// Keys before `own` in order, among every `step`-th of [begin, end).
DEVICE int count_before(const unsigned *keys, int begin, int end, int step, int own) {
  const unsigned key = keys[own];
  int rank = 0;
  for (int other = begin; other < end; other += step)
    rank += keys[other] < key || (keys[other] == key && other < own);
  return rank;
}

/// The place of token `own` among `count` keys; `count` is a multiple of four, and keys after the
/// last token are the largest.
DEVICE int place_among(const unsigned *keys, int count, int own) {
  const unsigned key = keys[own];
  int place = 0;
  for (int other = 0; other < count; other += 4) {
    const uint4 k = *(const uint4 *)(keys + other);
    // Of equals those before come first.
    place += k.x < key || (k.x == key && other < own);
    place += k.y < key || (k.y == key && other + 1 < own);
    place += k.z < key || (k.z == key && other + 2 < own);
    place += k.w < key || (k.w == key && other + 3 < own);
  }
  return place;
}

#endif
