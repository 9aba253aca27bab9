import Foundation
import Testing

@testable import Reporting

@Suite struct TokenPictureTests {
  /// A single gray pixel.
  private static let input = TokenPicture.Input(
    base64PNG:
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGOYNWsWAAMIAYVtz+9uAAAAAElFTkSuQmCC",
    grid: 2, label: "input")

  private static func drawing(_ panels: [[TokenPicture.Cell]]) -> Markup {
    TokenPicture(
      input: input, headings: ["model <a>: method", "prediction: cat"],
      panels: panels.map { TokenPicture.Panel(label: "block 3: 5→4 tokens", cells: $0) }
    ).drawing()
  }

  private static func panels(_ drawing: Markup) -> [Markup] {
    drawing.children.filter { $0.className == "panel" }
  }

  private static func children(_ panel: Markup, _ group: String) -> [Markup] {
    panel.children.first { $0.className == group }?.children ?? []
  }

  private static func value(_ node: Markup, _ attribute: String) -> String? {
    node.attributes.first { $0.name == attribute }?.value.rendered
  }

  @Test func `kept patches show the input, dropped ones are dark, fused ones are tinted`() throws {
    let panels = Self.panels(Self.drawing([[.kept, .dropped, .fused, .kept]]))
    #expect(panels.count == 2)
    #expect(Self.children(panels[0], "tints").isEmpty)
    let tints = Self.children(panels[1], "tints")
    #expect(tints.map { Self.value($0, "fill") } == ["#101010", "#56B4E9"])
    // The second column of the first row, the first column of the second.
    #expect(tints.map { Self.value($0, "width") } == ["192", "192"])
    let (dropped, fused) = (try #require(tints.first), try #require(tints.last))
    let x = try [dropped, fused].map { try #require(Self.value($0, "x").flatMap(Double.init)) }
    let y = try [dropped, fused].map { try #require(Self.value($0, "y").flatMap(Double.init)) }
    #expect(x[0] == x[1] + 192 && y[1] == y[0] + 192)
    #expect(
      Self.children(panels[1], "frames").map { Self.value($0, "stroke") } == ["#D55E00", "#0072B2"])
  }

  @Test func `patches dropped earlier are darker than those dropped in this reduction`() {
    let panels = Self.panels(
      Self.drawing([[.dropped, .kept, .kept, .kept], [.dropped, .dropped, .kept, .kept]]))
    let opacities = Self.children(panels[2], "tints").map { Self.value($0, "fill-opacity") }
    #expect(opacities == ["0.9", "0.72"])
    // New changes have a frame.
    #expect(Self.children(panels[2], "frames").count == 1)
  }

  @Test func `a drawing is well-formed and contains its text`() throws {
    let picture = TokenPicture(
      input: Self.input, headings: ["model <a>: method"],
      panels: [TokenPicture.Panel(label: "b", cells: Array(repeating: .kept, count: 4))])
    let text = picture.svg()
    #expect(text.hasPrefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg "))
    #expect(text.contains(">model &lt;a&gt;: method</text>"))
    try XMLCheck.parse(Data(text.utf8))
  }

  @Test func `adjacent groups differ in color and keep it across panels`() {
    // 36 groups of 2 x 2 patches.
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
      for edge in GroupColors.Edge.allCases {
        guard let other = GroupColors.neighbor(of: place, edge, grid: grid),
          case .merged(let next) = cells[other], next != group
        else { continue }
        #expect(colors[group] != colors[next])
      }
    }
    // Without the first group, the others keep their colors.
    let fewer = cells.map { $0 == .merged(group: 0) ? .kept : $0 }
    let later = GroupColors.choose(cells: fewer, grid: grid, before: colors)
    #expect(later == colors.filter { $0.key != 0 })
  }

  @Test func `the legend lists only what occurs`() {
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
}
