import Foundation

/// The stored reference data.
package enum Fixtures {
  package static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures")

  package static func url(_ path: String) -> URL { root.appendingPathComponent(path) }

  /// The names of the files in a folder without extension, sorted.
  package static func names(in folder: String) -> [String] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: url(folder).path)) ?? []
    return files.map { ($0 as NSString).deletingPathExtension }.sorted()
  }
}

/// The largest absolute difference between two lists; infinite if their lengths differ, if they are
/// empty, or if a value is NaN.
package func largestDifference(_ left: some Collection<Float>, _ right: some Collection<Float>)
  -> Float
{
  guard left.count == right.count, !left.isEmpty else { return .infinity }
  var maximum: Float = 0
  for (a, b) in zip(left, right) {
    // -infinity marks tokens that must not be merged.
    if a == b { continue }
    let difference = abs(a - b)
    if !(difference <= maximum) { maximum = difference.isNaN ? .infinity : difference }
  }
  return maximum
}
