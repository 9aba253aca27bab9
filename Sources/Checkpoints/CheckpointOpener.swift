import Files
import Tensors

extension Checkpoint {
  /// Opens a weight file: safetensors, PyTorch, NumPy or an index of shards, recognized by its
  /// first bytes.
  ///
  /// - Throws: `CheckpointError` or `TensorsError`: what the file is, and what to do where it is of
  ///   no such format.
  package static func open(_ path: PathBytes) throws -> Checkpoint {
    let file = try MappedFile(path)
    // The size at the beginning of a safetensors file may begin with this byte; zeros follow it.
    if file.bytes.first == UInt8(ascii: "{"), !file.bytes.prefix(8).contains(0) {
      return try ShardIndex.open(file)
    }
    return try open(file)
  }

  /// One file of an index, which is no index itself.
  static func openShard(_ path: PathBytes) throws -> Checkpoint {
    try open(try MappedFile(path))
  }

  private static func open(_ file: MappedFile) throws -> Checkpoint {
    let path = file.path
    let bytes = file.bytes
    if bytes.starts(with: "PK\u{3}\u{4}".utf8) {
      let archive: ZipArchive
      do {
        archive = try ZipArchive(bytes)
      } catch {
        guard case .malformed(let reason) = error else { throw error }
        throw CheckpointError.malformed(path: path, format: "zip", reason: reason)
      }
      if archive.members.contains(where: { $0.name.hasSuffix(".npy") }) {
        return try NumpyArchive.open(file, archive)
      }
      return try TorchCheckpoint.open(file, archive)
    }
    // PROTO 2, LONG1 of ten bytes.
    if bytes.starts(with: [0x80, 0x02, 0x8A, 0x0A] + TorchCheckpoint.legacyMagic) {
      return try TorchCheckpoint.openLegacy(file)
    }
    if let sentence = ForeignFormat.sentence(bytes) {
      throw CheckpointError.unknownFormat(path: path, kind: sentence)
    }
    // A safetensors file says how long its header is, and the header is a JSON object.
    guard bytes.count < 9 || bytes[8] == UInt8(ascii: "{") else {
      throw CheckpointError.unknownFormat(
        path: path,
        kind: "is not a weights file that lab reads: safetensors, PyTorch's .pth and .bin, NumPy's "
          + ".npz, or an index of safetensors")
    }
    return try SafetensorsCheckpoint.open(file)
  }
}
