import Foundation
import Goldens
import Testing
import _TestSupport

/// `lab devices --check` with the CPU instead of a GPU.
@Suite struct DeviceCheckTests {
  @Test func `all stored passes of published implementations are compared`() throws {
    let folder = try Workplace()
    let goldens = Fixtures.url("goldens").path
    let result = try LabProcess.run(
      "devices", "--check", "cpu", "--goldens", goldens, in: folder.url)
    #expect(result.exitCode == 0, "\(result.output)\(result.error)")
    // All cases in float32; in bfloat16 and int8 those that store the kept tokens.
    let count = GoldenCase.all.count + 2 * GoldenCase.all.count { $0.recordsKeptTokens }
    #expect(result.output.contains("\(count) comparisons with published passes, 0 failures"))
    #expect(result.output.contains("float16: left out: "))
    let some = try LabProcess.run(
      "devices", "--check", "cpu", "--goldens", goldens, "--only", "float32, dinov2_reg",
      in: folder.url)
    #expect(some.output.contains("\n2 comparisons with published passes, 0 failures"))
  }

  @Test func `a stored pass of other weights fails and is named`() throws {
    let folder = try Workplace()
    let goldens = folder.url.appendingPathComponent("goldens")
    try FileManager.default.copyItem(at: Fixtures.url("goldens"), to: goldens)
    let cases = goldens.appendingPathComponent("cases")
    for name in Fixtures.names(in: "goldens/cases") where name != "vit_micro__none__b4" {
      try FileManager.default.removeItem(at: cases.appendingPathComponent("\(name).safetensors"))
    }
    // Most of the file is weights of blocks, so changing its middle changes a weight.
    let weights = goldens.appendingPathComponent("weights/vit_micro.safetensors")
    var data = try Data(contentsOf: weights)
    for offset in 0..<4096 { data[data.count / 2 + offset] = UInt8(offset % 60) }
    try data.write(to: weights)
    let result = try LabProcess(
      ["devices", "--check", "cpu", "--goldens", goldens.path], in: folder.url
    ).finish()
    #expect(result.exitCode == 1)
    #expect(result.output.contains("FAIL float32, vit_micro__none__b4: logits within "))
  }

  @Test func `a folder without stored passes and a misplaced option are reported`() throws {
    let folder = try Workplace()
    let empty = try LabProcess(
      ["devices", "--check", "cpu", "--goldens", folder.url.path], in: folder.url
    ).finish()
    #expect(empty.exitCode != 0)
    #expect(empty.error.contains("no .safetensors files are here"))
    let alone = try LabProcess(["devices", "--goldens", "x"], in: folder.url).finish()
    #expect(alone.exitCode != 0)
    #expect(alone.error.contains("need a device to check"))
  }

  #if os(Linux)
    @Test func `the stages of the GPU check run on another device and store their output`()
      throws
    {
      let folder = try Workplace()
      let good = try stage("check", device: "cpu", in: folder.url)
      #expect(good.code == 0, "\(good.output)")
      let log = try String(
        contentsOf: folder.url.appendingPathComponent("out/check.log"), encoding: .utf8)
      #expect(log.contains("(goldens: exit code 0 after "))
      #expect(log.contains("(processor: exit code 0 after "))
      let archive = folder.url.appendingPathComponent("out/check.tar.gz")
      #expect(FileManager.default.fileExists(atPath: archive.path))

      let bad = try stage("check", device: "cuda:4096", in: folder.url)
      #expect(bad.code == 1)
      #expect(bad.output.contains("failed: goldens (exit code 2) processor (exit code 2)"))
      let unknown = try stage("chekc", device: "cpu", in: folder.url)
      #expect(unknown.code == 2)
      #expect(unknown.output.hasPrefix("no stage is named chekc; there are check, sanitize, "))
    }

    private func stage(
      _ name: String, device: String, in folder: URL
    ) throws -> (code: Int32, output: String) {
      let script = Process()
      script.executableURL = URL(filePath: "/usr/bin/env")
      script.arguments = [
        "LIMIT_SCALE=20", "DEVICE=\(device)", "LAB=\(try LabProcess.executable.path)",
        "OUT=\(folder.appendingPathComponent("out").path)", "bash",
        Fixtures.root.deletingLastPathComponent().deletingLastPathComponent()
          .appendingPathComponent("Scripts/gpu-check.sh").path, name,
      ]
      let pipe = Pipe()
      (script.standardOutput, script.standardError) = (pipe, pipe)
      try script.run()
      let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      script.waitUntilExit()
      return (script.terminationStatus, output)
    }
  #endif
}
