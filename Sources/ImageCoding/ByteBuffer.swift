/// A byte buffer that is reused for one image after the other, without clearing.
///
/// It grows as needed; the memory of an exceptionally large image is released at the next one.
struct ByteBuffer: ~Copyable {
  /// Bytes that are always kept: a picture of 5 million pixels.
  private static let kept = 1 << 24

  private(set) var count = 0
  private var storage = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 16)

  /// Bytes in memory.
  var capacity: Int { storage.count }

  /// The first byte; valid until the next ``reserve(_:)``.
  var start: UnsafeMutablePointer<UInt8> {
    guard let start = storage.baseAddress else { fatalError("The buffer is never empty.") }
    return start
  }

  /// Makes room for `count` bytes, whose content is undefined.
  mutating func reserve(_ count: Int) {
    let isWasteful = storage.count > ByteBuffer.kept && count < storage.count / 2
    if count > storage.count || isWasteful {
      storage.deallocate()
      storage = .allocate(capacity: max(1, count))
    }
    self.count = count
  }

  /// Keeps the first `count` bytes.
  mutating func truncate(to count: Int) {
    precondition(count <= self.count, "A buffer does not grow by being truncated.")
    self.count = count
  }

  /// Takes a copy of `bytes`.
  mutating func replace(with bytes: [UInt8]) {
    reserve(bytes.count)
    _ = storage.update(fromContentsOf: bytes)
  }

  deinit { storage.deallocate() }
}

/// Pixels in a buffer owned by someone else, `[height][width][3]`.
struct PixelView {
  let start: UnsafePointer<UInt8>
  let width: Int
  let height: Int

  init(start: UnsafePointer<UInt8>, width: Int, height: Int) {
    self.start = start
    self.width = width
    self.height = height
  }

  func copied() -> RGBImage {
    RGBImage(
      width: width, height: height,
      pixels: Array(UnsafeBufferPointer(start: start, count: 3 * width * height)))
  }
}
