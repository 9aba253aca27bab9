import Records
import Testing

@testable import TokenReduction

@Suite struct ScheduleCutTests {
  @Test func `only schedules that request more than the remaining tokens are found`() {
    func cut(_ name: String, _ parameters: [String: JSONValue], _ counts: [Int]) -> String? {
      ScheduleCut(
        MethodSetting(name: name, parameters: parameters), tokens: 37, tokensAfterBlocks: counts
      )?.description
    }
    let r = { (count: Int) in ["r": JSONValue.integer(count)] }
    #expect(cut("topk", r(5), [32, 27, 22]) == nil)
    #expect(cut("topk", r(30), [7, 2, 2]) == "r=30 exceeds what is left: block 1 removes 5")
    #expect(cut("topk", r(35), [2, 2]) == "r=35 exceeds what is left: block 1 removes none")
    #expect(cut("topk", r(0), [37, 37]) == nil)
    #expect(cut("random", r(12), [25, 25]) == nil)
    #expect(cut("tail_effect", r(9).merging(["layer": .integer(0)]) { $1 }, [28, 28]) == nil)
    #expect(cut("tome", r(8).merging(["inflection": .integer(-1)]) { $1 }, [21, 15, 15]) == nil)
  }
}
