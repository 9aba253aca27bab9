import Foundation
import Testing

/// The script that writes the built commit into the program.
@Suite struct BuildCommitTests {
  private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Scripts/build-commit.sh")

  @discardableResult
  private func sh(_ command: String, in folder: URL) throws -> String {
    try Shell.run(command, in: folder).output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The commit that a build of `folder` would contain.
  private func commit(_ folder: URL) throws -> String {
    try sh("'\(Self.script.path)' . out.swift", in: folder)
    let text = try String(
      contentsOf: folder.appendingPathComponent("out.swift"), encoding: .utf8)
    return String(try #require(text.firstMatch(of: /String \{ "(.*)" \}/)).1)
  }

  @Test func `a commit, a change, no repository and a foreign repository are distinguished`() throws
  {
    let folder = try Workplace()
    try #require(try !sh("command -v git", in: folder.url).isEmpty, "git is not installed")
    #expect(try commit(folder.url) == "")
    try sh(
      """
      mkdir Sources && echo 1 > Sources/a.swift && git init -q . && git add Sources && \
      git -c user.name=n -c user.email=e@example.org commit -q -m m
      """, in: folder.url)
    let head = try sh("git rev-parse HEAD", in: folder.url)
    #expect(head.count == 40)
    #expect(try commit(folder.url) == head)
    let before = try sh("stat -c %i out.swift 2>/dev/null || stat -f %i out.swift", in: folder.url)
    #expect(try commit(folder.url) == head)
    // The same file, so nothing is compiled again.
    #expect(
      try sh("stat -c %i out.swift 2>/dev/null || stat -f %i out.swift", in: folder.url) == before)
    try folder.write("new", to: "Sources/b.swift")
    #expect(try commit(folder.url) == head + "-dirty")
    let inner = folder.url.appendingPathComponent("unpacked")
    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
    #expect(try commit(inner) == "")
  }
}
