import Foundation
import Testing
import _TestSupport

@Suite struct OperationProfileTests {
  @Test func `profile breaks a pass down, and the fractions add up`() throws {
    let folder = try Workplace()
    let result = try LabProcess.run(
      "profile", "--ops", "--model", Workplace.model, "--method",
      #"{"method": "tail_effect", "r": 18, "layer": 1}"#, "--batch-size", "2", "--min-seconds",
      "0", "--min-samples", "3", "--threads", "1", in: folder.url)
    #expect(result.exitCode == 0, "\(result.error)")
    let lines = result.output.split(separator: "\n")
    func row(_ name: String) -> [Substring]? {
      lines.first { $0.hasPrefix(name + "  ") }?.dropFirst(name.count).split(separator: " ")
    }
    for name in ["patch embedding", "qkv", "attention + scores", "MLP", "reduction: whole step"] {
      #expect(row(name) != nil, "\(result.output)")
    }
    #expect(row("qkv")?.first == "6")
    #expect(row("attention")?.first == "5")
    let shares = lines.compactMap { line in
      line.firstMatch(of: #/([0-9.]+) % {2}/#).flatMap { Double($0.1) }
    }
    #expect(shares.count == 11)
    #expect(abs(shares.reduce(0, +) - 100) < 1)
    #expect(result.output.contains("Token reduction itself takes"))
    #expect(!folder.exists("Results"))
  }

  @Test(arguments: [
    ["--method", #"{"method": "none"}"#], ["--ops", "--batch-size", "1", "--batch-size", "2"],
    ["--ops", "--dry-run"],
  ])
  func `incompatible options are refused`(_ arguments: [String]) throws {
    let folder = try Workplace()
    let result = try LabProcess(["profile"] + arguments, in: folder.url).finish()
    #expect(result.exitCode == 2)
    #expect(result.error.contains("--ops"))
  }

  @Test func `decode reports the number of images`() throws {
    struct Output: Decodable {
      let images: Int
      let seconds: Double
      let processor_seconds: Double
    }
    let folder = try Workplace()
    let pictures = folder.url.appendingPathComponent("set/one")
    try FileManager.default.createDirectory(at: pictures, withIntermediateDirectories: true)
    for name in ["a.png", "b.png", "c.png"] {
      try FileManager.default.copyItem(
        at: Fixtures.url("pictures/rgb_300x300.png"), to: pictures.appendingPathComponent(name))
    }
    let result = try LabProcess.run(
      "dataset", "decode", "set", "--threads", "2", "--seconds", "0", in: folder.url)
    #expect(result.exitCode == 0, "\(result.error)")
    let output = try JSONDecoder().decode(Output.self, from: Data(result.output.utf8))
    #expect(output.images == 3)
    #expect(output.seconds > 0)
    #expect(output.processor_seconds > 0)
    let missing = try LabProcess.run("dataset", "decode", "nothing", in: folder.url)
    #expect(missing.exitCode == 2)
    #expect(missing.error.hasPrefix("error: nothing"))
  }
}
