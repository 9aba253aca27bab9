import Foundation
import PackagePlugin

/// Writes a Swift file with the texts of a target's folder `Kernels`, `Resources` or `Devices`.
///
/// SwiftPM's own `.embedInCode` writes them as array literals of bytes, which take the compiler a
/// minute; as string literals they take no time.
@main
struct EmbedText: BuildToolPlugin {
  private static let folders = ["Kernels", "Resources", "Devices"]

  func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
    let files = try Self.folders.flatMap { name -> [URL] in
      let folder = target.directoryURL.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
      return try FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: nil)
    }.filter { $0.pathExtension != "md" && !$0.lastPathComponent.hasPrefix(".") }
      .sorted { $0.lastPathComponent < $1.lastPathComponent }
    let script = context.package.directoryURL.appendingPathComponent("Scripts/embed-text.sh")
    let output = context.pluginWorkDirectoryURL.appendingPathComponent("EmbeddedText.swift")
    return [
      .buildCommand(
        displayName: "Texts of \(target.name)", executable: URL(fileURLWithPath: "/bin/sh"),
        arguments: [script.path, output.path] + files.map(\.path),
        inputFiles: [script] + files, outputFiles: [output])
    ]
  }
}
