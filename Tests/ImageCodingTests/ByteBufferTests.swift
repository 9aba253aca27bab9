import Testing

@testable import ImageCoding

@Suite struct `Buffers of pictures` {
  @Test func `grow to what is asked for and stay for smaller pictures`() {
    var buffer = ByteBuffer()
    buffer.reserve(1_000_000)
    #expect(buffer.capacity >= 1_000_000)
    let start = buffer.start
    buffer.reserve(10)
    #expect(buffer.start == start)
    #expect(buffer.count == 10)
  }

  @Test func `give an exceptionally large picture's memory back`() {
    var buffer = ByteBuffer()
    buffer.reserve(100_000_000)
    #expect(buffer.capacity >= 100_000_000)
    buffer.reserve(60_000_000)
    #expect(buffer.capacity >= 100_000_000)
    buffer.reserve(1000)
    #expect(buffer.capacity < 1 << 24)
  }

  @Test func `keep what was written when they are truncated`() {
    var buffer = ByteBuffer()
    buffer.replace(with: [1, 2, 3, 4])
    buffer.truncate(to: 2)
    #expect(buffer.count == 2)
    #expect(buffer.start[1] == 2)
  }
}
