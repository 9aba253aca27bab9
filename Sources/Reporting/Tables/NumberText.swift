import Foundation

/// A number with `digits` decimals; the minus sign is the typographic one.
func fixed(_ value: Double, digits: Int) -> String {
  let text = plain(value, digits: digits)
  return text.hasPrefix("-") ? "−" + text.dropFirst() : text
}

/// A number with `digits` decimals for machines: with an ASCII minus sign, and never `-0`.
func plain(_ value: Double, digits: Int) -> String {
  // The largest number has 309 digits before its point. A page has thousands of coordinates, for
  // which Foundation's formats take far longer.
  let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 320 + digits) { buffer in
    _ = withVaList([value]) { vsnprintf(buffer.baseAddress, buffer.count, "%.\(digits)f", $0) }
    return buffer.baseAddress.map { String(cString: $0) } ?? ""
  }
  let isZero = text.allSatisfy { "-0.".contains($0) }
  return isZero && text.hasPrefix("-") ? String(text.dropFirst()) : text
}

/// A number with at most `digits` decimals and no trailing zeros, for machines.
func trimmed(_ value: Double, digits: Int) -> String {
  var text = plain(value, digits: digits)
  guard text.contains(".") else { return text }
  while text.hasSuffix("0") { text.removeLast() }
  if text.hasSuffix(".") { text.removeLast() }
  return text
}

/// A non-negative number with about `digits` significant digits, and at most three decimals.
func significant(_ value: Double, _ digits: Int = 4) -> String {
  fixed(value, digits: decimals(value, significant: digits))
}

/// The number of decimals that show `digits` significant digits of `value`, 0…3.
func decimals(_ value: Double, significant digits: Int) -> Int {
  guard value.isFinite, value != 0 else { return 0 }
  let whole = Int(log10(abs(value)).rounded(.down)) + 1
  return min(3, max(0, digits - whole))
}

/// A difference with its sign, for example `+0.3` or `−1.2`.
func signed(_ value: Double, digits: Int) -> String {
  let text = fixed(value, digits: digits)
  return text.hasPrefix("−") || text.allSatisfy({ "0.".contains($0) }) ? text : "+" + text
}

/// A count with thousands separators, for example `50,000`.
func grouped(_ count: Int) -> String {
  let digits = Array(String(count.magnitude))
  var text = ""
  for (i, digit) in digits.enumerated() {
    if i > 0, (digits.count - i).isMultiple(of: 3) { text.append(",") }
    text.append(digit)
  }
  return count < 0 ? "−" + text : text
}
