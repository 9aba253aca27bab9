import Foundation
import Testing

@testable import Files

@Suite struct InputFileTests {
  /// A pipe that contains `text` and whose writer is closed.
  private func pipe(_ text: String) throws -> FileHandle {
    let pipe = Pipe()
    try pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    try pipe.fileHandleForWriting.close()
    return pipe.fileHandleForReading
  }

  @Test(arguments: ["/dev/fd/", "/proc/self/fd/"])
  func `input from the shell is read to its end`(_ folder: String) throws {
    let handle = try pipe("a spec")
    let path = folder + "\(handle.fileDescriptor)"
    #expect(InputFile.isStream(path))
    #expect(try InputFile.contents(of: path, maxBytes: 6) == Array("a spec".utf8))
  }

  @Test func `reading an endless stream stops`() throws {
    let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/dev/zero"))
    let error = #expect(throws: FileError.self) {
      try InputFile.contents(of: "/dev/fd/\(handle.fileDescriptor)", maxBytes: 1000)
    }
    #expect(error?.reason.hasSuffix("files of more than 1000 are not read") == true)
  }

  @Test func `a folder and a closed descriptor are refused`() throws {
    let folder = open("/", O_RDONLY)
    defer { close(folder) }
    #expect(throws: FileError.notRegular(path: PathBytes("/dev/fd/\(folder)"), kind: .folder)) {
      try InputFile.contents(of: "/dev/fd/\(folder)", maxBytes: 10)
    }
    #expect(throws: FileError.self) { try InputFile.contents(of: "/dev/fd/9999", maxBytes: 10) }
  }

  @Test(arguments: ["a.json", "/dev/fd/x", "/dev/fd/-1", "/dev/null", "-x", ""])
  func `other names are files`(_ path: String) { #expect(!InputFile.isStream(path)) }
}
