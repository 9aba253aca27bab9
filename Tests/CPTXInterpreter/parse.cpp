#include <cstring>
#include <sstream>

#include "program.hpp"

namespace {

const char *const specials[] = {"%tid.x",   "%tid.y",   "%tid.z",    "%ntid.x",   "%ntid.y",
                                "%ntid.z",  "%ctaid.x", "%ctaid.y",  "%ctaid.z",  "%nctaid.x",
                                "%nctaid.y", "%nctaid.z", "%laneid", "%warpid"};

std::string trimmed(const std::string &text) {
  const size_t first = text.find_first_not_of(" \t\n\r");
  return first == std::string::npos
             ? ""
             : text.substr(first, text.find_last_not_of(" \t\n\r") - first + 1);
}

std::string without_comments(const std::string &text) {
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text.compare(i, 2, "//") == 0) {
      while (i < text.size() && text[i] != '\n') i++;
      out += '\n';
    } else if (text.compare(i, 2, "/*") == 0) {
      i = text.find("*/", i) + 1;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Splits at commas outside of brackets and braces.
std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> parts;
  int depth = 0;
  std::string part;
  for (char c : text) {
    if (c == '{' || c == '[') depth++;
    if (c == '}' || c == ']') depth--;
    if (c == ',' && depth == 0) {
      parts.push_back(trimmed(part));
      part.clear();
    } else {
      part += c;
    }
  }
  if (!trimmed(part).empty()) parts.push_back(trimmed(part));
  return parts;
}

struct Parser {
  Kernel &kernel;
  // Addresses of shared arrays; the dynamic one follows the static ones.
  std::unordered_map<std::string, uint64_t> &shared;
  std::vector<std::pair<size_t, std::string>> branches;

  int register_of(const std::string &name) {
    return kernel.registers.emplace(name, (int)kernel.registers.size()).first->second;
  }

  Operand operand(const std::string &text) {
    Operand result;
    if (text[0] == '{') {
      result.kind = Operand::vector;
      for (const std::string &part : split(text.substr(1, text.rfind('}') - 1)))
        result.parts.push_back(operand(part));
      return result;
    }
    if (text[0] == '[') {
      result = operand(trimmed(text.substr(1, text.rfind(']') - 1)));
      if (result.kind == Operand::immediate) {
        result.index = -1;
      }
      result.kind = Operand::memory;
      return result;
    }
    const size_t bar = text.find('|');
    if (bar != std::string::npos) {
      result = operand(text.substr(0, bar));
      result.second = register_of(text.substr(bar + 1));
      return result;
    }
    const size_t plus = text.find('+', 1);
    if (plus != std::string::npos && text[0] != '-' && !isdigit(text[0])) {
      result = operand(trimmed(text.substr(0, plus)));
      result.value += (uint64_t)std::stoll(text.substr(plus + 1));
      return result;
    }
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
      if (text == specials[i]) {
        result.kind = Operand::special;
        result.index = (int)i;
        return result;
      }
    if (text.compare(0, 2, "0f") == 0 || text.compare(0, 2, "0F") == 0) {
      result.value = std::stoull(text.substr(2), nullptr, 16);
      return result;
    }
    if (isdigit(text[0]) || text[0] == '-') {
      result.value =
          text[0] == '-' ? (uint64_t)std::stoll(text, nullptr, 0) : std::stoull(text, nullptr, 0);
      return result;
    }
    for (size_t i = 0; i < kernel.parameters.size(); i++)
      if (kernel.parameters[i] == text) {
        result.value = 8 * i;
        return result;
      }
    const auto array = shared.find(text);
    if (array != shared.end()) {
      result.value = array->second;
      return result;
    }
    result.kind = Operand::reg;
    result.index = register_of(text);
    return result;
  }

