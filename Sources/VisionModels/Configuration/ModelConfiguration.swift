import Foundation
import Records

/// What a model's `config.json` says: the model, how its images are prepared, and which of it a
/// person should know.
package struct ModelConfiguration: Sendable {
  package let entry: ModelEntry
  /// One clause each, for a plan.
  package let notes: [String]

  /// Reads timm's or Hugging Face's.
  ///
  /// - Parameters:
  ///   - preprocessor: Hugging Face's `preprocessor_config.json`, where there is one.
  ///   - source: The folder or repository, for the entry.
  /// - Throws: `ConfigurationError`, which says what is in it and what would be right.
  package init(
    _ config: Data, preprocessor: Data?, source: String
  ) throws(ConfigurationError) {
    let members = try ConfigurationReader(config, file: "config.json")
    if let architecture = members.text("architecture") {
      self = try TimmConfiguration(members, architecture: architecture).model(source: source)
    } else if let type = members.text("model_type") {
      let images = try preprocessor.map { data throws(ConfigurationError) in
        try ConfigurationReader(data, file: "preprocessor_config.json")
      }
      self = try HuggingFaceConfiguration(members, type: type, images: images)
        .model(source: source)
    } else {
      throw ConfigurationError(
        file: "config.json",
        reason: "it has neither timm's \"architecture\" nor Hugging Face's \"model_type\", so it "
          + "says no model; name the model, and give its files as \"weights\"")
    }
  }

  init(entry: ModelEntry, notes: [String]) {
    self.entry = entry
    self.notes = notes
  }
}

/// What is wrong with a configuration of a model.
package struct ConfigurationError: Error, Hashable, CustomStringConvertible {
  package let file: String
  package let reason: String

  package var description: String { "\(file): \(reason)" }
}

/// The members of a JSON object, by what they should be.
struct ConfigurationReader {
  let file: String
  let members: [String: JSONValue]

  init(_ data: Data, file: String) throws(ConfigurationError) {
    self.file = file
    guard data.count < 1 << 24,
      let members = try? JSONDecoder().decode([String: JSONValue].self, from: data)
    else { throw ConfigurationError(file: file, reason: "it is no JSON object") }
    self.members = members
  }

  init(file: String, members: [String: JSONValue]) {
    self.file = file
    self.members = members
  }

  func object(_ key: String) -> ConfigurationReader? {
    guard case .object(let members)? = members[key] else { return nil }
    return ConfigurationReader(file: file, members: members)
  }

  func text(_ key: String) -> String? { members[key]?.asString }
  func integer(_ key: String) -> Int? { members[key]?.asInt }
  func number(_ key: String) -> Double? { members[key]?.asDouble }

  func boolean(_ key: String) -> Bool? {
    if case .boolean(let value)? = members[key] { return value }
    return nil
  }

  func list(_ key: String) -> [JSONValue]? {
    if case .array(let values)? = members[key] { return values }
    return nil
  }

  /// Three numbers, one for each channel.
  func channels(_ key: String) throws(ConfigurationError) -> [Float]? {
    guard let values = list(key) else { return nil }
    let numbers = values.compactMap(\.asDouble).map { Float($0) }
    guard numbers.count == values.count, numbers.count == 3 else {
      throw wrong("\"\(key)\" has not three numbers, one for each of red, green and blue")
    }
    return numbers
  }

  /// - Parameter standard: What a missing key means; nil where it must be there.
  func required(_ key: String, default standard: Int? = nil) throws(ConfigurationError) -> Int {
    if let standard, members[key] == nil { return standard }
    guard let value = integer(key), (1...1_000_000).contains(value) else {
      throw wrong("\"\(key)\" is missing, or no whole number from 1 to 1000000")
    }
    return value
  }

  /// Whole numbers from 1 on, such as the widths of stages; nil where the key is missing.
  func integers(_ key: String) throws(ConfigurationError) -> [Int]? {
    guard members[key] != nil else { return nil }
    let values = list(key)?.map(\.asInt) ?? []
    let numbers = values.compactMap { $0 }
    guard (1...16).contains(values.count), numbers.count == values.count,
      numbers.allSatisfy((1...16_384).contains)
    else { throw wrong("its \"\(key)\" is no list of up to 16 whole numbers from 1 to 16384") }
    return numbers
  }

  func wrong(_ reason: String) -> ConfigurationError {
    ConfigurationError(file: file, reason: reason)
  }
}

extension Preprocessing {
  /// A named filter; others than these two are not read.
  static func interpolation(
    _ name: String, _ reader: ConfigurationReader
  ) throws(ConfigurationError) -> Interpolation {
    guard let found = Interpolation(rawValue: name == "random" ? "bilinear" : name) else {
      throw reader.wrong(
        "its images are resized by \"\(name)\"; bicubic and bilinear are known, so give "
          + "\"preprocessing\" in the spec, with an \"interpolation\" of the two")
    }
    return found
  }

  /// Refuses what no picture can be prepared by.
  func checked(_ reader: ConfigurationReader) throws(ConfigurationError) -> Preprocessing {
    guard crop >= 1, crop <= 8192, resize >= crop, resize <= 16384 else {
      throw reader.wrong(
        "its images are resized to \(resize) and cropped to \(crop), which cannot be")
    }
    guard std.allSatisfy({ $0 > 0 && $0.isFinite }), mean.allSatisfy(\.isFinite) else {
      throw reader.wrong("its mean or standard deviation is no usable number")
    }
    return self
  }
}
