import Experiments
import Testing

@Suite struct NearestNameTests {
  @Test(arguments: [
    ("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("abc", "acb", 1), ("kitten", "sitting", 3),
    ("ca", "abc", 3), ("batchsize", "batch_size", 1),
  ])
  func `distance counts insertions, deletions, substitutions and swaps`(
    _ first: String, _ second: String, _ expected: Int
  ) {
    #expect(NearestName.distance(first, second) == expected)
    #expect(NearestName.distance(second, first) == expected)
  }

  @Test func `a similar name is suggested, a different one is not`() {
    let known = ["layer", "layers", "keep_rate"]
    #expect(NearestName.of("layres", among: known) == "layers")
    #expect(NearestName.of("Keep_Rate", among: known) == "keep_rate")
    #expect(NearestName.of("color", among: known) == nil)
    #expect(NearestName.of("x", among: ["r"]) == nil)
  }

  @Test func `a unique prefix is suggested`() {
    #expect(
      NearestName.of("proportional", among: ["proportional_attention", "r"])
        == "proportional_attention")
    #expect(NearestName.of("attention", among: ["attention_heads", "attention_values"]) == nil)
  }
}
