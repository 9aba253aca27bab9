import Foundation

/// The code in CONTRIBUTING.md, which tests compile and run so that it stays current.
package enum ContributingPage {
  /// Whether the page contains the file `name`, from its first declaration on; the file is in the
  /// folder of the test.
  ///
  /// - Parameter test: `#filePath` of the test.
  package static func shows(_ name: String, of test: String) throws -> Bool {
    let folder = URL(fileURLWithPath: test).deletingLastPathComponent()
    let page = try String(
      contentsOf: folder.appendingPathComponent("../../CONTRIBUTING.md"), encoding: .utf8)
    let code = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    let blocks = page.components(separatedBy: "   ```swift\n").dropFirst().compactMap {
      $0.components(separatedBy: "   ```\n").first
    }
    return blocks.contains { block in
      let shown = block.split(separator: "\n", omittingEmptySubsequences: false)
        .map { $0.hasPrefix("   ") ? $0.dropFirst(3) : $0 }.joined(separator: "\n")
      return shown.hasPrefix("///") && code.hasSuffix("\n\n" + shown)
    }
  }
}
