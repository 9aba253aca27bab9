import Foundation

/// The demo model's weights are in none of the places where the program looks for them.
package struct DemoModelError: Error, Equatable, CustomStringConvertible {
  /// The files looked for, in order.
  package let searched: [String]

  package var description: String {
    "demo_vit: its weights were not found; looked for \(searched.joined(separator: ", ")); "
      + "run the program from within the package's folder, which holds \(DemoModel.relativePath)"
  }
}

/// The trained model that belongs to `DemoDataset`.
package enum DemoModel {
  /// The name under which the weights' architecture is known.
  package static let name = "demo_vit"
  /// The weights' place in the package's folder: F16 safetensors with timm's keys.
  package static let relativePath = "Datasets/demo/demo_vit.safetensors"

  /// Where the weights are, whatever folder the program is started in.
  ///
  /// Looks in the folders around the executable (of an installed program, or of a build), then in
  /// those around the working directory, then in the package that it was built from. Reading the
  /// file instead of embedding it keeps the build short: as a literal in Swift its 2.7 MB take
  /// minutes to compile.
  ///
  /// - Throws: `DemoModelError` with the places searched.
  package static func weightsURL() throws -> URL {
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let executable = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
    let working = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
    return try weightsURL(
      packageFolder: package,
      startingPoints: [
        executable.resolvingSymlinksInPath().deletingLastPathComponent(), working,
      ])
  }

  /// The first weights file in a starting point or a folder above it, or in `packageFolder`.
  static func weightsURL(packageFolder: URL, startingPoints: [URL]) throws -> URL {
    let folders = startingPoints.flatMap(foldersAbove) + [packageFolder]
    let candidates = folders.map { $0.appendingPathComponent(relativePath) }
    if let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0.path) }) {
      return found
    }
    var searched: [String] = []
    for path in candidates.map(\.path) where !searched.contains(path) { searched.append(path) }
    throw DemoModelError(searched: searched)
  }

  /// `folder` and those that hold it, innermost first.
  private static func foldersAbove(_ folder: URL) -> [URL] {
    var folder = folder.standardizedFileURL
    var folders = [folder]
    while folder.path != "/", folders.count < 64 {
      folder = folder.deletingLastPathComponent()
      folders.append(folder)
    }
    return folders
  }
}
