import Foundation
import Records
import Testing

@testable import TokenReduction

/// The method that CONTRIBUTING.md shows is the one that these tests compile and run, so that the
/// page cannot grow old.
@Suite struct ContributingTests {
  @Test func `the page's example is the code that is tested`() throws {
    let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let page = try String(
      contentsOf: here.appendingPathComponent("../../CONTRIBUTING.md"), encoding: .utf8)
    let code = try String(
      contentsOf: here.appendingPathComponent("SingleTopK.swift"), encoding: .utf8)
    let block = try #require(
      page.components(separatedBy: "   ```swift\n").last?.components(separatedBy: "   ```\n").first)
    let shown = block.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.hasPrefix("   ") ? String($0.dropFirst(3)) : String($0) }.joined(separator: "\n")
    #expect(code.hasSuffix(shown))
    #expect(shown.hasPrefix("/// Keeps the tokens"))
  }

  @Test func `the example removes what it says`() throws {
    let geometry = TokenGeometry(tokens: 197, prefixTokens: 1, depth: 12)
    let setting = try TokenReductionRegistry.resolve(
      method: SingleTopK.self, parameters: ["r": .integer(49)], geometry: geometry)
    #expect(setting.parameters == ["r": .integer(49), "layer": .integer(3)])
    let composition = try SingleTopK.composition(
      ParameterValues(values: setting.parameters), geometry)
    #expect(composition.tokensAfterBlocks == [197, 197, 197] + Array(repeating: 148, count: 9))
  }
}
