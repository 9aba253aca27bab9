import Experiments
import Foundation
import Measurement
import Records
import SimulatedDevices
import Support
import Tensors
import VisionModels

/// `lab simulate --calibrate`: fitted constants and the errors of their predictions, as Markdown.
struct CalibrationReport {
  /// One JSON file of published latencies, or results folders.
  let sources: [String]
  let device: String?
  let output: String?

  static func isPublished(_ source: String) -> Bool { source.hasSuffix(".json") }

  /// The sources as a message names them.
  private var place: String { sources.joined(separator: ", ") }

  /// - Throws: `SimulatedDevicesError`, and the errors of reading records.
  func run() throws {
    if let source = sources.first, Self.isPublished(source) {
      let published = try PublishedLatencies(path: source)
      for line in try publishedLines(published) { print(line) }
    } else {
      for line in try recordedLines() { print(line) }
    }
  }

  // MARK: Published latencies

  private func publishedLines(_ published: PublishedLatencies) throws -> [String] {
    let names = device.map { [$0] } ?? published.devices
    var lines: [String] = []
    var unseen: [Prediction] = []
    for name in names {
      var description = try DeviceCatalog.device(name)
      let (seen, heldOut, points) = try published.calibration(description)
      guard seen.count >= Calibration.fewestPoints else {
        throw SimulatedDevicesError.tooFewPoints(
          place: "\(place), \(name)", points: seen.count, needed: Calibration.fewestPoints)
      }
      description.constants = Calibration(points: seen, start: description.constants).fit()
      let checks = Calibration.predictions(heldOut, description.constants)
      unseen += checks
      description.checked = Calibration.error(checks)
      lines += section(description, points, seen: seen, heldOut: heldOut)
      lines += try edgeLines(description, points)
      if let output, device != nil {
        try OutputFile.write(try DeviceFile.text(description) + "\n", to: output)
      }
    }
    if names.count > 1, let error = Calibration.error(unseen) {
      lines += ["## All devices", "", "Held out: \(Self.text(error))."]
    }
    return lines
  }

  private func section(
    _ description: DeviceDescription, _ points: [PublishedLatencies.Point],
    seen: [CalibrationPoint], heldOut: [CalibrationPoint]
  ) -> [String] {
    let predictions = Calibration.predictions(seen, description.constants)
    let checks = Calibration.predictions(heldOut, description.constants)
    var (fit, held) = (predictions[...], checks[...])
    var lines = ["## \(description.title)", ""] + constantLines(description.constants) + [""]
    lines += [
      "| table | point | published, ms | predicted, ms | error | |", "|---|---|---:|---:|---:|---|",
    ]
    var ordered: [String: [Prediction]] = [:]
    for point in points {
      let next = point.isHeldOut ? held.popFirst() : fit.popFirst()
      guard let prediction = next else { continue }
      ordered[point.table, default: []].append(prediction)
      lines.append(
        "| \(point.table) | \(prediction.label) | \(Self.text(prediction.measured)) | "
          + "\(Self.text(prediction.predicted)) | \(Self.percent(prediction.errorPercent)) | "
          + "\(point.isHeldOut ? "**held out**" : "fitted") |")
    }
    lines.append("")
    if let error = Calibration.error(checks) { lines.append("Held out: \(Self.text(error)).") }
    let order = ordered.values.map { Calibration.order($0) }
    let (right, pairs) = (order.map(\.right).reduce(0, +), order.map(\.pairs).reduce(0, +))
    if pairs > 0 {
      lines.append(
        "Order within its tables, of pairs that differ by more than 5 %: \(right) of \(pairs).")
    }
    return lines + [""]
  }

  /// The distance of the R of the published tail-effect rows from a step of the staircase.
  private func edgeLines(
    _ description: DeviceDescription, _ points: [PublishedLatencies.Point]
  ) throws -> [String] {
    var lines: [String] = []
    var known: Set<String> = []
    for point in points where point.method.name == "tail_effect" {
      guard let r = point.method.parameters["r"]?.asInt,
        known.insert("\(point.entry.name) \(point.batchSize) \(r)").inserted
      else { continue }
      let model = try CostModel(device: description, precision: point.precision)
      let staircase = try model.staircase(
        point.entry, batchSize: point.batchSize, tokens: 1...point.entry.info.tokens.tokens)
      let tokens = point.entry.info.tokens.tokens - r
      guard let (edge, distance) = staircase.nearestEdge(to: tokens) else { continue }
      let share =
        abs(edge.rise) / (staircase.points.first { $0.tokens == edge.tokens }?.milliseconds ?? 1)
      lines.append(
        "| \(point.entry.displayName), batch \(point.batchSize) | \(r) | \(tokens) | \(edge.tokens) | "
          + "\(distance) | \(Self.percent(100 * share)) | \(edge.causes.joined(separator: ", ")) |")
    }
    guard !lines.isEmpty else { return [] }
    return [
      "| model | R of the paper | N − R | nearest step | tokens off | rise | made by |",
      "|---|---:|---:|---:|---:|---:|---|",
    ] + lines + [""]
  }

  // MARK: Records

