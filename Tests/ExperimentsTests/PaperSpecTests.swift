import Datasets
import Foundation
import Records
import Testing
import _TestSupport

@testable import Experiments

/// The specs in `Experiments`, checked by an independent validator and by the planner.
@Suite struct PaperSpecTests {
  private static let experiments = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Experiments")

  /// A Python with jsonschema: that of `LAB_PYTHON`, or the system's.
  private static let python: String? = {
    let named = ProcessInfo.processInfo.environment["LAB_PYTHON"].flatMap { $0.isEmpty ? nil : $0 }
    return [named, "/usr/bin/python3"].compactMap { $0 }.first {
      run($0, ["-c", "import jsonschema"]).status == 0
    }
  }()

  private static func run(_ program: String, _ arguments: [String]) -> (status: Int32, text: String)
  {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = pipe
    process.standardError = pipe
    guard (try? process.run()) != nil else { return (127, "\(program) does not start") }
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  private static let validation = """
    import json, sys
    from jsonschema import Draft202012Validator as Validator
    schema = json.load(open(sys.argv[1]))
    Validator.check_schema(schema)
    wrong = 0
    for path in sys.argv[2:]:
        for error in Validator(schema).iter_errors(json.load(open(path))):
            wrong = 1
            print(path, error.json_path, error.message[:300])
    sys.exit(wrong)
    """

  @Test(.enabled(if: python != nil, "no Python with jsonschema; LAB_PYTHON may name one"))
  func `an independent validator accepts every spec and refuses a wrong one`() throws {
    let python = try #require(Self.python)
    func file(_ name: String) -> String { Self.experiments.appendingPathComponent(name).path }
    let schema = file("schema.json")
    let right = Self.run(
      python, ["-c", Self.validation, schema] + SchemaTests.specs.map(file))
    #expect(right.status == 0, "\(right.text)")
    let folder = try TemporaryFolder()
    let text = try String(contentsOfFile: file("paper/table7.json"), encoding: .utf8)
    let wrong = try folder.write(
      text.replacing("\"latency_ms\"", with: "\"latency\""), to: "wrong.json")
    #expect(Self.run(python, ["-c", Self.validation, schema, wrong]).status == 1)
  }

  @Test(arguments: SchemaTests.specs)
  func `every spec can be planned for the demo model`(_ name: String) throws {
    // The staircases remove more tokens than the demo model has, and need no weights. Specs with
    // other models, or that compare models, are planned unchanged.
    let own = ["cuda/", "poster/", "efficientvit/", "simulated/"]
    let keepsModels = own.contains { name.hasPrefix($0) }
    let models = keepsModels ? [] : [("model", "demo_vit", "--model")]
    let overrides =
      (models + [
        ("dataset", "demo", "--dataset"), ("device", "cpu", "--device"),
        ("precision", "float32", "--precision"),
      ]).map { SpecSource.Override(key: $0, value: .string($1), option: $2) }
    let path = Self.experiments.appendingPathComponent(name).path
    let spec = try SpecReader.read(try SpecSource(file: path, overrides: overrides))
    let site = Site(
      devices: MicroRun.devices, demoWeights: { try DemoModel.weightsURL() })
    let plan = try Planner(spec, site: site).plan(result: { _ in nil })
    #expect(!plan.rows.isEmpty)
    #expect(plan.unmet.isEmpty)
    #expect(!plan.keys.isEmpty)
  }

  @Test func `every table and figure of the paper with numbers has its spec`() {
    let names =
      ["table2", "table4", "table5", "table6", "table7", "table8", "table9"]
      + ["figure1", "figure3", "figure6", "figure7"]
    #expect(Set(SchemaTests.specs).isSuperset(of: names.map { "paper/\($0).json" }))
  }

  @Test func `published numbers are stored completely, and removed by a run without them`() throws {
    let path = Self.experiments.appendingPathComponent("paper/table7.json").path
    let spec = try SpecReader.read(try SpecSource(file: path))
    let published = try #require(spec.published)
    let folder = try TemporaryFolder()
    try PublishedFile.write(published, to: folder.url)
    let data = try #require(PublishedFile.read(folder.url))
    #expect(try JSONDecoder().decode(JSONValue.self, from: data).text == published.text)
    try PublishedFile.write(nil, to: folder.url)
    #expect(PublishedFile.read(folder.url) == nil)
    try PublishedFile.write(nil, to: folder.url)
  }

  @Test(arguments: [
    (
      #"{"label": "a", "method": "topk", "match": {"R": 6}}"#,
      "a.json: published.rows[0].match.R: topk has no such key; "
    ),
    (
      #"{"label": "a", "match": {"r": 6}}"#,
      "a.json: published.rows[0].match: a line without 'method' matches nothing; name its method"
    ),
    (
      #"{"label": "a", "method": "topk", "match": {"r": {"range": [1, 2, 1]}}}"#,
      "a.json: published.rows[0].match: 'r' is "
    ),
    (
      #"{"label": "a", "latency": 3}"#,
      "a.json: published.rows[0].latency: unknown key; did you mean 'latency_ms'?"
    ),
  ])
  func `an error in published numbers is one sentence`(row: String, sentence: String) {
    let text = """
      {"model": "demo_vit", "methods": [{"method": "none"}],
       "published": {"source": "s", "hardware": "h", "comparable": "c", "rows": [\(row)]}}
      """
    let sentences = SpecMistakeTests.sentences(text)
    #expect(sentences.count == 1)
    #expect(sentences.first?.hasPrefix(sentence) == true, "\(sentences)")
  }
}
