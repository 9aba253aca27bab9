import Tensors

/// One piece of a card's memory, freed with the last tensor in it.
final class MemoryChunk {
  let address: UnsafeMutableRawPointer
  let bytes: Int
  private let card: CUDACard

  init(_ card: CUDACard, bytes: Int) throws(TensorsError) {
    address = try card.allocate(bytes: bytes)
    self.bytes = bytes
    self.card = card
  }

  deinit { card.free(address, bytes: bytes) }

  /// The first part of the chunk as a tensor's memory.
  func storage(offset: Int = 0, bytes: Int) -> Storage {
    // The closure alone keeps the chunk.
    Storage(address: address + offset, byteCount: bytes) { [self] _ in withExtendedLifetime(self) {}
    }
  }
}

/// Hands out one chunk from its start, or only adds up what would be needed.
struct Arena {
  /// What every address is a multiple of: the widest loads, and cuBLASLt's fastest kernels.
  static let alignment = 256

  /// `nil` while needs are added up.
  private let chunk: MemoryChunk?
  private(set) var used = 0

  init(chunk: MemoryChunk?) { self.chunk = chunk }

  var isMeasuring: Bool { chunk == nil }

  static func aligned(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }

  /// `nil` where the chunk is too small.
  mutating func allocate(bytes: Int) -> Storage? {
    let offset = used
    guard let chunk else {
      used += Self.aligned(bytes)
      // Never read or written: the second run has the memory.
      return UnsafeMutableRawPointer(bitPattern: Self.alignment).map {
        Storage(address: $0, byteCount: bytes) { _ in }
      }
    }
    guard offset + bytes <= chunk.bytes else { return nil }
    used += Self.aligned(bytes)
    return chunk.storage(offset: offset, bytes: bytes)
  }
}
