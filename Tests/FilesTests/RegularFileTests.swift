import Files
import Foundation
import Testing

@Suite struct RegularFileTests {
  private let folder: PathBytes

  init() throws {
    let url = FileManager.default.temporaryDirectory
      .appending(path: "files-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    folder = PathBytes(url.path)
  }

  private func write(_ bytes: [UInt8], to name: PathBytes) throws -> PathBytes {
    let path = folder / name
    let descriptor = path.withCString { open($0, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    #expect(Foundation.write(descriptor, bytes, bytes.count) == bytes.count)
    return path
  }

  @Test func `a file is read completely and in parts`() throws {
    let path = try write(Array(0..<200), to: "a")
    #expect(try RegularFile.contents(of: path, maxBytes: 200) == Array(0..<200))
    let file = try RegularFile(path)
    #expect(try file.bytes(from: 190) == Array(190..<200))
    #expect(try file.bytes(from: 10, count: 3) == [10, 11, 12])
    #expect(try file.bytes(from: 300, count: 3) == [])
  }

  @Test func `a file is found under a name that is not UTF-8`() throws {
    let name = PathBytes(bytes: [0x63, 0x61, 0x66, 0xE9])
    let path = try write([1], to: name)
    #expect(try RegularFile.contents(of: path, maxBytes: 1) == [1])
    #expect(FileStatus(of: path)?.size == 1)
  }

  @Test func `a pipe is refused without waiting`() throws {
    let path = folder / "pipe"
    #expect(path.withCString { mkfifo($0, 0o600) } == 0)
    #expect(throws: FileError.notRegular(path: path, kind: .pipe)) {
      try RegularFile.contents(of: path, maxBytes: 100)
    }
  }

  @Test func `a link to an endless device is refused`() throws {
    let path = folder / "zero.png"
    #expect(path.withCString { symlink("/dev/zero", $0) } == 0)
    #expect(throws: FileError.notRegular(path: path, kind: .device)) {
      try RegularFile.contents(of: path, maxBytes: 100)
    }
  }

  @Test func `a folder is refused`() throws {
    #expect(throws: FileError.notRegular(path: folder, kind: .folder)) {
      try RegularFile.contents(of: folder, maxBytes: 100)
    }
  }

  @Test func `a sparse file of a terabyte is refused before it is read`() throws {
    let path = try write([], to: "sparse")
    #expect(path.withCString { truncate($0, 1 << 40) } == 0)
    #expect(throws: FileError.tooLarge(path: path, bytes: 1 << 40, maximum: 1 << 30)) {
      try RegularFile.contents(of: path, maxBytes: 1 << 30)
    }
  }

  @Test func `each reason completes a sentence`() {
    let path: PathBytes = "/x"
    #expect(
      FileError.notRegular(path: path, kind: .pipe).description
        == "/x: is a pipe; only regular files are read")
    #expect(
      FileError.tooLarge(path: path, bytes: 11, maximum: 10).description
        == "/x: has 11 bytes; files of more than 10 are not read")
    #expect(
      FileError.unreadable(path: path, reason: "No such file or directory").description
        == "/x: cannot be read (No such file or directory)")
  }
}
