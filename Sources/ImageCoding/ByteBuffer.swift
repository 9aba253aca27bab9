/// Bytes that grow as needed, are never cleared and stay in place until they grow.
struct ByteBuffer: ~Copyable {
  private(set) var count = 0
  private var storage = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 16)

  /// The first byte; valid until the next ``resize(to:)``.
  var start: UnsafeMutablePointer<UInt8> {
    guard let start = storage.baseAddress else { fatalError("The buffer is never empty.") }
    return start
  }

  /// Makes room for `count` bytes, whose content is undefined if the buffer had to grow.
  mutating func resize(to count: Int) {
    if count > storage.count {
      storage.deallocate()
      storage = .allocate(capacity: max(count, storage.count + storage.count / 2))
    }
    self.count = count
  }

  /// Takes a copy of `bytes`.
  mutating func replace(with bytes: [UInt8]) {
    resize(to: bytes.count)
    _ = storage.update(fromContentsOf: bytes)
  }

  deinit { storage.deallocate() }
}

/// Pixels that live in someone else's buffer, `[height][width][3]`.
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
