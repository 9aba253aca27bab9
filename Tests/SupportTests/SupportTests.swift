import Support
import Testing

@Suite struct SplitMix64Tests {
  @Test func `the sequence is that of the published code`() {
    var generator = SplitMix64(seed: 1_234_567)
    // The first outputs of splitmix64.c for this seed.
    let published: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
    ]
    #expect(published.map { _ in generator.next() } == published)
  }

  @Test func `uniform numbers are in range and have 24 bits`() {
    var generator = SplitMix64(seedText: "uniform")
    for _ in 0..<1000 {
      let value = generator.nextUniform()
      #expect(value >= 0 && value < 1 && value * 0x1p24 == (value * 0x1p24).rounded())
    }
  }
}

@Suite struct FNV1aTests {
  /// Vectors of the FNV reference code (Fowler, Noll and Vo).
  @Test(
    arguments: [
      ("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8),
    ] as [(String, UInt64)])
  func `hashes are those of the reference code`(text: String, hash: UInt64) {
    #expect(FNV1a.hash(text.utf8) == hash)
  }
}

@Suite struct PluralTests {
  @Test func `one is singular and every other count plural`() {
    #expect([0, 1, 2].map { counted($0, "image") } == ["0 images", "1 image", "2 images"])
    #expect(counted(2, "class", "classes") == "2 classes")
    #expect(noun(1, "was", "were") == "was" && noun(0, "was", "were") == "were")
  }
}

@Suite struct ProcessorTests {
  @Test(
    arguments: [
      ("processor\t: 0\nmodel name\t: AMD EPYC\nmodel name\t: B\n", "AMD EPYC"),
      ("Hardware\t: BCM2835\nModel\t\t: Raspberry Pi 4\n", "Raspberry Pi 4"),
      ("cpu model : MIPS 24Kc\nmodel name :\n", "MIPS 24Kc"), ("", nil),
    ] as [(String, String?)])
  func `the name is that of the first line with one`(text: String, name: String?) {
    #expect(Processor.name(in: text) == name)
  }

  @Test func `this machine has a name`() { #expect(!Processor.name.isEmpty) }
}
