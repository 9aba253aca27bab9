import Checkpoints
import Files
import Foundation
import Testing

/// Files that are mistaken for weights.
@Suite struct `Files of other formats` {
  private static let gitLFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"

  private static let files: [(Data, String)] = [
    (Data(), "is empty; the download or copy that made it did not end"),
    (
      Data(gitLFS.utf8),
      "is a pointer of Git LFS and the weights were not fetched; run `git lfs pull` in its folder"
    ),
    (
      Data("\n <!DOCTYPE html><html>".utf8),
      "is a web page and no weights: what it was saved from is no link to a file, or needs a log-in"
    ),
    (data([0x89], "HDF\r\n"), "is an HDF5 file, as Keras writes; save the weights as safetensors"),
    (
      Data("GGUF12345".utf8),
      "is a GGUF file of a language model; no vision model is read of it"
    ),
    (Data([0x1F, 0x8B, 8, 0]), "is compressed with gzip; unpack it first"),
    (
      data([0x93], "NUMPY1"),
      "is a single NumPy array; weights are a .npz of them, or safetensors"
    ),
    (
      data([8, 7, 0x12, 7], "pytorch"),
      "looks like an ONNX graph; save its initializers as safetensors"
    ),
    (
      Data([0x80, 4, 0x95, 0]),
      "is a Python pickle that torch.save did not write; save the weights with "
        + "torch.save(model.state_dict(), …) or as safetensors"
    ),
    (
      Data(count: 257) + data([], "ustar") + Data(count: 300),
      "is a tar archive; unpack it and name the file of weights in it"
    ),
  ]

  private static func data(_ bytes: [UInt8], _ text: String) -> Data {
    Data(bytes) + Data(text.utf8)
  }

  @Test(arguments: files)
  func `foreign formats are named with what to do`(data: Data, sentence: String) throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: url) }
    try data.write(to: url)
    let error = #expect(throws: CheckpointError.self) {
      try Checkpoint.open(PathBytes(url.path))
    }
    #expect(error?.description == "\(url.path): \(sentence)")
  }
}
