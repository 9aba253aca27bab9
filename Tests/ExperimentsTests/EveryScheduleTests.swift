import Records
import Testing
import TokenReduction
import VisionModels

@testable import Experiments

/// Every method with every schedule that a spec can give it.
@Suite struct EveryScheduleTests {
  private static let schedules: [(keys: String, tokens: [Int])] = [
    (
      #""tokens": [145, 140, 130, 120, 110, 100, 90, 80, 75, 70, 65, 60]"#,
      [145, 140, 130, 120, 110, 100, 90, 80, 75, 70, 65, 60]
    ),
    (#""schedule": "single", "r": 60, "layer": 3"#, run(145, 3) + run(85, 9)),
    (
      #""schedule": "spread", "r": 60, "layers": [3, 6, 9]"#,
      run(145, 3) + run(125, 3) + run(105, 3) + run(85, 3)
    ),
    (#""schedule": "progressive", "r": 6"#, (1...12).map { 145 - 6 * $0 }),
    (
      #""schedule": "keep_rate", "keep_rate": 0.7, "keep_base": "initial", "layers": [3, 6, 9]"#,
      run(145, 3) + run(101, 3) + run(71, 3) + run(50, 3)
    ),
  ]

  private static func run(_ count: Int, _ blocks: Int) -> [Int] {
    .init(repeating: count, count: blocks)
  }

  /// Keys that a method requires with every schedule.
  private static let others: [String: String] = [
    "compose": #", "score": "class_attention", "disposal": "drop""#
  ]

  private static let methods = TokenReductionRegistry.all.filter { method in
    method.parameters.contains { $0.name == Schedule.kindName }
  }.map { $0.name }

  @Test(arguments: methods, schedules.indices)
  func `a method accepts a schedule and gives its token counts`(
    name: String, index: Int
  ) throws {
    let (keys, tokens) = Self.schedules[index]
    let text =
      #"{"model": "demo_vit", "methods": [{"method": "\#(name)", \#(keys)\#(Self.others[name] ?? "")}]}"#
    let source = try SpecSource(text: text, file: "a.json")
    // K-medoids weights tokens by the attention of the block before.
    guard name != "kmedoids" || !keys.contains("progressive") else {
      let error = #expect(throws: (any Error).self) { try SpecReader.readWithFiles(source) }
      #expect(
        error.map { "\($0)" }
          == "a.json: methods[0].schedule: block 0 has no block before it, whose attention weighs the "
          + "tokens; begin at block 1")
      return
    }
    let spec = try SpecReader.readWithFiles(source)
    let choice = try #require(spec.methods.first { $0.method.name == name })
    let resolved = try spec.models[0].entry.resolved(choice.method, choice.parameters)
    #expect(resolved.composition.tokensAfterBlocks == tokens)
  }
}
