import Foundation

/// A kind of untrusted input, and the code that reads it.
///
/// An input passes if the reader returns or throws one of our errors: a crash, a hang or unbounded
/// memory is a defect.
struct Kind: Sendable {
  let name: String
  /// Reads one input; `folder` may be used for what must be read from files.
  let read: @Sendable (_ bytes: [UInt8], _ folder: URL) throws -> Void

  static let all: [Kind] =
    [
      Kind(name: "spec") { try SpecInput.read($0, $1) },
      Kind(name: "safetensors") { try SafetensorsInput.read($0, $1) },
      Kind(name: "checkpoint") { try CheckpointInput.read($0, $1) },
      Kind(name: "records") { try RecordsInput.read($0, $1) },
      Kind(name: "published") { try PublishedInput.read($0, $1) },
      Kind(name: "labels") { try LabelsInput.read($0, $1) },
      Kind(name: "tar") { try ArchiveInput.read($0, $1) },
      Kind(name: "config") { try ConfigurationInput.read($0, $1) },
      Kind(name: "device") { try DeviceInput.read($0, $1) },
    ] + PictureInput.formats.map { Kind(name: $0) { try PictureInput.read($0, $1) } }

  static func named(_ name: String) -> Kind? { all.first { $0.name == name } }

  /// Reads one input, and stops the program if it throws an error that is not ours.
  func hold(_ bytes: [UInt8], _ folder: URL) {
    do {
      try read(bytes, folder)
    } catch {
      let sentence = "\(error)"
      if sentence.contains("NSCocoaErrorDomain") || sentence.contains("Error Domain=") {
        fatalError("an error without a sentence of its own: \(sentence)")
      }
    }
  }
}
