import Foundation
import Testing

/// `make install` into a folder of the test.
@Suite struct InstallTests {
  private let folder: Workplace
  private let prefix: URL

  init() throws {
    folder = try Workplace()
    prefix = folder.url.appendingPathComponent("prefix")
  }

  private func make(_ goal: String, _ variables: [String: String] = [:]) throws
    -> LabProcess.Result
  {
    let all = ["PREFIX": prefix.path, "LAB": try LabProcess.executable.path].merging(variables) {
      $1
    }
    let words = all.sorted { $0.key < $1.key }.map { "\($0.key)='\($0.value)'" }
    return try Shell.run("make -s \(goal) \(words.joined(separator: " "))")
  }

  private func installed(_ path: String) throws -> String {
    try String(contentsOf: prefix.appendingPathComponent(path), encoding: .utf8)
  }

  /// Files and links below the prefix.
  private func files() -> [String] {
    let all = FileManager.default.enumerator(atPath: prefix.path)?.allObjects as? [String] ?? []
    return all.filter {
      var isFolder: ObjCBool = false
      let path = prefix.appendingPathComponent($0).path
      return !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        || !isFolder.boolValue
    }
  }

  @Test(.enabled(if: Shell.has("make", "tar"), "make and tar are not installed"))
  func `the installed program works from another folder and is uninstalled completely`() throws {
    let install = try make("install")
    try #require(install.exitCode == 0, "\(install.error)")
    #expect(
      install.output.contains("lab run \(prefix.path)/lib/lab/Experiments/quickstart.json"))

    // Its model and data are installed with it: nothing of the checkout is read.
    try folder.write(
      #"{"model": "demo_vit", "latency": false, "methods": [{"method": "none"}]}"#, to: "a.json")
    let lab = prefix.appendingPathComponent("bin/lab").path
    let run = try Shell.run("'\(lab)' run a.json --limit 20", in: folder.url)
    #expect(run.exitCode == 0, "\(run.error)")
    let specs = try Shell.run(
      "'\(lab)' run '\(prefix.path)/lib/lab/Experiments/quickstart.json' --dry-run",
      in: folder.url)
    #expect(specs.exitCode == 0, "\(specs.error)")

    // It reads its own copy of the model.
    let weights = prefix.appendingPathComponent("lib/lab/Datasets/demo/demo_vit.safetensors")
    try Data("nothing".utf8).write(to: weights)
    let broken = try Shell.run("'\(lab)' run a.json --fresh --limit 20", in: folder.url)
    #expect(broken.exitCode != 0)

    // Installing again repairs that and changes nothing else; files of others are kept.
    let before = files().sorted()
    #expect(try make("install").exitCode == 0)
    #expect(files().sorted() == before)
    try Data().write(to: prefix.appendingPathComponent("bin/other"))
    let uninstall = try make("uninstall")
    #expect(uninstall.exitCode == 0, "\(uninstall.error)")
    #expect(files() == ["bin/other"])
    #expect(!folder.exists("prefix/lib/lab"))
    let again = try make("uninstall")
    #expect(again.exitCode != 0)
    #expect(again.error.contains("lab is not installed in \(prefix.path)"))
  }

  @Test(.enabled(if: Shell.has("make", "tar"), "make and tar are not installed"))
  func `DESTDIR precedes the prefix`() throws {
    let stage = folder.url.appendingPathComponent("stage").path
    let install = try make("install", ["DESTDIR": stage, "PREFIX": "/opt/lab"])
    #expect(install.exitCode == 0, "\(install.error)")
    #expect(folder.exists("stage/opt/lab/bin/lab"))
    #expect(try make("install", ["PREFIX": "here"]).error.contains("is no absolute path"))
  }

  @Test(.enabled(if: Shell.has("bash"), "bash is not installed"))
  func `completions are valid scripts of their shells`() throws {
    for shell in ["bash", "zsh", "fish"] {
      let script = try LabProcess.run("--generate-completion-script", shell, in: folder.url)
      #expect(script.exitCode == 0)
      try folder.write(script.output, to: shell)
      guard Shell.has(shell) else { continue }
      let check = try Shell.run("\(shell) -n \(shell)", in: folder.url)
      #expect(check.exitCode == 0, "\(check.error)")
    }
    // The completions of bash for `lab pro`.
    let offered = try Shell.run(
      """
      bash -c 'source ./bash; COMP_WORDS=(lab pro); COMP_CWORD=1; COMP_LINE="lab pro"; \
      COMP_POINT=7; "$(complete -p lab | sed "s/.*-F \\([^ ]*\\).*/\\1/")" lab pro lab; \
      echo "${COMPREPLY[@]}"'
      """, in: folder.url)
    #expect(offered.output == "profile\n", "\(offered.error)")
  }

  @Test func `the manual page describes every command and option`() throws {
    let page = try LabProcess.run("manual", in: folder.url)
    #expect(page.exitCode == 0)
    let plain = page.output.replacing("\\-", with: "-")
    for command in ["run", "report", "weights pull", "dataset check", "export"] {
      #expect(plain.contains(".SS lab \(command)\n"), "\(command)")
    }
    #expect(plain.contains("\\fB--dry-run\\fR\nPrint every trial and measure nothing."))
    #expect(!plain.contains(".SS lab manual"))
    try folder.write(page.output, to: "lab.1")
    if Shell.has("mandoc") {
      let check = try Shell.run("mandoc -T lint -W error lab.1", in: folder.url)
      #expect(check.exitCode == 0, "\(check.output)")
    }
    if Shell.has("man") {
      let shown = try Shell.run(
        "MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings ./lab.1", in: folder.url)
      #expect(shown.error == "")
      #expect(shown.output.contains("lab run Experiments/quickstart.json"))
    }
  }

  @Test func `the version contains the commit`() throws {
    let version = try LabProcess.run("--version", in: folder.url).output
    #expect(
      version.contains(/^\d+\.\d+\.\d+ \((commit unknown|[0-9a-f]{12}(, with changes)?)\)\n$/))
  }
}
