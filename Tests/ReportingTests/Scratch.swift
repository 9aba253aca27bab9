import Foundation

/// Runs `body` with an empty folder that is removed afterwards.
///
/// If `LAB_KEEP_TEST_OUTPUT` is a folder, the output is kept there for inspection.
func withScratchFolder<Result>(
  _ name: String, _ body: (URL) throws -> Result
) throws -> Result {
  let kept = ProcessInfo.processInfo.environment["LAB_KEEP_TEST_OUTPUT"]
  let folder =
    kept.map { URL(fileURLWithPath: $0).appendingPathComponent(name) }
    ?? FileManager.default.temporaryDirectory.appendingPathComponent("\(name)-\(UUID().uuidString)")
  try? FileManager.default.removeItem(at: folder)
  defer { if kept == nil { try? FileManager.default.removeItem(at: folder) } }
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  return try body(folder)
}
