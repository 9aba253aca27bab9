import CPUBackend
import Foundation
import Records
import Tensors
import Testing
import TokenReduction
import _TestSupport

@testable import Experiments

/// The device and the kind of data set in CONTRIBUTING.md are those that these tests compile and
/// run.
@Suite struct ContributingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: ["PretendDevice.swift", "OneOfEachKind.swift"])
  func `the page's examples are the tested code`(name: String) throws {
    #expect(try ContributingPage.shows(name, of: #filePath))
  }

  @Test func `the example device meets every operation's contract`() throws {
    let device = PretendBackend(name: "pretend", wrapped: try CPUBackend(threads: 1))
    #expect(try OperationContract.failures(of: device) == [])
  }

  @Test func `a program with the example device measures on it`() throws {
    let devices = DeviceKinds([.cpu, .pretend])
    let run = try MicroRun(
      MicroRun.spec(
        #""device": ["cpu", "pretend:1"], "methods": [{"method": "none"}, {"method": "random", "r": 2}]"#
      ),
      in: folder, site: Site(devices: devices, demoWeights: MicroRun.site.demoWeights))
    let summary = try run.runner.run()
    #expect(summary.failures.isEmpty)
    let timed = run.store.records.compactMap { record -> String? in
      guard case .latency(let trial, _) = record.measurement else { return nil }
      return trial.device.name
    }
    #expect(timed.count == 4 && Set(timed) == ["cpu", "pretend:1"])
  }

  @Test func `a spec is checked against the given devices`() throws {
    let devices = DeviceKinds([.cpu, .pretend])
    func problem(_ rest: String) -> String {
      do {
        _ = try SpecReader.read(
          try SpecSource(text: MicroRun.spec(rest), file: "a.json"), devices: devices)
        return "no error"
      } catch { return "\(error)" }
    }
    let methods = #""methods": [{"method": "none"}]"#
    #expect(
      problem(#""device": "fpga", \#(methods)"#)
        == #"a.json: device: "fpga" is not a device; it must be "cpu", "pretend" or "pretend:N""#)
    #expect(
      problem(#""device": "pretned", \#(methods)"#)
        == #"a.json: device: "pretned" is not a device; did you mean 'pretend'?"#)
    #expect(
      problem(#""device": "pretend", "precision": "int8", \#(methods)"#)
        == #"a.json: precision: "int8" needs the cpu, and a pretend device computes in float32; "#
        + #"leave "pretend" out of "device", or make two specs"#)
    let pattern = try SpecSchema.text(devices)
    #expect(pattern.contains(#""^(cpu|pretend|pretend:[0-9]+)$""#))
    #expect(!pattern.contains("cuda:"))
  }

  @Test func `the example data set is read, checked and opened like the others`() throws {
    let picture = try Data(contentsOf: Fixtures.url("pictures/rgb_300x300.png"))
    for name in ["a/1.png", "a/2.png", "b/1.png", "b/2.png", "b/3.png"] {
      let place = folder.url.appendingPathComponent("set/\(name)")
      try FileManager.default.createDirectory(
        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      try picture.write(to: place)
    }
    var checker = RuleChecker { _ in "a.json" }
    let value = JSONValue.object(["one_of_each": .string("set")])
    checker.check(value, OneOfEachKind.rule, path: "dataset")
    checker.check(.object([:]), OneOfEachKind.rule, path: "dataset")
    #expect(checker.problems.map(\.path) == ["dataset"])
    let kind = try #require(OneOfEachKind.read(value, path: "dataset", &checker))
    #expect(kind.folder == "set")
    let path = try folder.write("{}", to: "a.json")
    let opener = DatasetOpener(
      source: try SpecSource(file: path), seed: 0,
      fingerprint: ContentFingerprint(cacheFolder: nil, progress: { _ in }))
    let opened = try opener.open(DatasetChoice(path: "dataset", kind: kind, limit: nil), images: 9)
    #expect(opened.images.count == 2)
    #expect(Set((0..<2).map { opened.images.label(at: $0) }) == [0, 1])
    #expect(opened.fingerprint.count == 64)
  }
}
