import Testing

@testable import ImageCoding

@Suite struct TokenPictureTests {
  private static let input = RGBImage(
    width: 288, height: 288,
    pixels: [UInt8](repeating: 200, count: 3 * 288 * 288))

  private static func brightness(_ image: RGBImage, x: Int, y: Int) -> [UInt8] {
    Array(image.pixels[(3 * (y * image.width + x))..<(3 * (y * image.width + x) + 3)])
  }

  @Test func `kept patches show the input, dropped ones are dark, fused ones are tinted`() {
    let cells: [TokenPicture.Cell] = [.kept, .dropped, .fused, .kept]
    let picture = TokenPicture(
      input: Self.input, grid: 2, title: "t", inputLabel: "input",
      panels: [TokenPicture.Panel(label: "block 3: 5→4", cells: cells)])
    let image = picture.image()
    // Two panels of twice 288 pixels, with margins of 16.
    #expect(image.width == 16 + 2 * (576 + 16))
    let top = 16 + 22 + 8 + 22
    let left = 16 + 576 + 16
    func middle(_ column: Int, _ row: Int) -> [UInt8] {
      Self.brightness(image, x: left + 144 + 288 * column, y: top + 144 + 288 * row)
    }
    #expect(middle(0, 0) == [200, 200, 200])
    #expect(middle(1, 1) == [200, 200, 200])
    #expect(middle(1, 0).allSatisfy { $0 < 80 })
    let fused = middle(0, 1)
    #expect(fused[2] > fused[0] + 40)
    // The input's own panel is untouched.
    #expect(Self.brightness(image, x: 16 + 144 + 288, y: top + 144) == [200, 200, 200])
  }

  @Test func `what an earlier reduction dropped is darker than what this one drops`() {
    func panel(_ cells: [TokenPicture.Cell]) -> TokenPicture.Panel {
      TokenPicture.Panel(label: "", cells: cells)
    }
    let image = TokenPicture(
      input: Self.input, grid: 2, title: "", inputLabel: "",
      panels: [
        panel([.dropped, .kept, .kept, .kept]), panel([.dropped, .dropped, .kept, .kept]),
      ]
    ).image()
    let left = 16 + 2 * (576 + 16)
    let top = 16 + 8 + 22
    let earlier = Self.brightness(image, x: left + 144, y: top + 144)
    let now = Self.brightness(image, x: left + 432, y: top + 144)
    #expect(earlier[0] < now[0])
    // Its frame is vermilion.
    #expect(Self.brightness(image, x: left + 289, y: top + 1) == [0xD5, 0x5E, 0])
  }

  @Test func `groups that touch differ in color, and keep it from panel to panel`() {
    // Thirty-six groups of two by two patches.
    let grid = 12
    let cells: [TokenPicture.Cell] = (0..<(grid * grid)).map { place in
      let (row, column) = (place / grid, place % grid)
      return .merged(group: row / 2 * 2 * grid + column / 2 * 2)
    }
    let colors = GroupColors.choose(cells: cells, grid: grid, before: [:])
    #expect(colors.count == 36)
    #expect(Set(colors.values).count == PatchStyle.groups.count)
    for (place, cell) in cells.enumerated() {
      guard case .merged(let group) = cell else { continue }
      for edge in PixelRect.Edge.allCases {
        guard let other = GroupColors.neighbor(of: place, edge, grid: grid),
          case .merged(let next) = cells[other], next != group
        else { continue }
        #expect(colors[group] != colors[next])
      }
    }
    // The first group goes; the others look as before.
    let fewer = cells.map { $0 == .merged(group: 0) ? .kept : $0 }
    let later = GroupColors.choose(cells: fewer, grid: grid, before: colors)
    #expect(later == colors.filter { $0.key != 0 })
  }

  @Test func `the legend names only what occurs`() {
    func texts(_ cells: [[TokenPicture.Cell]]) -> String {
      let legend = TokenLegend(
        panels: cells.map { TokenPicture.Panel(label: "", cells: $0) })
      return legend.texts.joined(separator: "; ")
    }
    #expect(texts([[.kept, .dropped]]) == "kept, a token of its own; dropped here")
    #expect(
      texts([[.kept, .fused], [.kept, .fused]])
        == "kept, a token of its own; fused here into one token; fused before")
    #expect(texts([[.merged(group: 0), .merged(group: 0)]]).hasSuffix("(colors repeat)"))
  }

  @Test func `what lies outside of a canvas is cut off, and text is what the font says`() {
    var canvas = Canvas(width: 8, height: 9, color: PixelColor(0xFFFFFF))
    canvas.fill(PixelRect(x: -5, y: 7, width: 6, height: 50), PixelColor(0x000000))
    canvas.fill(PixelRect(x: 100, y: 100, width: 5, height: 5), PixelColor(0x000000))
    let dark = canvas.image.pixels.filter { $0 == 0 }.count
    #expect(dark == 3 * 2)
    canvas.write("T", x: 1, y: 0, scale: 1, color: PixelColor(0xFF0000))
    let rows = (0..<7).map { y in
      (1..<6).map { x in Self.brightness(canvas.image, x: x, y: y) == [255, 0, 0] ? "#" : "." }
        .joined()
    }
    #expect(rows == ["#####"] + Array(repeating: "..#..", count: 6))
    // Every printable letter but the space has ink, and what the font lacks is a question mark.
    for code in UInt8(33)..<127 {
      #expect(BitmapFont.columns(of: Character(UnicodeScalar(code))).contains { $0 > 0 })
    }
    #expect(BitmapFont.columns(of: "漢") == BitmapFont.columns(of: "?"))
  }
}
