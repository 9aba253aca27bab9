#if os(Linux)
  import Foundation
  import Testing

  /// The container recipes and the archives of a release: their steps, run as plain commands.
  @Suite struct ReleaseTests {
    /// The commands of a Dockerfile's stages, in order.
    private func commands(ofDockerfile text: String) -> [String] {
      text.split(separator: "\n").filter { $0.hasPrefix("RUN ") }.map { String($0.dropFirst(4)) }
    }

    /// The commands of an Apptainer recipe that run while it is built.
    private func commands(ofRecipe text: String) -> [String] {
      var commands: [String] = []
      var isRun = false
      for line in text.split(separator: "\n") {
        if line.hasPrefix("%") || !line.hasPrefix(" ") {
          isRun = line == "%post" || line == "%test"
        } else if isRun {
          commands.append(line.trimmingCharacters(in: .whitespaces))
        }
      }
      return commands
    }

    @Test(
      .enabled(if: Shell.has("tar", "readlink"), "tar is not installed"),
      arguments: ["Dockerfile", "lab.def"])
    func `the container recipe builds a working program`(_ recipe: String) throws {
      let text = try String(
        contentsOf: Shell.root.appendingPathComponent(recipe), encoding: .utf8)
      let steps = recipe == "Dockerfile" ? commands(ofDockerfile: text) : commands(ofRecipe: text)
      #expect(steps.contains { $0.contains("container.sh build /image") })
      #expect(steps.contains { $0.contains("container.sh check") })
      #expect(text.contains("/image/usr/local /usr/local"))
      let place = try Workplace()
      for step in steps where !step.hasPrefix("apt-get ") {
        // Folders replace the image and the file system of the last stage.
        let command = step.replacing("/src", with: Shell.root.path)
          .replacing("/usr/local", with: "\(place.url.path)/usr/local")
          .replacing("/image", with: place.url.path)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let result = try Shell.run(
          command,
          environment: [
            "LAB": try LabProcess.executable.path,
            "PATH": "\(place.url.path)/usr/local/bin:\(path)",
          ])
        #expect(result.exitCode == 0, "\(command): \(result.output) \(result.error)")
      }
      #expect(place.exists("usr/local/bin/lab"))
      #expect(place.exists("usr/local/lib/lab/Scripts/container.sh"))
    }

    /// A repository that contains only the scripts, and a bundle whose program knows only its
    /// version.
    private func release(_ place: Workplace, version: String = "1.2.3", isDirty: Bool = false)
      throws
      -> LabProcess.Result
    {
      let bundle = place.url.appendingPathComponent("made/lab")
      try FileManager.default.createDirectory(at: bundle, withIntermediateDirectories: true)
      let scripts = Shell.root.appendingPathComponent("Scripts").path
      let prepared = try Shell.run(
        """
        set -e
        mkdir -p sources/Scripts && cd sources
        cp '\(scripts)/release.sh' '\(scripts)/homebrew.rb' Scripts/
        echo .build > .gitignore
        [ -d .git ] || git init -q
        git add . && git -c user.name=a -c user.email=a@b commit -q -m first --allow-empty
        printf '#!/bin/sh\\necho "\(version) (%s)"\\n' "$(git rev-parse --short=12 HEAD)" > ../made/lab/lab
        chmod +x ../made/lab/lab
        """ + (isDirty ? "\necho more >> Scripts/homebrew.rb" : ""), in: place.url)
      try #require(prepared.exitCode == 0, "\(prepared.error)")
      return try Shell.run(
        "Scripts/release.sh https://host/lab/", in: place.url.appendingPathComponent("sources"),
        environment: ["LAB_BUNDLE": bundle.path])
    }

    @Test(.enabled(if: Shell.has("git", "xz", "sha256sum"), "git and xz are not installed"))
    func `a release has archives of its version, matching checksums, and a formula`() throws {
      let place = try Workplace()
      let made = try release(place)
      try #require(made.exitCode == 0, "\(made.error)")
      let out = place.url.appendingPathComponent("sources/.build/release-files")
      #expect(try Shell.run("sha256sum --check SHA256SUMS", in: out).exitCode == 0)
      let machine = try Shell.run("uname -m").output.trimmingCharacters(in: .whitespacesAndNewlines)
      let name = "lab-1.2.3-linux-\(machine)"
      let sums = try String(
        contentsOf: out.appendingPathComponent("SHA256SUMS"), encoding: .utf8)
      #expect(
        sums.split(separator: "\n").map { $0.split(separator: " ").last.map(String.init) } == [
          "\(name).tar.xz", "lab-1.2.3.tar.gz",
        ])
      let program = try Shell.run("tar -xf \(name).tar.xz && \(name)/lab --version", in: out)
      #expect(program.output.hasPrefix("1.2.3 ("), "\(program.error)")
      #expect(
        try Shell.run("tar -tf lab-1.2.3.tar.gz", in: out).output.contains(
          "lab-1.2.3/Scripts/release.sh\n"))
      let formula = try String(contentsOf: out.appendingPathComponent("lab.rb"), encoding: .utf8)
      #expect(formula.hasPrefix("class Lab < Formula\n"))
      #expect(formula.contains("url \"https://host/lab/lab-1.2.3.tar.gz\"\n"))
      let sum = try #require(sums.split(separator: "\n").last?.split(separator: " ").first)
      #expect(formula.contains("sha256 \"\(sum)\"\n"))
      #expect(!formula.contains("@"))
      if Shell.has("ruby") {
        let ruby = try Shell.run("ruby -c lab.rb", in: out)
        #expect(ruby.exitCode == 0, "\(ruby.error)")
      }
      // The same commit gives the same bytes.
      let again = try Shell.run(
        "sleep 1; Scripts/release.sh https://host/lab",
        in: out.deletingLastPathComponent()
          .deletingLastPathComponent(),
        environment: ["LAB_BUNDLE": place.url.appendingPathComponent("made/lab").path])
      #expect(again.exitCode == 0, "\(again.error)")
      #expect(
        try String(contentsOf: out.appendingPathComponent("SHA256SUMS"), encoding: .utf8) == sums)
    }

    @Test(.enabled(if: Shell.has("git"), "git is not installed"))
    func `a release with uncommitted changes, of another commit, or without an address is refused`()
      throws
    {
      let place = try Workplace()
      let dirty = try release(place, isDirty: true)
      #expect(dirty.exitCode == 2)
      #expect(dirty.error == "The tree has changes: commit them first.\n")

      let other = try Workplace()
      _ = try release(other)
      let sources = other.url.appendingPathComponent("sources")
      let environment = ["LAB_BUNDLE": other.url.appendingPathComponent("made/lab").path]
      _ = try Shell.run(
        "git -c user.name=a -c user.email=a@b commit -q -m second --allow-empty", in: sources)
      let stale = try Shell.run(
        "Scripts/release.sh https://host", in: sources, environment: environment)
      #expect(stale.exitCode == 2)
      #expect(stale.error.hasSuffix(": make the bundle anew.\n"), "\(stale.error)")
      #expect(try Shell.run("Scripts/release.sh", in: sources).exitCode == 2)
    }
  }
#endif
