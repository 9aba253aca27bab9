import Files
import Foundation
import Tensors

/// Safetensors files.
enum SafetensorsCheckpoint {
  static func open(_ file: MappedFile) throws -> Checkpoint {
    let read = try SafetensorsFile(path: file.path)
    let tensors = read.entries.mapValues { entry in
      StoredTensor(
        type: entry.type, shape: entry.shape, offset: entry.bytes.lowerBound,
        strides: StoredTensor.contiguous(entry.shape), source: 0)
    }
    return Checkpoint(
      path: file.path, format: .safetensors, tensors: tensors, metadata: read.metadata,
      sources: [.mapped(file)])
  }
}
