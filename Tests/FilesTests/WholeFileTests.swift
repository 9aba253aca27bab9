import Files
import Foundation
import Testing

@Suite struct WholeFileTests {
  private func folder() throws -> URL {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("lab-\(UUID())")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url
  }

  @Test func `a file is replaced without leftovers`() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("a.txt")
    for text in ["one", "another"] {
      try WholeFile.write(Data(text.utf8), to: file)
      #expect(try String(contentsOf: file, encoding: .utf8) == text)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.txt"])
  }

  @Test func `temporary files of dead processes are deleted, those of running ones are not`() throws
  {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let host = String(
      ProcessInfo.processInfo.hostName.map {
        $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_"
      })
    // No process id exceeds the system's maximum.
    let dead = ".a.txt.\(host)-2147483646.partial"
    let kept = [".a.txt.\(host)-1.partial", ".a.txt.elsewhere-2147483646.partial", ".partial"]
    for name in [dead] + kept { try Data().write(to: folder.appendingPathComponent(name)) }
    try WholeFile.write(Data(), to: folder.appendingPathComponent("b"))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(Set(names) == Set(kept + ["b"]))
  }

  @Test func `a link is followed, and devices and pipes are not replaced`() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let (link, file) = (folder.appendingPathComponent("link"), folder.appendingPathComponent("a"))
    try Data("old".utf8).write(to: file)
    #expect(symlink("a", link.path) == 0)
    try WholeFile.store(Data("new".utf8), at: link)
    #expect(try String(contentsOf: file, encoding: .utf8) == "new")
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == "a")
    let pipe = folder.appendingPathComponent("pipe")
    #expect(mkfifo(pipe.path, 0o600) == 0)
    let reader = open(pipe.path, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    for place in [pipe, URL(fileURLWithPath: "/dev/null")] {
      let before = FileStatus(of: PathBytes(place.path))
      try WholeFile.store(Data("through".utf8), at: place)
      #expect(FileStatus(of: PathBytes(place.path))?.identity == before?.identity)
      #expect(FileStatus(of: PathBytes(place.path))?.kind != .file)
    }
    var bytes = [UInt8](repeating: 0, count: 16)
    #expect(read(reader, &bytes, 16) == 7)
    let error = #expect(throws: POSIXError.self) {
      try WholeFile.store(Data("x".utf8), at: URL(fileURLWithPath: "/dev/full"))
    }
    #expect(error?.code == .ENOSPC)
  }

  @Test func `an unwritable path gives the system's reason`() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let error = #expect(throws: POSIXError.self) {
      try WholeFile.write(Data(), to: folder.appendingPathComponent("none/a"))
    }
    #expect(error?.code == .ENOENT)
    let place = folder.appendingPathComponent("place")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    #expect(throws: POSIXError.self) { try WholeFile.write(Data("a".utf8), to: place) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["place"])
  }
}
