import Testing

@testable import Experiments

@Suite struct PlanTextTests {
  @Test(arguments: [
    (0.2, "1 s"), (59.5, "1 min"), (61, "1 min 1 s"), (3599.5, "1 h 0 min"), (7500, "2 h 5 min"),
  ])
  func `durations are shown in readable units`(_ seconds: Double, _ text: String) {
    #expect(PlanText.duration(seconds) == text)
  }

  @Test func `repeated token counts are abbreviated`() {
    #expect(PlanText.runs([145, 145, 145, 73, 73, 5]) == "145×3 73×2 5")
    #expect(PlanText.runs([]) == "")
  }
}
