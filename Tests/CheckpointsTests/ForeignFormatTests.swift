import Checkpoints
import Files
import Foundation
import Testing

/// Files that people take for weights.
@Suite struct `Files of other kinds` {
  private static let gitLFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"

  private static let files: [(Data, String)] = [
    (Data(), "is empty; the download or copy that made it did not end"),
    (
      Data(gitLFS.utf8),
      "is a pointer of Git LFS and the weights were not fetched; run `git lfs pull` in its folder"
    ),
    (Data("\n <!DOCTYPE html><html>".utf8), "is a web page and no weights"),
    (data([0x89], "HDF\r\n"), "is an HDF5 file"),
    (Data("GGUF12345".utf8), "is a GGUF file"),
    (Data([0x1F, 0x8B, 8, 0]), "is compressed with gzip; unpack it first"),
    (data([0x93], "NUMPY1"), "is a single NumPy array"),
    (data([8, 7, 0x12, 7], "pytorch"), "looks like an ONNX graph"),
    (Data([0x80, 4, 0x95, 0]), "is a Python pickle that torch.save did not write"),
    (Data(count: 257) + data([], "ustar") + Data(count: 300), "is a tar archive"),
  ]

  private static func data(_ bytes: [UInt8], _ text: String) -> Data {
    Data(bytes) + Data(text.utf8)
  }

  @Test(arguments: files)
  func `what they are and what to do is said`(data: Data, sentence: String) throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: url) }
    try data.write(to: url)
    let error = #expect(throws: CheckpointError.self) {
      try Checkpoint.open(PathBytes(url.path))
    }
    let text = error?.description ?? ""
    #expect(text.hasPrefix("\(url.path): \(sentence)"), "\(text)")
  }
}