  void statement(std::string text) {
    text = trimmed(text);
    if (text.empty()) return;
    if (text[0] == '.') {
      if (text.compare(0, 7, ".shared") == 0) declare_shared(text);
      return;
    }
    Instruction instruction;
    if (text[0] == '@') {
      const size_t end = text.find_first_of(" \t");
      instruction.guard_negated = text[1] == '!';
      instruction.guard = register_of(
          text.substr(1 + instruction.guard_negated, end - 1 - instruction.guard_negated));
      text = trimmed(text.substr(end));
    }
    const size_t end = text.find_first_of(" \t\n");
    instruction.name = text.substr(0, end);
    std::stringstream words(instruction.name);
    for (std::string word; std::getline(words, word, '.');) instruction.words.push_back(word);
    const std::vector<std::string> operands =
        split(end == std::string::npos ? "" : text.substr(end));
    if (instruction.words[0] == "bra") {
      branches.emplace_back(kernel.code.size(), operands[0]);
    } else {
      for (const std::string &part : operands) instruction.operands.push_back(operand(part));
    }
    instruction.finish();
    if (instruction.words[0] == "wgmma") kernel.has_warpgroups = true;
    kernel.code.push_back(instruction);
  }

  void declare_shared(const std::string &text) {
    const size_t open = text.find('[');
    const size_t name = text.find_last_of(" \t", open);
    const unsigned bytes = (unsigned)std::stoul(text.substr(open + 1));
    kernel.static_shared = (kernel.static_shared + 127) / 128 * 128;
    shared[trimmed(text.substr(name, open - name))] = kernel.static_shared;
    kernel.static_shared += bytes;
  }

  // Statements end with `;`, labels with `:`; braces around statements are scopes of inline
  // assembly, whose registers are set before they are read.
  void body(const std::string &text) {
    std::string now;
    int vectors = 0;
    for (size_t i = 0; i < text.size(); i++) {
      const char c = text[i];
      if (vectors == 0 && (c == '{' || c == '}') && trimmed(now).empty()) continue;
      if (c == '{') vectors++;
      if (c == '}') vectors--;
      if (vectors == 0 && c == ';') {
        statement(now);
        now.clear();
      } else if (vectors == 0 && c == ':' && trimmed(now)[0] == '$') {
        kernel.labels[trimmed(now)] = (int)kernel.code.size();
        now.clear();
      } else {
        now += c;
      }
    }
    for (const auto &branch : branches) {
      const auto target = kernel.labels.find(branch.second);
      if (target == kernel.labels.end()) throw std::runtime_error("no label " + branch.second);
      Operand operand;
      operand.kind = Operand::label;
      operand.index = target->second;
      kernel.code[branch.first].operands = {operand};
    }
  }
};

}  // namespace

std::map<std::string, Kernel> parse_program(const std::string &source) {
  const std::string text = without_comments(source);
  std::map<std::string, Kernel> kernels;
  const std::string mark = ".entry ";
  for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
    const size_t open = text.find_first_of("({", at);
    Kernel kernel;
    std::unordered_map<std::string, uint64_t> shared{{"memory", UINT64_C(1) << 40}};
    size_t begin = open;
    if (text[open] == '(') {
      const size_t close = text.find(')', open);
      for (const std::string &part : split(text.substr(open + 1, close - open - 1))) {
        std::string name = part.substr(part.find_last_of(" \t") + 1);
        if (name.find('[') != std::string::npos)
          throw std::runtime_error("parameters are single numbers");
        kernel.parameters.push_back(name);
      }
      begin = text.find('{', close);
    }
    int depth = 0;
    size_t end = begin;
    do {
      if (text[end] == '{') depth++;
      if (text[end] == '}') depth--;
      end++;
    } while (depth > 0);
    Parser parser{kernel, shared, {}};
    parser.body(text.substr(begin + 1, end - begin - 2));
    // The start of the dynamic array is known only now.
    kernel.static_shared = (kernel.static_shared + 127) / 128 * 128;
    for (Instruction &instruction : kernel.code)
      for (Operand &operand : instruction.operands)
        if (operand.kind != Operand::reg && operand.value >> 40 == 1 &&
            instruction.words[0] != "and")
          operand.value = operand.value - (UINT64_C(1) << 40) + kernel.static_shared;
    kernels[trimmed(text.substr(at + mark.size(), open - at - mark.size()))] = kernel;
    at = end;
  }
  return kernels;
}
