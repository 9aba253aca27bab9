import Datasets
import Files
import Foundation

/// The result of `lab dataset check`: every image with its label and hash, and the problems found.
///
/// A spec that names it uses its hashes instead of reading every image again.
package struct DatasetManifest: Codable, Hashable, Sendable {
  package struct Picture: Codable, Hashable, Sendable {
    /// Below the data set's folder, or in its archive.
    package let path: String
    package let label: Int
    package let bytes: Int
    package let sha256: String
  }

  package struct Unreadable: Codable, Hashable, Sendable {
    package let path: String
    package let reason: String
  }

  /// Images that other programs read differently, by their paths.
  package struct Odd: Codable, Hashable, Sendable {
    /// Images whose format differs from their name.
    package var namedOtherwise: [String] = []
    package var cmyk: [String] = []
    package var gray: [String] = []
    /// Images with an EXIF rotation, which evaluation ignores.
    package var turned: [String] = []
    /// Images with the same bytes as another one.
    package var repeated: [String] = []
  }

  /// Whether the images are ImageNet-1k's complete validation set.
  package struct ValidationSet: Codable, Hashable, Sendable {
    package let isWhole: Bool
    /// Why it is not, or what was compared.
    package let reasons: [String]
  }

  static let currentVersion = 1

  package let version: Int
  package let name: String
  package let layout: String
  package let classes: Int
  package let warnings: [String]
  package let fingerprint: String
  package let pictures: [Picture]
  package let unreadable: [Unreadable]
  package let odd: Odd
  /// `nil` for a data set with other classes.
  package let validationSet: ValidationSet?

  /// Reads a manifest.
  ///
  /// - Throws: `ExperimentsError.impossible`.
  static func read(_ path: String) throws -> DatasetManifest {
    func failure(_ message: String) -> ExperimentsError {
      .impossible(subject: path, message: message + "; make it anew with `lab dataset check`")
    }
    let bytes: [UInt8]
    do { bytes = try RegularFile.contents(of: PathBytes(path), maxBytes: 1 << 32) } catch {
      throw failure(error.reason)
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let manifest = try? decoder.decode(DatasetManifest.self, from: Data(bytes)) else {
      throw failure("is no manifest of a data set")
    }
    guard manifest.version == currentVersion else {
      throw failure("is of version \(manifest.version), not \(currentVersion)")
    }
    return manifest
  }

  /// The manifest as JSON.
  package var json: Data {
    get throws {
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      return try encoder.encode(self) + Data("\n".utf8)
    }
  }

  /// The hashes of these pictures, if the manifest has them all with the same labels and sizes.
  ///
  /// - Parameter path: The manifest's, for messages.
  /// - Throws: `ExperimentsError.impossible` that names the first difference.
  func digests(
    of found: [LabeledPicture], below root: PathBytes, manifest path: String
  ) throws -> [[UInt8]] {
    func failure(_ message: String) -> ExperimentsError {
      .impossible(
        subject: path, message: message + "; make it anew with `lab dataset check \(root)`")
    }
    let listed = Dictionary(pictures.map { ($0.path, $0) }) { first, _ in first }
    return try found.map { picture in
      guard let known = listed["\(picture.path)"] else {
        throw failure("does not list '\(picture.path)', which \(root) has")
      }
      guard known.label == picture.label else {
        throw failure("gives '\(known.path)' the label \(known.label), not \(picture.label)")
      }
      let size = picture.member?.size ?? FileStatus(of: root / picture.path)?.size ?? -1
      guard size == known.bytes else {
        throw failure("lists '\(known.path)' with \(known.bytes) bytes, and it has \(size)")
      }
      guard let digest = Self.bytes(known.sha256) else {
        throw failure("gives '\(known.path)' a hash that is not hexadecimal")
      }
      return digest
    }
  }

  /// The bytes of pairs of hexadecimal digits; `nil` for any other text.
  private static func bytes(_ hexadecimal: String) -> [UInt8]? {
    let digits = hexadecimal.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard !digits.isEmpty, digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for place in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[place], let low = digits[place + 1] else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }
}
