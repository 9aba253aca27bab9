import Files
import Foundation
import Records
import Tensors

/// Reads and writes the JSON of a device, and publishes its schema from the same rules.
package enum DeviceFile {
  /// A number of a device file.
  struct NumberRule {
    let key: String
    let range: ClosedRange<Double>
    var isWhole = false
    let summary: String
  }

  /// A device takes about a thousand.
  private static let maxBytes = 1 << 20

  static let numbers: [NumberRule] = [
    NumberRule(
      key: "multiprocessors", range: 1...4096, isWhole: true,
      summary: "streaming multiprocessors of a GPU, threads of a processor"),
    NumberRule(
      key: "bandwidth_gb_s", range: 0.1...100_000, summary: "of the memory, 10⁹ bytes a second"),
    NumberRule(key: "l2_mib", range: 0.01...4096, summary: "the last cache before the memory"),
  ]
  /// Keys whose source must be given.
  static let sourced = ["multiprocessors", "bandwidth_gb_s", "l2_mib", "peak_tflops"]
  static let peakRange = 0.0001...100_000.0
  static let tileRange = 1.0...4096.0
  private static let texts = ["name", "title", "fitted_to", "precision", "$schema"]
  private static let others = [
    "peak_tflops", "tiles", "sources", "constants", "checked", "fused_attention",
  ]
  static let checkedKeys = ["points", "median_percent", "worst_percent"]
  static let constantKeys = CostConstants.fields.map(\.key)
  static var keys: [String] { texts + numbers.map(\.key) + others }

  /// The device that a file describes.
  ///
  /// - Throws: `SimulatedDevicesError.unreadableFile` or `.impossibleValue`.
  package static func read(path: String) throws -> DeviceDescription {
    let data: Data
    do {
      data = Data(try InputFile.contents(of: path, maxBytes: maxBytes))
    } catch {
      throw SimulatedDevicesError.unreadableFile(path: path, reason: error.cause)
    }
    return try read(data, file: path)
  }

  /// The device that the bytes of `file` describe.
  package static func read(_ data: Data, file: String) throws -> DeviceDescription {
    guard data.count <= maxBytes,
      case .object(let members)? = try? JSONDecoder().decode(JSONValue.self, from: data)
    else {
      throw SimulatedDevicesError.unreadableFile(path: file, reason: "it is no JSON object")
    }
    return try Reader(file: file).description(members)
  }

  /// The JSON of a device, keys sorted.
  package static func text(_ device: DeviceDescription) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value(device)), as: UTF8.self)
  }

  /// Three significant digits, as constants are written.
  package static func rounded(_ constants: CostConstants) -> CostConstants {
    var rounded = constants
    for field in CostConstants.fields {
      let value = constants[keyPath: field.path]
      let scale = pow(10, 3 - (log10(max(value, 1e-9)).rounded(.down) + 1))
      rounded[keyPath: field.path] = min(
        max((value * scale).rounded() / scale, field.range.lowerBound), field.range.upperBound)
    }
    return rounded
  }

  private static func value(_ device: DeviceDescription) -> JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(device.name), "title": .string(device.title),
      "multiprocessors": .integer(device.multiprocessors),
      "bandwidth_gb_s": .number(device.bandwidthGBPerSecond),
      "l2_mib": .number(device.level2CacheMiB),
      "precision": .string(device.standardPrecision.rawValue),
      "fused_attention": .boolean(device.hasFusedAttention),
      "fitted_to": .string(device.fittedTo),
      "peak_tflops": .object(
        Dictionary(
          uniqueKeysWithValues: device.peakTeraflops.map { ($0.key.rawValue, .number($0.value)) })),
      "tiles": .array(device.tiles.map { .array([.integer($0.rows), .integer($0.columns)]) }),
      "sources": .object(device.sources.mapValues { .string($0) }),
      "constants": .object(
        Dictionary(
          uniqueKeysWithValues: CostConstants.fields.map {
            ($0.key, .number(device.constants[keyPath: $0.path]))
          })),
    ]
    members["checked"] = device.checked.map {
      .object([
        "points": .integer($0.points), "median_percent": .number($0.medianPercent),
        "worst_percent": .number($0.worstPercent),
      ])
    }
    return .object(members)
  }

  /// Reads the members of one file.
  private struct Reader {
    let file: String

    func description(_ members: [String: JSONValue]) throws -> DeviceDescription {
      try checkKeys(members, DeviceFile.keys, at: "")
      let peaks = try peaks(members)
      let standard = try text("precision", members)
      guard let precision = Precision(rawValue: standard), peaks[precision] != nil else {
        throw wrong("precision", "\"\(standard)\" is none of those of \"peak_tflops\"")
      }
      let sources = try object("sources", members).mapValues { $0.asString ?? "" }
      for key in DeviceFile.sourced where sources[key]?.isEmpty ?? true {
        throw wrong("sources.\(key)", "is missing; say where the fact is from")
      }
      guard case .boolean(let fuses)? = members["fused_attention"] else {
        throw wrong("fused_attention", "is missing; it must be true or false")
      }
      let facts = try DeviceFile.numbers.map { try number($0.key, members, $0.range, $0.isWhole) }
      return DeviceDescription(
        name: try text("name", members), title: try text("title", members),
        multiprocessors: Int(facts[0]), bandwidthGBPerSecond: facts[1], level2CacheMiB: facts[2],
        peakTeraflops: peaks, standardPrecision: precision, tiles: try tiles(members),
        hasFusedAttention: fuses, sources: sources,
        constants: try constants(members), fittedTo: try text("fitted_to", members),
        checked: try checked(members))
    }

    private func wrong(_ key: String, _ message: String) -> SimulatedDevicesError {
      .impossibleValue(file: file, key: key, message: message)
    }

    private func checkKeys(
      _ members: [String: JSONValue], _ known: [String], at place: String
    ) throws {
      let unknown = members.keys.filter { !known.contains($0) }.min()
      guard let unknown else { return }
      throw wrong(place + unknown, "unknown key; there are \(known.joined(separator: ", "))")
    }

    private func text(_ key: String, _ members: [String: JSONValue]) throws -> String {
      guard let text = members[key]?.asString, !text.isEmpty, text.utf8.count < 2000 else {
        throw wrong(key, "is missing; it must be text in double quotes")
      }
      return text
    }

    private func object(
      _ key: String, _ members: [String: JSONValue]
    ) throws -> [String: JSONValue] {
      guard case .object(let object)? = members[key] else {
        throw wrong(key, "is missing; it must be an object")
      }
      return object
    }

    private func number(
      _ key: String, _ members: [String: JSONValue], _ range: ClosedRange<Double>,
      _ isWhole: Bool = false, at place: String = ""
    ) throws -> Double {
      let expected =
        "\(isWhole ? "a whole number" : "a number") from \(Self.text(range.lowerBound)) to "
        + Self.text(range.upperBound)
      guard let value = members[key] else {
        throw wrong(place + key, "is missing; it must be \(expected)")
      }
      guard let number = value.asDouble, range.contains(number),
        !isWhole || number == number.rounded()
      else { throw wrong(place + key, "\(value.text) is impossible; it must be \(expected)") }
      return number
    }

    private static func text(_ number: Double) -> String {
      number == number.rounded() ? "\(Int(number))" : "\(number)"
    }

    private func peaks(_ members: [String: JSONValue]) throws -> [Precision: Double] {
      let written = try object("peak_tflops", members)
      try checkKeys(written, Precision.allCases.map(\.rawValue), at: "peak_tflops.")
      var peaks: [Precision: Double] = [:]
      for precision in Precision.allCases where written[precision.rawValue] != nil {
        peaks[precision] = try number(
          precision.rawValue, written, DeviceFile.peakRange, at: "peak_tflops.")
      }
      guard !peaks.isEmpty else { throw wrong("peak_tflops", "names no precision") }
      return peaks
    }

    private func tiles(_ members: [String: JSONValue]) throws -> [DeviceDescription.Tile] {
      guard case .array(let values)? = members["tiles"], (1...64).contains(values.count) else {
        throw wrong("tiles", "is missing; it must be a list such as [[128, 128]]")
      }
      return try values.enumerated().map { index, value in
        guard case .array(let sides) = value, sides.count == 2,
          let rows = sides[0].asInt, let columns = sides[1].asInt,
          [rows, columns].allSatisfy({ DeviceFile.tileRange.contains(Double($0)) })
        else {
          throw wrong(
            "tiles[\(index)]", "\(value.text) is no tile; it must be two numbers from 1 to 4096")
        }
        return DeviceDescription.Tile(rows: rows, columns: columns)
      }
    }

    private func constants(_ members: [String: JSONValue]) throws -> CostConstants {
      let written = try object("constants", members)
      try checkKeys(written, DeviceFile.constantKeys, at: "constants.")
      var constants = CostConstants(
        efficiency: 1, bandwidthEfficiency: 1, hostCallMicroseconds: 1, launchMicroseconds: 1,
        graphLaunchMicroseconds: 1, tileOverhead: 1, cacheSpeedup: 1)
      for field in CostConstants.fields {
        constants[keyPath: field.path] = try number(
          field.key, written, field.range, at: "constants.")
      }
      return constants
    }

    private func checked(_ members: [String: JSONValue]) throws -> CheckedError? {
      guard members["checked"] != nil else { return nil }
      let written = try object("checked", members)
      try checkKeys(written, DeviceFile.checkedKeys, at: "checked.")
      return CheckedError(
        points: Int(try number("points", written, 1...1_000_000, true, at: "checked.")),
        medianPercent: try number("median_percent", written, 0...10_000, at: "checked."),
        worstPercent: try number("worst_percent", written, 0...10_000, at: "checked."))
    }
  }
}
