import Foundation

/// What made a record: the program's version, and the commit of its sources where that is known.
package enum Program {
  package static let version = "0.1.0"

  /// The commit checked out where the program was built; empty without its sources.
  package static let commit = commitOfSources(at: URL(fileURLWithPath: #filePath))

  /// Reads git's own files, so that no git is needed.
  static func commitOfSources(at file: URL) -> String {
    var folder = file.deletingLastPathComponent()
    while folder.path != "/" {
      let git = folder.appendingPathComponent(".git")
      if FileManager.default.fileExists(atPath: git.path) { return head(of: git) }
      folder.deleteLastPathComponent()
    }
    return ""
  }

  private static func head(of git: URL) -> String {
    func line(_ url: URL) -> String? {
      (try? String(contentsOf: url, encoding: .utf8))?
        .trimmingCharacters(in: .whitespacesAndNewlines)
    }
    var folder = git
    // In a worktree `.git` is a file that names the real folder.
    if let link = line(git), link.hasPrefix("gitdir: ") {
      folder = URL(fileURLWithPath: String(link.dropFirst("gitdir: ".count)))
    }
    guard let head = line(folder.appendingPathComponent("HEAD")) else { return "" }
    guard head.hasPrefix("ref: ") else { return head }
    let reference = String(head.dropFirst("ref: ".count))
    let common = line(folder.appendingPathComponent("commondir")).map {
      URL(fileURLWithPath: $0, relativeTo: folder)
    }
    for root in [folder, common].compactMap({ $0 }) {
      if let commit = line(root.appendingPathComponent(reference)) { return commit }
      let packed = line(root.appendingPathComponent("packed-refs")) ?? ""
      for entry in packed.split(separator: "\n") where entry.hasSuffix(" \(reference)") {
        return String(entry.prefix { $0 != " " })
      }
    }
    return ""
  }
}
