// PTX as the interpreter holds it.
#pragma once
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

struct Operand {
  enum Kind { reg, immediate, special, memory, label, vector } kind = immediate;
  // Register, special register or label; of memory: the register of the base, or -1.
  int index = -1;
  // Value, or offset of memory.
  uint64_t value = 0;
  // Of `d|p`: the predicate.
  int second = -1;
  std::vector<Operand> parts;
};

inline int type_bytes(const std::string &type) {
  if (type == "pred") return 1;
  if (type == "f16x2" || type == "bf16x2" || type == "tf32") return 4;
  if (type == "bf16") return 2;
  return std::stoi(type.substr(1)) / 8;
}

struct Instruction {
  std::string name;
  // The name, split at its dots.
  std::vector<std::string> words;
  // The last word that is a type, and the one before; filled by `finish`.
  std::string types[2];
  int bytes = 0;
  bool is_shared = false;
  // The first word as a number.
  enum Opcode { other, mov, add, sub, mul, fma, ld, st, bra, setp, cvt, selp } opcode = other;
  int guard = -1;
  bool guard_negated = false;
  std::vector<Operand> operands;
  size_t executed = 0;

  bool has(const char *word) const {
    for (size_t i = 1; i < words.size(); i++)
      if (words[i] == word) return true;
    return false;
  }
  const std::string &type(size_t from_end = 0) const {
    if (types[from_end].empty()) throw std::runtime_error(name + " has no type");
    return types[from_end];
  }

  void finish() {
    static const char *const names[] = {"", "mov", "add", "sub", "mul", "fma", "ld", "st", "bra", "setp", "cvt", "selp"};
    for (int i = 1; i < 12; i++)
      if (words[0] == names[i]) opcode = (Opcode)i;
    is_shared = has("shared");
    size_t found = 0;
    for (size_t i = words.size(); i-- > 1 && found < 2;) {
      const std::string &w = words[i];
      const bool is_type = w == "pred" || w == "f16x2" || w == "bf16x2" || w == "bf16" ||
                           w == "tf32" ||
                           (w.size() > 1 && (w[0] == 'b' || w[0] == 's' || w[0] == 'u' || w[0] == 'f') &&
                            w.find_first_not_of("0123456789", 1) == std::string::npos);
      if (is_type) types[found++] = w;
    }
    bytes = types[0].empty() ? 0 : type_bytes(types[0]);
  }
};

struct Kernel {
  std::vector<std::string> parameters;
  std::vector<Instruction> code;
  std::unordered_map<std::string, int> registers;
  std::unordered_map<std::string, int> labels;
  std::vector<int> targets;
  unsigned static_shared = 0;
  // Whether products of warpgroups read shared memory.
  bool has_warpgroups = false;
};

std::map<std::string, Kernel> parse_program(const std::string &text);
