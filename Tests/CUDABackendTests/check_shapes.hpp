// Compares shapes of functions and numbers at compile time, for check_headers.cpp and check_nvml.cpp.
#pragma once
#include <cstddef>
#include <type_traits>

/// Whether an argument is passed alike: addresses, numbers of the same size, floating point of the
/// same size.
template <typename A, typename B>
constexpr bool alike() {
  if constexpr (std::is_void_v<A> || std::is_void_v<B>) return std::is_void_v<A> && std::is_void_v<B>;
  else if constexpr (std::is_pointer_v<A> || std::is_pointer_v<B>) return std::is_pointer_v<A> && std::is_pointer_v<B>;
  else if constexpr (std::is_floating_point_v<A> || std::is_floating_point_v<B>)
    return std::is_floating_point_v<A> && std::is_floating_point_v<B> && sizeof(A) == sizeof(B);
  else return sizeof(A) == sizeof(B);
}

/// What an address points at must have the same size too, where both sides know it.
template <typename A, typename B>
constexpr bool points_alike() {
  if constexpr (std::is_pointer_v<A> && std::is_pointer_v<B>) {
    using C = std::remove_pointer_t<A>;
    using D = std::remove_pointer_t<B>;
    if constexpr ((std::is_arithmetic_v<C> || std::is_enum_v<C> || std::is_pointer_v<C>) &&
                  (std::is_arithmetic_v<D> || std::is_enum_v<D> || std::is_pointer_v<D>))
      return sizeof(C) == sizeof(D);
  }
  return true;
}

template <typename Ours, typename Theirs>
struct Same : std::false_type {};

template <typename R, typename... A, typename S, typename... B>
struct Same<R (*)(A...), S (*)(B...)> {
  static constexpr bool compare() {
    if constexpr (sizeof...(A) != sizeof...(B)) return false;
    else return alike<R, S>() && (alike<A, B>() && ...) && (points_alike<A, B>() && ...);
  }
  static constexpr bool value = compare();
};

static_assert(!Same<int (*)(int), int (*)(int, int)>::value && !Same<int (*)(void *), int (*)(int)>::value, "the comparison sees nothing");
static_assert(!Same<int (*)(size_t *), int (*)(int *)>::value && !Same<int (*)(int), int (*)(size_t)>::value, "the comparison sees nothing");

#define NOTHING(result, name, parameters)
#define COMPARE(result, name, parameters) \
  static_assert(Same<result(*) parameters, decltype(&::name)>::value, #name " has another shape");
