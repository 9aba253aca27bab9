import ImageCoding
import Testing

@testable import Experiments

@Suite struct TokenFatesTests {
  @Test func `dropped patches are gone for good`() {
    var fates = TokenFates(patches: 4, prefixTokens: 1)
    fates.follow(block: 2, sources: [[0], [3], [1]], merges: false)
    #expect(fates.steps[0].fates == [.kept, .dropped, .kept, .dropped])
    #expect(fates.steps[0].tokens == 3)
    fates.follow(block: 5, sources: [[0], [2]], merges: false)
    #expect(fates.steps[1].block == 5)
    // The second of the tokens left was patch 0.
    #expect(fates.steps[1].fates == [.kept, .dropped, .dropped, .dropped])
  }

  @Test func `a fused patch stays fused when its token is kept, and fused again`() {
    var fates = TokenFates(patches: 4, prefixTokens: 2)
    fates.follow(block: 0, sources: [[0], [1], [2], [3], [4, 5]], merges: false)
    #expect(fates.steps[0].fates == [.kept, .kept, .fused, .fused])
    fates.follow(block: 1, sources: [[0], [1], [4], [3]], merges: false)
    #expect(fates.steps[1].fates == [.dropped, .kept, .fused, .fused])
    fates.follow(block: 2, sources: [[0], [1], [2, 3]], merges: false)
    #expect(fates.steps[2].fates == [.dropped, .fused, .fused, .fused])
  }

  @Test func `merged patches are named by the first of their token`() {
    var fates = TokenFates(patches: 4, prefixTokens: 1)
    fates.follow(block: 0, sources: [[0], [1], [2, 4], [3]], merges: true)
    #expect(fates.steps[0].fates == [.kept, .merged(into: 1), .kept, .merged(into: 1)])
    fates.follow(block: 1, sources: [[0], [2, 1], [3]], merges: true)
    #expect(
      fates.steps[1].fates == [
        .merged(into: 0), .merged(into: 0), .kept, .merged(into: 0),
      ])
  }
}

@Suite struct TokenPictureTests {
  /// Two by two patches of one colour each.
  private let colors: [[UInt8]] = [[200, 0, 0], [0, 200, 0], [0, 0, 200], [100, 100, 100]]
  private var image: RGBImage {
    let side = 480
    var pixels: [UInt8] = []
    for y in 0..<side {
      for x in 0..<side { pixels += colors[y / 240 * 2 + x / 240] }
    }
    return RGBImage(width: side, height: side, pixels: pixels)
  }

  /// The colour in the middle of each patch, and on the line between the first two.
  private func drawn(_ fates: [TokenFates.Fate]) -> (middles: [[UInt8]], line: [UInt8]) {
    let picture = TokenPicture(image: image, grid: 2)
      .picture(TokenFates.Step(block: 0, tokens: 3, fates: fates))
    #expect(picture.width == 480 && picture.height == 480)
    func pixel(_ x: Int, _ y: Int) -> [UInt8] {
      Array(picture.pixels[(3 * (y * 480 + x))..<(3 * (y * 480 + x) + 3)])
    }
    return ([pixel(120, 120), pixel(360, 120), pixel(120, 360), pixel(360, 360)], pixel(240, 120))
  }

  @Test func `kept patches are as they are and lines part them`() {
    let (middles, line) = drawn([.kept, .kept, .kept, .kept])
    #expect(middles == colors)
    #expect(line == [255, 255, 255])
  }

  @Test func `merged patches share their mean colour and no line`() {
    let (middles, line) = drawn([.merged(into: 0), .merged(into: 0), .kept, .merged(into: 0)])
    #expect(middles == [[100, 100, 33], [100, 100, 33], [0, 0, 200], [100, 100, 33]])
    #expect(line == [100, 100, 33])
  }

  @Test func `dropped patches are grey and fused ones blue`() {
    let (middles, line) = drawn([.dropped, .dropped, .fused, .kept])
    #expect(middles[0] == [231, 201, 201])
    #expect(middles[1] == [201, 231, 201])
    #expect(middles[2] == [73, 133, 212])
    #expect(middles[3] == colors[3])
    #expect(line != [255, 255, 255])
  }
}
