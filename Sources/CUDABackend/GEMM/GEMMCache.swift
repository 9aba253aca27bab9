import CCUDA
import Files
import Foundation

/// Cached choices of algorithms and implementations, for one GPU and one version of cuBLASLt.
final class GEMMCache {
  private let folder: CacheFolder
  private let name: String
  private var choices: [String: [UInt64]] = [:]
  private var ways: [String: Int] = [:]
  private var isDirty = false

  /// Reads the cache file; malformed lines are ignored.
  init(_ folder: CacheFolder, identity: String) {
    self.folder = folder
    name = "products-\(Digest.hex(identity)).txt"
    let text = folder.read(name).map { String(decoding: $0, as: UTF8.self) } ?? ""
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      let numbers = words.dropFirst().compactMap { UInt64($0, radix: 16) }
      if words.count == 9, numbers.count == 8 { choices[String(words[0])] = numbers }
      if words.count == 2, let way = Int(words[1]) { ways[String(words[0])] = way }
    }
  }

  func algorithm(_ shape: GEMMShape) -> lab_cublaslt_algorithm? {
    guard let words = choices[shape.text] else { return nil }
    var algorithm = lab_cublaslt_algorithm()
    withUnsafeMutableBytes(of: &algorithm) { bytes in
      for (index, word) in words.enumerated() {
        bytes.storeBytes(of: word, toByteOffset: 8 * index, as: UInt64.self)
      }
    }
    return algorithm
  }

  func keep(_ algorithm: lab_cublaslt_algorithm, _ shape: GEMMShape) {
    choices[shape.text] = withUnsafeBytes(of: algorithm) { bytes in
      (0..<8).map { bytes.load(fromByteOffset: 8 * $0, as: UInt64.self) }
    }
    isDirty = true
  }

  /// The implementation that is used for a layer; `name` is one word.
  func way(_ name: String) -> Int? { ways[name] }

  func keep(way: Int, _ name: String) {
    ways[name] = way
    isDirty = true
  }

  /// Writes new choices.
  func save() {
    guard isDirty else { return }
    isDirty = false
    let lines = choices.sorted { $0.key < $1.key }.map { shape, words in
      ([shape] + words.map { String($0, radix: 16) }).joined(separator: " ") + "\n"
    }
    let more = ways.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }
    folder.write(Data((lines + more).joined().utf8), name)
  }
}
