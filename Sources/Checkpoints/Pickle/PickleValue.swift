import Tensors

/// A value in a pickle of weights; nothing in it was executed.
indirect enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  /// An integer of more than 64 bits, such as the magic number of old PyTorch files, little-endian.
  case longInteger([UInt8])
  case float(Double)
  case text(String)
  case bytes([UInt8])
  case tuple([PickleValue])
  case list(PickleList)
  case dictionary(PickleDictionary)
  /// A name that the pickle refers to, `module.name`; always one of those that are allowed.
  case global(String)
  /// A reference to a storage outside of the pickle.
  case persistent([PickleValue])
  case tensor(PickleTensor)
  /// An object that weights do not need and whose parts are not kept, such as the arguments of a
  /// training run.
  case opaque(String)

  var text: String? {
    if case .text(let value) = self { return value }
    return nil
  }

  var integer: Int? {
    if case .integer(let value) = self { return value }
    return nil
  }

  /// The integers of a tuple.
  var integers: [Int]? {
    guard case .tuple(let values) = self else { return nil }
    let integers = values.compactMap(\.integer)
    return integers.count == values.count ? integers : nil
  }
}

/// Lists and dictionaries are filled after they were remembered, so they are shared.
final class PickleList {
  var values: [PickleValue] = []
}

final class PickleDictionary {
  /// In the order of the file; a key that comes again replaces the one before, as in Python.
  private(set) var entries: [(key: PickleValue, value: PickleValue)] = []
  private var positions: [String: Int] = [:]

  func set(_ key: PickleValue, _ value: PickleValue) {
    if let name = key.text {
      if let position = positions[name] {
        entries[position].value = value
        return
      }
      positions[name] = entries.count
    }
    entries.append((key, value))
  }

  subscript(name: String) -> PickleValue? { positions[name].map { entries[$0].value } }
}

/// A tensor as PyTorch rebuilds it: a view of a storage.
struct PickleTensor {
  /// The storage's key and element type.
  let storage: String
  let type: ElementType
  /// In elements.
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}