  private func recordedLines() throws -> [String] {
    let records = try sources.flatMap { source in
      let folder = URL(fileURLWithPath: source, isDirectory: true)
      guard FileManager.default.fileExists(atPath: folder.path) else {
        throw SimulatedDevicesError.unreadableFile(path: source, reason: "it is not there")
      }
      return try RecordsFolder.read(folder).records
    }
    let found = RecordedLatencies(records: records)
    guard let name = device else {
      throw SimulatedDevicesError.unreadableFile(
        path: place,
        reason: "records are fitted to one device; name it, or '\(Devices.all.standard.name)'")
    }
    var description = try found.description(of: name)
    let points = try found.points(on: description, isProcessor: name == Devices.all.standard.name)
    guard points.count >= Calibration.fewestPoints else {
      throw SimulatedDevicesError.tooFewPoints(
        place: place, points: points.count, needed: Calibration.fewestPoints)
    }
    let calibration = Calibration(points: points, start: description.constants)
    let checks = calibration.crossValidated()
    description.constants = calibration.fit()
    description.checked = Calibration.error(checks)
    description.fittedTo = "\(points.count) measured latencies of \(found.hardware)"
    var lines = ["## \(description.title)", ""] + constantLines(description.constants) + [""]
    if found.unreliable > 0 {
      lines += ["Left out: \(counted(found.unreliable, "timing")) not reliable.", ""]
    }
    if let error = description.checked {
      lines.append(
        "Cross-validation, a fifth of the token counts held out at a time: \(Self.text(error)).")
    }
    for (model, error) in Self.byModel(checks) {
      lines.append("- \(model): \(Self.text(error))")
    }
    if let output {
      try OutputFile.write(try DeviceFile.text(description) + "\n", to: output)
      lines += ["", "Written to \(output): use it as simulated:\(output)."]
    }
    return lines
  }

  private static func byModel(_ predictions: [Prediction]) -> [(String, CheckedError)] {
    let groups = Dictionary(grouping: predictions, by: \.modelName)
    return groups.sorted { $0.key < $1.key }.compactMap { name, members in
      Calibration.error(members).map { (name, $0) }
    }
  }

  // MARK: Text

  private func constantLines(_ constants: CostConstants) -> [String] {
    [
      CostConstants.fields.map { "\($0.key) \(Self.short(constants[keyPath: $0.path]))" }
        .joined(separator: ", ")
    ]
  }

  private static func short(_ value: Double) -> String { JSONValue.number(value).shortText }

  private static func text(_ error: CheckedError) -> String {
    "\(error.points) points, median error \(error.medianPercent) %, worst \(error.worstPercent) %"
  }

  private static func text(_ milliseconds: Double) -> String {
    String(format: milliseconds < 100 ? "%.2f" : "%.1f", milliseconds)
  }

  private static func percent(_ value: Double) -> String {
    (value < 0 ? "−" : "+") + String(format: "%.1f %%", abs(value))
  }
}

/// Reliable latencies of results folders as points of a calibration.
struct RecordedLatencies {
  private let records: [(trial: LatencyTrial, result: LatencyResult)]
  /// The number of measured latencies that are left out because they are not reliable.
  let unreliable: Int

  init(records: [Record]) {
    let measured = records.compactMap { record -> (trial: LatencyTrial, result: LatencyResult)? in
      guard case .latency(let trial, let result) = record.measurement,
        trial.device.simulated == nil, !result.samplesMilliseconds.isEmpty
      else { return nil }
      return (trial, result)
    }
    self.records = measured.filter(\.result.isReliable)
    unreliable = measured.count - self.records.count
  }

  /// The hardware that was measured.
  var hardware: String {
    Set(records.map(\.trial.device.hardware)).sorted().joined(separator: ", ")
  }

  /// The device to fit: a simulated one by its name, or the processor that was measured.
  func description(of name: String) throws -> DeviceDescription {
    guard name == Devices.all.standard.name else { return try DeviceCatalog.device(name) }
    let processors = records.filter { $0.trial.device.name == Devices.all.standard.name }
    let trial = processors.first?.trial
    // In 10¹² floating-point operations a second, two for a multiply-add.
    let rates = processors.compactMap { trial, result in
      Summary(result.samplesMilliseconds).map {
        2 * Double(result.cost.macs) * Double(trial.batchSize) / ($0.median / 1e3) / 1e12
      }
    }
    return .processor(
      name: name, hardware: trial?.device.hardware ?? "",
      threads: max(1, trial?.device.threads ?? 1),
      fastestTeraflops: rates.max())
  }

  /// The latencies of one device; a pass is captured and fused, as `lab` runs it.
  func points(
    on description: DeviceDescription, isProcessor: Bool
  ) throws -> [CalibrationPoint] {
    try records.compactMap { trial, result in
      guard (trial.device.name == Devices.all.standard.name) == isProcessor,
        trial.device.threads == (isProcessor ? description.multiprocessors : 0),
        let entry = ModelRegistry.entry(named: trial.model.name),
        let precision = Precision(rawValue: trial.precision),
        let median = Summary(result.samplesMilliseconds)?.median
      else { return nil }
      let model = try CostModel(device: description, precision: precision, execution: .graph)
      return CalibrationPoint(
        label: "\(entry.displayName), \(trial.method.name), batch \(trial.batchSize)",
        modelName: entry.displayName, milliseconds: median,
        pass: try model.pass(
          entry, entry.composition(for: trial.method), batchSize: trial.batchSize),
        model: model, group: result.cost.tokensAfterBlocks.first ?? 0)
    }
  }
}
