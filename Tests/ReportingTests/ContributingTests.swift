import Testing
import _TestSupport

@testable import Reporting

/// The figure in CONTRIBUTING.md is the one that these tests compile and draw, and what the page
/// says about the list of figures is true for every figure.
@Suite struct ContributingTests {
  @Test func `the page's figure is the tested code`() throws {
    #expect(try ContributingPage.shows("TokensLeftFigure.swift", of: #filePath))
  }

  @Test func `the example figure draws each row of a table`() throws {
    let report = Report(records: RecordBuilder.comparison(), name: "r")
    let group = try #require(report.tables.first)
    for layout in FigureLayout.allCases {
      let figure = try #require(TokensLeftFigure(report, only: group))
      let drawing = figure.drawing(layout).xml()
      for row in group.rows {
        let tokens = try #require(row.tokensLeft)
        #expect(drawing.contains(">\(row.label): \(tokens) tokens<"))
      }
    }
    #expect(TokensLeftFigure(Report(records: [], name: "r"), only: nil) == nil)
  }

  @Test func `every figure has a file of its own and a place on the page`() {
    #expect(Set(Figures.all.map { $0.name }).count == Figures.all.count)
    for type in Figures.all {
      let isForTables = type is any TableDrawing.Type
      #expect(isForTables == [.aboveTable, .belowTable].contains(type.place), "\(type)")
    }
  }
}
