#if os(Linux)
  import Foundation
  import Testing
  import _TestSupport

  /// The shell scripts, as far as they can be tested without running their main task.
  @Suite struct ScriptTests {
    private static let names = try? FileManager.default.contentsOfDirectory(
      atPath: Script.root.appendingPathComponent("Scripts").path
    ).filter { $0.hasSuffix(".sh") }.sorted()

    @Test func `bash can parse every script`() throws {
      let names = try #require(Self.names)
      #expect(names.count > 5)
      for name in names {
        let read = try Script.bash("-n", "Scripts/\(name)")
        #expect(read.code == 0, "\(name): \(read.output)")
      }
    }

    @Test func `a bundle's container has the requested C library`() throws {
      for (arguments, base, glibc, platform) in [
        (["focal", "amd64"], "swift:6.1-focal", "2.31", "linux/amd64"),
        (["jammy", "arm64"], "swift:6.1-jammy", "2.35", "linux/arm64"),
        (["bookworm", "amd64"], "swift:6.1-bookworm", "2.36", "linux/amd64"),
      ] {
        let said = try Script.bash(
          "Scripts/bundle-container.sh", arguments[0], arguments[1], "--dry-run")
        #expect(said.code == 0)
        for part in [
          "--build-arg BASE=\(base) ", "--build-arg LAB_GLIBC=\(glibc) ", "--platform \(platform) ",
        ] {
          #expect(said.output.contains(part), "\(said.output)")
        }
      }
      let unknown = try Script.bash("Scripts/bundle-container.sh", "suse", "--dry-run")
      #expect(unknown.code == 2)
      #expect(
        unknown.output.hasPrefix(
          "no base is called 'suse'; there are focal, jammy, bookworm\nScripts/bundle-container.sh focal"
        ))
    }

    /// The files that the container's recipe copies and runs exist, and its defaults are those of a
    /// base image that the script knows.
    @Test func `the container's recipe names existing files`() throws {
      let recipe = try String(
        contentsOf: Script.root.appendingPathComponent("Scripts/bundle.Dockerfile"),
        encoding: .utf8)
      let lines = recipe.split(separator: "\n").filter { !$0.hasPrefix("#") }
      #expect(lines.contains("ARG BASE=swift:6.1-focal") && lines.contains("ARG LAB_GLIBC=2.31"))
      let named = recipe.matches(of: #/Scripts\/[a-z.-]+/#).map { String($0.0) }
      #expect(Set(named).isSuperset(of: ["Scripts/apt-packages.txt", "Scripts/bundle.sh"]))
      for name in named {
        let path = Script.root.appendingPathComponent(name).path
        #expect(FileManager.default.fileExists(atPath: path), "\(name)")
      }
    }
  }
#endif
