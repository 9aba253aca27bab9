import CPUBackend
import CUDABackend
import Foundation
import Records
import Tensors
import Testing

@testable import Experiments

@Suite struct PlanWarningTests {
  private func planner(_ rest: String) throws -> Planner {
    try Planner(
      try SpecReader.read(try SpecSource(text: MicroRun.spec(rest), file: "micro.json")),
      site: MicroRun.site)
  }

  @Test func `duplicates in a spec are reported in one line with their paths`() throws {
    // A quarter of six blocks is block 1.
    let repeated = try planner(
      """
      "batch_size": [1, 2, 1], "methods": [{"method": "none"}, {"method": "topk", "r": [2, 2]},
      {"method": "tail_effect", "r": 9, "layer": 1}, {"method": "tail_effect", "r": 9, "layer": "25%"}]
      """)
    #expect(
      repeated.warnings == [
        "micro.json: batch_size[2] repeats batch_size[0], methods[1] repeats itself, methods[3] "
          + "repeats methods[2]; each is measured once"
      ])
    let plain = try planner(
      #""batch_size": [1, 2], "methods": [{"method": "none"}, {"method": "topk", "r": [2, 3]}]"#)
    #expect(plain.warnings == [])
  }

  @Test func `of many duplicates the first are listed, with the number of others`() throws {
    let pair = #"{"method": "none"}, {"method": "topk", "r": 1}"#
    let methods = Array(repeating: pair, count: 10_000).joined(separator: ", ")
    let warning = try planner(#""methods": [\#(methods)]"#).warnings.first
    #expect(
      warning?.contains("methods[2] repeats methods[0], methods[3] repeats methods[1]") == true)
    #expect(warning?.hasSuffix(" and 19988 more; each is measured once") == true)
  }

  @Test func `a device and a data set that cannot be opened are reported with file and key`() throws
  {
    let folder = try TemporaryFolder()
    var missing = DeviceKind.cuda
    missing.open = { _, _ in throw TensorsError.deviceFailed("there is none") }
    let site = Site(
      devices: DeviceKinds([.cpu, missing]), demoWeights: MicroRun.site.demoWeights)
    let spec = try SpecReader.read(
      try SpecSource(
        text: MicroRun.spec(#""device": ["cuda:1"], "methods": [{"method": "none"}]"#),
        file: "micro.json"))
    let device = #expect(throws: ExperimentsError.self) { try Planner(spec, site: site) }
    #expect(
      device?.description
        == "micro.json: device: \"cuda:1\": there is none; `lab devices` lists what is here")
    let empty = #expect(throws: ExperimentsError.self) {
      try planner(
        #""dataset": {"folder": "\#(folder.url.path)"}, "methods": [{"method": "none"}]"#)
    }
    #expect(empty?.description.hasPrefix("micro.json: dataset: ") == true)
  }

  @Test func `a data set for a model without weights is a warning and a remark of the report`()
    throws
  {
    let text = """
      {"model": "vit_tiny_patch16_224", "dataset": {"folder": "/no/such"}, "threads": 1,
      "methods": [{"method": "none"}]}
      """
    func planner(_ text: String) throws -> Planner {
      try Planner(
        try SpecReader.read(try SpecSource(text: text, file: "a.json")), site: MicroRun.site)
    }
    let sentence =
      "vit_tiny_patch16_224 has random weights, so its accuracy is not measured; give \"weights\" a "
      + "file, or set \"accuracy\" to false"
    let unmeasured = try planner(text)
    #expect(unmeasured.warnings == ["a.json: model: \(sentence)"])
    #expect(unmeasured.reportContext.remarks == [sentence])
    for silent in [
      text.replacing(#""dataset": {"folder": "/no/such"}"#, with: #""accuracy": false"#),
      text.replacing(#""dataset": {"folder": "/no/such"}, "#, with: ""),
    ] {
      #expect(try planner(silent).warnings == [])
      #expect(try planner(silent).reportContext.remarks == [])
    }
  }

  @Test func `the plan reports an r that exceeds the remaining tokens`() throws {
    let planner = try planner(#""methods": [{"method": "topk", "r": [5, 30]}]"#)
    let lines = PlanText(planner: planner, plan: try planner.plan { _ in nil }) { _ in false }.lines
    let cut = lines.filter { $0.contains("exceeds") }
    #expect(cut.count == 2)
    #expect(cut.allSatisfy { $0.contains("(r=30 exceeds what is left: block 1 removes 5)") })
  }
}
