import Files

/// Files of `torch.save`: a zip of a pickle and its storages, or before PyTorch 1.6 pickles with
/// the storages behind them.
///
/// Source: PyTorch 2.9, torch/serialization.py (`_save`, `_legacy_save`).
enum TorchCheckpoint {
  /// 0x1950a86a20f9469cfc6c, with which an old file begins as a pickled integer.
  static let legacyMagic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  /// The zipped format.
  static func open(_ file: MappedFile, _ archive: ZipArchive) throws(CheckpointError) -> Checkpoint
  {
    func malformed(_ reason: String) -> CheckpointError {
      .malformed(path: file.path, format: "PyTorch", reason: reason)
    }
    guard let pickle = archive.members.first(where: { $0.name.hasSuffix("/data.pkl") }) else {
      throw malformed("the zip has no data.pkl, so torch.save did not write it")
    }
    guard !pickle.isDeflated else { throw malformed("its data.pkl is compressed") }
    let folder = String(pickle.name.dropLast("data.pkl".count))
    if let order = archive.members.first(where: { $0.name == folder + "byteorder" }),
      String(decoding: file.bytes[order.stored], as: UTF8.self) == "big"
    {
      throw malformed("it is of a big-endian machine; save it again on another")
    }
    var reader = PickleReader(UnsafeRawBufferPointer(rebasing: file.bytes[pickle.stored]))
    let value = try read(&reader, file.path).value
    var members: [String: ZipArchive.Member] = [:]
    for member in archive.members { members[member.name] = member }
    return try checkpoint(file, value) { tensor throws(CheckpointError) in
      guard let member = members[folder + "data/" + tensor.storage], !member.isDeflated else {
        throw malformed("storage \(tensor.storage) is missing")
      }
      return member.stored
    }
  }

  /// The format before 1.6: magic number, protocol, system, object, storage keys, then each storage
  /// behind its length.
  static func openLegacy(_ file: MappedFile) throws(CheckpointError) -> Checkpoint {
    func malformed(_ reason: String) -> CheckpointError {
      .malformed(path: file.path, format: "PyTorch", reason: reason)
    }
    var position = 0
    var parts: [PickleValue] = []
    for _ in 0..<5 {
      var reader = PickleReader(file.bytes, at: position)
      let (value, end) = try read(&reader, file.path)
      parts.append(value)
      position = end
    }
    guard case .list(let keys) = parts[4] else { throw malformed("it has no list of storages") }
    let object = parts[3]
    var widths: [String: Int] = [:]
    visit(object, prefix: "") { _, tensor in widths[tensor.storage] = tensor.type.byteCount }
    var storages: [String: Range<Int>] = [:]
    var reader = ByteReader(file.bytes, at: position)
    do {
      for key in keys.values {
        guard let name = key.text else { throw malformed("a storage of it has no name") }
        let count = try reader.count(Int64.self)
        // A storage that no tensor reads is of unknown width, and so is the place of all behind it.
        guard let width = widths[name] else {
          throw malformed("storage \(name) belongs to no tensor; save the state_dict alone")
        }
        let (bytes, overflows) = count.multipliedReportingOverflow(by: width)
        guard !overflows else { throw malformed("storage \(name) says it has \(count) numbers") }
        let start = reader.position
        _ = try reader.take(bytes)
        storages[name] = start..<(start + bytes)
      }
    } catch let error as CheckpointError {
      throw error
    } catch {
      throw malformed("it ends inside a storage; it may be cut short")
    }
    return try checkpoint(file, object) { tensor throws(CheckpointError) in
      guard let range = storages[tensor.storage] else {
        throw malformed("storage \(tensor.storage) is missing")
      }
      return range
    }
  }

  private static func read(
    _ reader: inout PickleReader, _ path: PathBytes
  ) throws(CheckpointError) -> (value: PickleValue, end: Int) {
    do {
      return try reader.read()
    } catch {
      switch error {
      case .malformed(let reason):
        throw .malformed(path: path, format: "PyTorch", reason: "its pickle is broken: \(reason)")
      case .refusedGlobal(let name): throw .refusedGlobal(path: path, name: name)
      }
    }
  }

  private static func checkpoint(
    _ file: MappedFile, _ value: PickleValue,
    storage: (PickleTensor) throws(CheckpointError) -> Range<Int>
  ) throws(CheckpointError) -> Checkpoint {
    var found: [(String, PickleTensor)] = []
    visit(value, prefix: "") { found.append(($0, $1)) }
    var tensors: [String: StoredTensor] = [:]
    for (name, tensor) in found {
      let range = try storage(tensor)
      let (skipped, overflows) = tensor.offset.multipliedReportingOverflow(
        by: tensor.type.byteCount)
      guard !overflows, skipped >= 0, skipped <= range.count else {
        throw outside(name, file)
      }
      let stored = StoredTensor(
        type: tensor.type, shape: tensor.shape, offset: range.lowerBound + skipped,
        strides: tensor.strides, source: 0)
      guard stored.fits(range.upperBound) else { throw outside(name, file) }
      tensors[name] = stored
    }
    guard !tensors.isEmpty else {
      throw .malformed(
        path: file.path, format: "PyTorch",
        reason: "it has no tensors; save the weights with torch.save(model.state_dict(), …)")
    }
    return Checkpoint(path: file.path, format: .torch, tensors: tensors, sources: [.mapped(file)])
  }

  private static func outside(_ name: String, _ file: MappedFile) -> CheckpointError {
    .malformed(
      path: file.path, format: "PyTorch", reason: "tensor \(name) lies outside its storage")
  }

  /// Every tensor of nested dictionaries and lists, with the keys that lead to it joined by dots.
  private static func visit(
    _ value: PickleValue, prefix: String, depth: Int = 0, _ body: (String, PickleTensor) -> Void
  ) {
    // Deeper than any checkpoint; a dictionary may hold itself.
    guard depth < 16 else { return }
    func name(_ key: String) -> String { prefix.isEmpty ? key : "\(prefix).\(key)" }
    switch value {
    case .tensor(let tensor): body(prefix, tensor)
    case .dictionary(let dictionary):
      for (key, value) in dictionary.entries {
        guard let own = key.text ?? key.integer.map(String.init) else { continue }
        visit(value, prefix: name(own), depth: depth + 1, body)
      }
    case .list(let list):
      for (index, value) in list.values.enumerated() {
        visit(value, prefix: name("\(index)"), depth: depth + 1, body)
      }
    case .tuple(let values):
      for (index, value) in values.enumerated() {
        visit(value, prefix: name("\(index)"), depth: depth + 1, body)
      }
    case .none, .bool, .integer, .longInteger, .float, .text, .bytes, .global, .persistent, .opaque:
      break
    }
  }
}
