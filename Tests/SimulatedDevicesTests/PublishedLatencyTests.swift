import Foundation
import Records
import Tensors
import Testing
import VisionModels

@testable import SimulatedDevices

/// The stored constants against published latencies.
@Suite struct PublishedLatencyTests {
  private static let file = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Benchmarks/published_latencies.json").path

  private static let published = Result { try PublishedLatencies(path: file) }

  @Test func `latencies outside the fit are predicted within the limits`() throws {
    let published = try Self.published.get()
    var unseen: [Prediction] = []
    var (right, pairs) = (0, 0)
    for name in published.devices {
      let device = try DeviceCatalog.device(name)
      let (seen, heldOut, points) = try published.calibration(device)
      let checks = Calibration.predictions(heldOut, device.constants)
      let fitted = Calibration.predictions(seen, device.constants)
      #expect(device.checked == Calibration.error(checks), "\(name): fit anew")
      unseen += checks
      var (held, fit) = (checks[...], fitted[...])
      let all = points.compactMap { point in
        (point.isHeldOut ? held.popFirst() : fit.popFirst()).map { (point.table, $0) }
      }
      for table in Set(all.map(\.0)) {
        let order = Calibration.order(all.filter { $0.0 == table }.map(\.1))
        right += order.right
        pairs += order.pairs
      }
    }
    let error = try #require(Calibration.error(unseen))
    #expect(error.points >= 20)
    #expect(error.medianPercent <= 10)
    #expect(error.worstPercent <= 30)
    #expect(Double(right) >= 0.9 * Double(pairs))
  }

  @Test
  func `on the TX2 at batch 1, Top-K and ToMe are slower than the baseline, tail_effect is faster`()
    throws
  {
    let device = try DeviceCatalog.device("jetson_tx2")
    let model = try CostModel(device: device)
    let points = try Self.published.get().points.filter { $0.table == "table 7" }
    let latencies = try points.reduce(into: [:]) { latencies, point in
      latencies[point.method.name] = model.milliseconds(
        try model.pass(point.entry, point.entry.composition(for: point.method), batchSize: 1))
    }
    let baseline = try #require(latencies["none"])
    #expect(try #require(latencies["topk"]) > baseline)
    #expect(try #require(latencies["tome"]) > baseline)
    #expect(try #require(latencies["tail_effect"]) < baseline)
  }

  @Test(arguments: [
    ("jetson_tx2", "deit_small_patch16_224", 1, 69), ("jetson_tx2", "deit_base_patch16_224", 2, 70),
    ("a100_80gb", "vit_giant_patch14_dinov2", 16, 185),
  ])
  func `a step is within 3 tokens of the paper's choice`(
    _ name: String, _ modelName: String, _ batchSize: Int, _ r: Int
  ) throws {
    let entry = try #require(ModelRegistry.entry(named: modelName))
    let model = try CostModel(device: try DeviceCatalog.device(name))
    let tokens = entry.info.tokens.tokens - r
    let staircase = try model.staircase(
      entry, batchSize: batchSize, tokens: (tokens - 6)...(tokens + 6))
    #expect(try #require(staircase.nearestEdge(to: tokens)).distance <= 3)
  }

  @Test func `a point of an unknown model is reported with its place`() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "points-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data("{\"points\": [{\"model\": \"deit\"}]}".utf8).write(to: file)
    let error = #expect(throws: SimulatedDevicesError.self) {
      try PublishedLatencies(path: file.path)
    }
    #expect(
      error?.description
        == "\(file.path): points[0].model: it must be a model of `lab models` that has tokens")
  }
}

@Suite struct CalibrationTests {
  @Test func `constants are recovered from latencies generated with them`() throws {
    let device = try DeviceCatalog.device("jetson_tx2")
    let truth = device.constants
    let entry = try #require(ModelRegistry.entry(named: "deit_tiny_patch16_224"))
    let model = try CostModel(device: device)
    let points = try [0, 20, 40, 60, 80, 100, 120, 140].flatMap { r in
      try [1, 8].map { batchSize in
        let method = MethodSetting(name: "random", parameters: ["r": .integer(r)])
        let pass = try model.pass(
          entry, entry.composition(for: method), batchSize: batchSize)
        return CalibrationPoint(
          label: "r \(r)", modelName: "m", milliseconds: model.milliseconds(pass, truth),
          pass: pass, model: model,
          group: r)
      }
    }
    var start = truth
    start.efficiency = 0.3
    start.bandwidthEfficiency = 0.2
    start.launchMicroseconds = 5
    let calibration = Calibration(points: points, start: start)
    let error = try #require(
      Calibration.error(Calibration.predictions(points, calibration.fit())))
    #expect(error.medianPercent < 2)
    let unseen = try #require(Calibration.error(calibration.crossValidated()))
    #expect(unseen.points == points.count)
    #expect(unseen.medianPercent < 5)
  }

  @Test func `the simplex finds the minimum of a curved valley`() {
    let found = NelderMead(iterations: 2000, tolerance: 1e-9).minimum(
      from: [-1.2, 1], step: 0.5
    ) { 100 * ($0[1] - $0[0] * $0[0]) * ($0[1] - $0[0] * $0[0]) + (1 - $0[0]) * (1 - $0[0]) }
    #expect(abs(found.point[0] - 1) < 1e-4 && abs(found.point[1] - 1) < 1e-4)
  }

  @Test func `the order counts pairs that differ enough`() {
    let predictions = [(100.0, 1.0), (103, 0.5), (120, 2), (130, 1.5)].map {
      Prediction(label: "", modelName: "", measured: $0.0, predicted: $0.1)
    }
    // 100 and 103 are too close; 120 and 130 are in the wrong order.
    let order = Calibration.order(predictions)
    #expect(order.right == 4 && order.pairs == 5)
  }
}
