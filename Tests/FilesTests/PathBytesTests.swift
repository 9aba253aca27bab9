import Files
import Testing

@Suite struct PathBytesTests {
  private let composed = PathBytes("caf\u{E9}")
  private let decomposed = PathBytes("cafe\u{301}")

  @Test func `names that Swift strings consider equal stay different`() {
    #expect(composed.text == decomposed.text)
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
  }

  @Test func `names that are not UTF-8 are distinct and shown differently`() {
    let one = PathBytes(bytes: [0x63, 0x61, 0x66, 0xE9])
    let other = PathBytes(bytes: [0x63, 0x61, 0x66, 0xE8])
    #expect(one != other && other < one)
    #expect(one.text == nil)
    #expect("\(one)" == "caf\\xE9")
    #expect("\(other)" == "caf\\xE8")
  }

  @Test func `text in any script is shown unchanged`() {
    for text in ["n01440764", "été", "实验一", "👩‍🔬 x", "a\\b"] {
      #expect("\(PathBytes(text))" == text)
    }
    #expect("\(PathBytes("a\nb\u{1B}[31m"))" == "a\\x0Ab\\x1B[31m")
    #expect("\(PathBytes(bytes: [0xE5, 0xAE, 0x9E, 0xFF, 0xC3]))" == "实\\xFF\\xC3")
  }

  @Test func `names are ordered by bytes`() {
    let names: [PathBytes] = ["b", "B", "é", "a10", "a2", "z"]
    #expect(names.sorted() == ["B", "a10", "a2", "b", "z", "é"])
  }

  @Test func `paths are split and joined`() {
    #expect(PathBytes("a") / "b.JPG" == "a/b.JPG")
    #expect(PathBytes("/") / "b" == "/b")
    #expect(PathBytes("") / "b" == "b")
    #expect(PathBytes("a.d/b.tar.GZ").name == "b.tar.GZ")
    #expect(PathBytes("a.d/b.tar.GZ").stem == "b.tar")
    #expect(PathBytes("a.d/b.tar.GZ").suffix == "gz")
    #expect(PathBytes("a.d/b").suffix == "")
    #expect(PathBytes("a/.hidden").isHidden)
    #expect(PathBytes("a/.hidden").suffix == "")
    #expect(PathBytes("a//").trimmed == "a")
    #expect(PathBytes("//").trimmed == "/")
    #expect(PathBytes("/a/b/").folder == "/a")
    #expect(PathBytes("/a").folder == "/")
    #expect(PathBytes("/").folder == "/")
    #expect(PathBytes("a").folder == ".")
  }
}
