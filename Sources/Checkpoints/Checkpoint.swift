import Files

/// A tensor file of any supported format: names and shapes are read immediately, values only on
/// request.
package final class Checkpoint: Sendable {
  package enum Format: String, Sendable {
    case safetensors
    /// `torch.save`, zipped (PyTorch 1.6 and later) or not.
    case torch = "PyTorch"
    /// `numpy.savez`.
    case numpy = "NumPy"
  }

  package let path: PathBytes
  package let format: Format
  package let tensors: [String: StoredTensor]
  /// Other metadata of the file, from safetensors.
  package let metadata: [String: String]
  private let sources: [Source]

  /// A block of memory that contains tensors.
  enum Source: Sendable {
    case mapped(MappedFile)
    /// A member of an archive that was stored compressed.
    case unpacked([UInt8])
  }

  init(
    path: PathBytes, format: Format, tensors: [String: StoredTensor],
    metadata: [String: String] = [:], sources: [Source]
  ) {
    self.path = path
    self.format = format
    self.tensors = tensors
    self.metadata = metadata
    self.sources = sources
  }

  /// The tensors of this file and of another one; for a name in both, this one's.
  func joined(with other: Checkpoint) -> Checkpoint {
    let moved = other.tensors.mapValues { tensor in
      StoredTensor(
        type: tensor.type, shape: tensor.shape, offset: tensor.offset, strides: tensor.strides,
        source: tensor.source + sources.count)
    }
    return Checkpoint(
      path: path, format: other.format, tensors: tensors.merging(moved) { first, _ in first },
      metadata: metadata, sources: sources + other.sources)
  }

  /// Every file that it reads: the shards after their index.
  package var files: [PathBytes] {
    var files = [path]
    for case .mapped(let file) in sources where file.path != path { files.append(file.path) }
    return files
  }

  /// Calls `body` with a tensor's values as float32 in row-major order, directly in the mapped file
  /// if it stores them that way.
  ///
  /// Afterwards, the pages are released, so that a file and its copy on a device are never
  /// completely in memory at the same time.
  /// - Throws: `CheckpointError.missingTensor`, and what `body` throws.
  package func withFloats<Result>(
    _ name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    guard let tensor = tensors[name] else {
      throw CheckpointError.missingTensor(path: path, name: name)
    }
    switch sources[tensor.source] {
    case .mapped(let file):
      let extent = tensor.extent ?? 0
      defer { file.release(tensor.offset..<(tensor.offset + extent)) }
      return try Self.withFloats(tensor, file.bytes, body)
    case .unpacked(let bytes):
      return try bytes.withUnsafeBytes { try Self.withFloats(tensor, $0, body) }
    }
  }

  /// A tensor's values as float32 in row-major order.
  ///
  /// - Throws: `CheckpointError.missingTensor`.
  package func floats(_ name: String) throws -> [Float] { try withFloats(name) { Array($0) } }

  private static func withFloats<Result>(
    _ tensor: StoredTensor, _ bytes: UnsafeRawBufferPointer,
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    let count = tensor.count
    if tensor.type == .float32, tensor.isContiguous, count > 0, let base = bytes.baseAddress {
      let start = base + tensor.offset
      if Int(bitPattern: start) % MemoryLayout<Float>.alignment == 0 {
        return try body(
          UnsafeBufferPointer(start: start.assumingMemoryBound(to: Float.self), count: count))
      }
    }
    let values = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      tensor.copy(
        from: bytes, to: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
    return try values.withUnsafeBufferPointer(body)
  }
}
