import Tensors

/// One allocation of GPU memory, freed with the last tensor in it.
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

  /// `bytes` bytes of the chunk at `offset`, as a tensor's storage.
  func storage(offset: Int = 0, bytes: Int) -> Storage {
    // The closure keeps the chunk alive.
    Storage(address: address + offset, byteCount: bytes) { [self] _ in withExtendedLifetime(self) {}
    }
  }
}

/// Allocates consecutive parts of one chunk or, without a chunk, adds up the bytes that are needed.
struct Arena {
  /// The alignment of every address, sufficient for the widest loads and for cuBLASLt's fastest
  /// kernels.
  static let alignment = 256

  /// `nil` while bytes are only added up.
  private let chunk: MemoryChunk?
  private(set) var used = 0

  init(chunk: MemoryChunk?) { self.chunk = chunk }

  var isMeasuring: Bool { chunk == nil }

  static func aligned(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }

  /// Returns `nil` if the chunk is too small.
  mutating func allocate(bytes: Int) -> Storage? {
    let offset = used
    guard let chunk else {
      used += Self.aligned(bytes)
      // This address is never used: the second run has a chunk.
      return UnsafeMutableRawPointer(bitPattern: Self.alignment).map {
        Storage(address: $0, byteCount: bytes) { _ in }
      }
    }
    guard offset + bytes <= chunk.bytes else { return nil }
    used += Self.aligned(bytes)
    return chunk.storage(offset: offset, bytes: bytes)
  }
}
