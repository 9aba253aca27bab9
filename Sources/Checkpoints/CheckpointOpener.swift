import Files
import Tensors

extension Checkpoint {
  /// Opens a file of weights: safetensors, an index of safetensors shards, PyTorch's or NumPy's,
  /// which its first bytes tell.
  ///
  /// - Throws: `CheckpointError` or `TensorsError`: what the file is, and what to do where it is of
  ///   no such format.
  package static func open(_ path: PathBytes) throws -> Checkpoint {
    let file = try MappedFile(path)
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
    if bytes.first == UInt8(ascii: "{") { return try SafetensorsCheckpoint.openIndex(file) }
    return try SafetensorsCheckpoint.open(file)
  }
}
