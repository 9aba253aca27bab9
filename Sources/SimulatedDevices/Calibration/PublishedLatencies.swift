import Files
import Foundation
import Records
import Tensors
import TokenReduction
import VisionModels

/// Published latencies, from `Benchmarks/published_latencies.json`.
package struct PublishedLatencies: Sendable {
  package struct Point: Sendable {
    package let device: String
    package let entry: ModelEntry
    package let batchSize: Int
    package let precision: Precision
    package let method: MethodSetting
    package let milliseconds: Double
    /// Where it is published.
    package let table: String
    /// Whether it is held out from the fit.
    package let isHeldOut: Bool

    /// The name in a table of errors: `DeiT-S, topk r 6, batch 1`.
    package var label: String {
      let parameters = ["r", "layer"].compactMap { key in
        method.parameters[key].map { "\(key) \($0.text)" }
      }
      let what = ([method.name] + parameters).joined(separator: " ")
      return "\(entry.displayName), \(what), batch \(batchSize)"
    }
  }

  package let points: [Point]

  /// - Throws: `SimulatedDevicesError.unreadableFile` or `.impossibleValue`.
  package init(path: String) throws {
    let data: Data
    do {
      data = Data(try InputFile.contents(of: path, maxBytes: 1 << 26))
    } catch {
      throw SimulatedDevicesError.unreadableFile(path: path, reason: error.cause)
    }
    guard case .object(let members)? = try? JSONDecoder().decode(JSONValue.self, from: data),
      case .array(let values)? = members["points"]
    else {
      throw SimulatedDevicesError.unreadableFile(
        path: path, reason: "it is no JSON object with a list \"points\"")
    }
    points = try values.enumerated().map { try Self.point($1, "points[\($0)]", path) }
  }

  private static func point(_ value: JSONValue, _ place: String, _ file: String) throws -> Point {
    func wrong(_ key: String, _ message: String) -> SimulatedDevicesError {
      .impossibleValue(file: file, key: "\(place).\(key)", message: message)
    }
    guard case .object(let members) = value else {
      throw SimulatedDevicesError.impossibleValue(
        file: file, key: place, message: "it must be an object")
    }
    guard let name = members["model"]?.asString, let entry = ModelRegistry.entry(named: name),
      let geometry = entry.info.geometry
    else { throw wrong("model", "it must be a model of `lab models` that has tokens") }
    guard let batchSize = members["batch_size"]?.asInt, (1...65_536).contains(batchSize) else {
      throw wrong("batch_size", "it must be a whole number from 1 to 65536")
    }
    guard let precision = members["precision"]?.asString.flatMap(Precision.init(rawValue:)) else {
      throw wrong(
        "precision", "it must be \(Precision.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard let latency = members["latency_ms"]?.asDouble, latency > 0, latency < 1e9 else {
      throw wrong("latency_ms", "it must be a number above 0")
    }
    guard case .boolean(let isHeldOut)? = members["held_out"] else {
      throw wrong("held_out", "it must be true or false")
    }
    guard case .object(var parameters)? = members["method"],
      let methodName = parameters.removeValue(forKey: "method")?.asString,
      let method = TokenReductionRegistry.method(named: methodName)
    else { throw wrong("method", "it must be an object such as {\"method\": \"topk\", \"r\": 8}") }
    do {
      return Point(
        device: members["device"]?.asString ?? "", entry: entry, batchSize: batchSize,
        precision: precision,
        method: try TokenReductionRegistry.resolve(
          method: method, parameters: parameters, geometry: geometry), milliseconds: latency,
        table: members["table"]?.asString ?? "", isHeldOut: isHeldOut)
    } catch let problem as ParameterProblem {
      throw wrong("method.\(problem.key)", problem.message)
    }
  }

  /// The devices of the points, each once, in their order.
  package var devices: [String] {
    points.reduce(into: []) { if !$0.contains($1.device) { $0.append($1.device) } }
  }

  /// The points of one device, fitted and held out.
  ///
  /// - Throws: `SimulatedDevicesError`.
  package func calibration(
    _ device: DeviceDescription
  ) throws -> (seen: [CalibrationPoint], heldOut: [CalibrationPoint], points: [Point]) {
    let own = points.filter { $0.device == device.name }
    let prepared = try own.enumerated().map { index, point in
      let model = try CostModel(device: device, precision: point.precision)
      return CalibrationPoint(
        label: point.label, modelName: point.entry.displayName,
        milliseconds: point.milliseconds,
        pass: try model.pass(
          point.entry, point.entry.composition(for: point.method), batchSize: point.batchSize),
        model: model, group: index)
    }
    let pairs = Array(zip(own, prepared))
    return (
      pairs.filter { !$0.0.isHeldOut }.map(\.1), pairs.filter { $0.0.isHeldOut }.map(\.1), own
    )
  }
}
