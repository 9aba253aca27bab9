import Files
import Foundation
import Testing

@Suite struct WholeFileTests {
  private func folder() throws -> URL {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("lab-\(UUID())")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url
  }

  @Test func `a file is replaced and nothing else is left`() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("a.txt")
    for text in ["one", "another"] {
      try WholeFile.write(Data(text.utf8), to: file)
      #expect(try String(contentsOf: file, encoding: .utf8) == text)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.txt"])
  }

  @Test func `what a dead process left is deleted, what a living one writes is not`() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let host = String(
      ProcessInfo.processInfo.hostName.map {
        $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_"
      })
    // No process has a number beyond the system's most.
    let dead = ".a.txt.\(host)-2147483646.partial"
    let kept = [".a.txt.\(host)-1.partial", ".a.txt.elsewhere-2147483646.partial", ".partial"]
    for name in [dead] + kept { try Data().write(to: folder.appendingPathComponent(name)) }
    try WholeFile.write(Data(), to: folder.appendingPathComponent("b"))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(Set(names) == Set(kept + ["b"]))
  }

  @Test func `a place that cannot be written is the system's reason`() throws {
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
