import Testing

@testable import ImageCoding

@Suite struct `Image buffers` {
  @Test func `grow to the requested size and are kept for smaller images`() {
    var buffer = ByteBuffer()
    buffer.reserve(1_000_000)
    #expect(buffer.capacity >= 1_000_000)
    let start = buffer.start
    buffer.reserve(10)
    #expect(buffer.start == start)
    #expect(buffer.count == 10)
  }

  @Test func `release the memory of exceptionally large images`() {
    var buffer = ByteBuffer()
    buffer.reserve(100_000_000)
    #expect(buffer.capacity >= 100_000_000)
    buffer.reserve(60_000_000)
    #expect(buffer.capacity >= 100_000_000)
    buffer.reserve(1000)
    #expect(buffer.capacity < 1 << 24)
  }

  @Test func `keep their content when truncated`() {
    var buffer = ByteBuffer()
    buffer.replace(with: [1, 2, 3, 4])
    buffer.truncate(to: 2)
    #expect(buffer.count == 2)
    #expect(buffer.start[1] == 2)
  }
}
