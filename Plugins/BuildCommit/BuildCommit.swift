import Foundation
import PackagePlugin

/// Writes a Swift file with the commit that is built, at the start of every build.
///
/// The file changes only where the commit does, so that a build without one compiles nothing more.
@main
struct BuildCommit: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: Target) -> [Command] {
    let package = context.package.directoryURL
    return [
      .prebuildCommand(
        displayName: "Commit of the sources", executable: URL(fileURLWithPath: "/bin/sh"),
        arguments: [
          package.appendingPathComponent("Scripts/build-commit.sh").path, package.path,
          context.pluginWorkDirectoryURL.appendingPathComponent("BuildCommit.swift").path,
        ], outputFilesDirectory: context.pluginWorkDirectoryURL)
    ]
  }
}
