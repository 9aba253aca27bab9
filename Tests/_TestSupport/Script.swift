#if os(Linux)
  import Foundation

  /// The scripts of `Scripts/`, run as a user runs them.
  package enum Script {
    /// The project's folder.
    package static let root = Fixtures.root.deletingLastPathComponent()
      .deletingLastPathComponent()

    /// Runs bash with `arguments` in the project's folder; returns what it prints to either output.
    package static func bash(_ arguments: String...) throws -> (code: Int32, output: String) {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = ["bash"] + arguments
      process.currentDirectoryURL = root
      let pipe = Pipe()
      (process.standardOutput, process.standardError) = (pipe, pipe)
      try process.run()
      let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return (process.terminationStatus, said)
    }
  }
#endif
