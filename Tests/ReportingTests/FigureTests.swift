import Measurement
import Records
import Support
import Testing

@testable import Reporting

@Suite struct FigureTests {
  @Test(arguments: 1...30)
  func `ticks are few, round, equally spaced and inside`(seed: Int) throws {
    var generator = SplitMix64(seed: UInt64(seed))
    let low = generator.uniform() * 1000
    let scale = Scale(
      showing: [low, low + generator.uniform() * Double(seed * seed)], from: 0, to: 320)
    #expect((3...14).contains(scale.ticks.count))
    #expect(scale.ticks.allSatisfy { scale.lower - 1e-6 <= $0 && $0 <= scale.upper + 1e-6 })
    let steps = zip(scale.ticks, scale.ticks.dropFirst()).map { $1 - $0 }
    let first = try #require(steps.first)
    #expect(steps.allSatisfy { abs($0 - first) < 1e-6 * first })
    #expect(Set(scale.ticks.map(scale.label)).count == scale.ticks.count)
  }

  @Test func `a wide range is logarithmic if allowed`() {
    let scale = Scale(showing: [1, 200], from: 0, to: 300, allowsLogarithm: true)
    #expect(scale.isLogarithmic)
    #expect(scale.ticks == [1, 2, 5, 10, 20, 50, 100, 200])
    #expect(abs(scale(10) - (scale(1) + scale(100)) / 2) < 1e-9)
    #expect(Scale(showing: [1, 200], from: 0, to: 300).isLogarithmic == false)
  }

  @Test func `a single value can be drawn`() {
    let scale = Scale(showing: [5], from: 0, to: 300)
    #expect(scale.lower < 5 && 5 < scale.upper)
    #expect(scale(5).isFinite)
  }

  @Test(arguments: 1...20)
  func `labels overlap neither each other nor markers nor the edge`(seed: Int) {
    var generator = SplitMix64(seed: UInt64(seed))
    let bounds = Box(x: 0, y: 0, width: 330, height: 250)
    let points = (0..<(5 + 2 * seed)).map { _ in
      Point(x: 10 + 310 * generator.uniform(), y: 10 + 230 * generator.uniform())
    }
    let markers = points.map { Box(x: $0.x - 5, y: $0.y - 5, width: 10, height: 10) }
    let labels = points.enumerated().map {
      LabelPlacement.Label(
        text: "keep_rate=0.\($0)", anchor: $1, size: 9.5, color: FigureText.ink)
    }
    let placed = LabelPlacement(bounds: bounds, obstacles: markers, soft: []).place(labels)
    #expect(placed.isEmpty == false)
    for (i, label) in placed.enumerated() {
      #expect(bounds.contains(label.box))
      #expect(markers.allSatisfy { $0.overlap(with: label.box) == 0 })
      #expect(placed[..<i].allSatisfy { $0.box.overlap(with: label.box) == 0 })
    }
  }

  @Test func `text in a drawing is escaped`() throws {
    let node = Markup("text", ["data": "a\"b<c"], text: "1 < 2 & 'x'\u{1}")
    #expect(
      node.xml()
        == "<text data=\"a&quot;b&lt;c\">1 &lt; 2 &amp; &#39;x&#39; </text>")
  }

  @Test func `a method's color and marker come from its record, whatever else is drawn`() {
    var records = RecordBuilder.comparison()
    records[0].traits?.color = "#123456"
    let catalog = MethodCatalog(Array(records.prefix(1)) + RecordBuilder.small())
    let few = MethodStyle.styles(for: ["none", "topk"], catalog)
    let many = MethodStyle.styles(for: ["mine", "topk", "none", "tail_effect", "yours"], catalog)
    #expect(few["topk"] == MethodStyle(color: "#56B4E9", shape: .triangle))
    #expect(few["topk"] == many["topk"])
    #expect(Set(many.values).count == 5)
    #expect(MethodCatalog([records[0]])["none"]?.color == "#123456")
  }

  @Test func `records without traits are drawn without a baseline`() {
    let records = RecordBuilder.comparison().map { record in
      var record = record
      record.traits = nil
      return record
    }
    let report = Report(records: records, name: "r")
    #expect(ParetoFigure(report) != nil)
    #expect(report.groups.allSatisfy { $0.rows.allSatisfy { $0.speedup == nil } })
  }

  @Test func `the front and every row with accuracy and latency are drawn`() throws {
    let report = Report(records: RecordBuilder.comparison(), name: "r")
    let drawing = try #require(ParetoFigure(report)).drawing().xml()
    for row in report.groups.flatMap(\.rows) {
      #expect(drawing.contains("<title>\(row.label): "))
    }
    #expect(drawing.components(separatedBy: "class=\"panel\"").count == 3)
  }

  @Test func `a row far below the others is an arrow with its value and does not extend the axis`()
    throws
  {
    func drawing(lowest: Double) throws -> String {
      let builder = RecordBuilder()
      let rows = [(0, 0.93), (2, 0.92), (4, 0.91), (6, 0.9), (20, lowest)].flatMap { r, correct in
        let method =
          r == 0
          ? RecordBuilder.baseline : RecordBuilder.method("topk", ["r": .integer(r)])
        return builder.accuracy(method, correct: correct)
          + [builder.latency(method, milliseconds: 12 - 0.2 * Double(r))]
      }
      return try #require(ParetoFigure(Report(records: rows, name: "r"))).drawing().xml()
    }
    let clipped = try drawing(lowest: 0.3)
    #expect(clipped.contains("l4,4.5l4,-4.5"))
    #expect(clipped.firstMatch(of: />r=20: [23][0-9]\.[0-9] %</) != nil)
    #expect(!clipped.contains(">40<"))
    #expect(try !drawing(lowest: 0.88).contains("l4,4.5l4,-4.5"))
  }

  @Test func `a staircase needs a grid`() {
    let few = RecordBuilder.staircase(step: 64)
    #expect(StaircaseFigure(Report(records: few, name: "r")) == nil)
    let grid = Report(records: RecordBuilder.staircase(step: 16), name: "r")
    #expect(StaircaseFigure(grid) != nil)
    #expect(
      grid.staircases.first?.points.map(\.tokens) == Array(stride(from: 17, through: 145, by: 16)))
  }

  @Test func `panel titles distinguish models, devices and batch sizes`() throws {
    var records: [Record] = []
    for model in ["deit_small_patch16_224", "deit_base_patch16_224"] {
      for device in ["simulated:agx_orin_32gb", "simulated:agx_orin_32gb:graph"] {
        for record in RecordBuilder.staircase(batchSizes: [1, 2]) {
          guard case .latency(var trial, let result) = record.measurement else { continue }
          trial.model.name = model
          trial.device.name = device
          trial.device.hardware = device
          var record = record
          record.key = "\(model) \(device) \(record.key)"
          record.measurement = .latency(trial, result)
          records.append(record)
        }
      }
    }
    let figure = try #require(StaircaseFigure(Report(records: records, name: "r")))
    for layout in FigureLayout.allCases {
      let text = figure.drawing(layout).xml()
      #expect(!text.contains("…"))
      #expect(text.ranges(of: "agx_orin_32gb:graph").count == 4)
      #expect(text.ranges(of: "batch 2").count == 4)
    }
  }

  @Test func `the baseline completes a grid without the full token count`() {
    let grid = RecordBuilder.staircase(step: 16).dropFirst()
    let baseline = RecordBuilder().latency(RecordBuilder.baseline, milliseconds: 12)
    let report = Report(records: grid + [baseline], name: "r")
    #expect(report.staircases.first?.points.last?.tokens == 145)
  }
}
