/// Files that are mistaken for weights, by their first bytes.
enum ForeignFormat {
  /// What a file is and what to do with it, `nil` for one that may be of a format that is read.
  static func sentence(_ bytes: UnsafeRawBufferPointer) -> String? {
    func starts(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
    if bytes.isEmpty { return "is empty; the download or copy that made it did not end" }
    if starts("version https://git-lfs") {
      return "is a pointer of Git LFS and the weights were not fetched; run `git lfs pull` in its "
        + "folder"
    }
    let beginning = String(decoding: bytes.prefix(64), as: UTF8.self).lowercased()
      .drop { $0.isWhitespace }
    if beginning.hasPrefix("<!doctype") || beginning.hasPrefix("<html") {
      return "is a web page and no weights: what it was saved from is no link to a file, or needs "
        + "a log-in"
    }
    if bytes.starts(with: [0x89] + Array("HDF\r\n".utf8)) {
      return "is an HDF5 file, as Keras writes; save the weights as safetensors"
    }
    if starts("GGUF") { return "is a GGUF file of a language model; no vision model is read of it" }
    if bytes.starts(with: [0x1F, 0x8B]) { return "is compressed with gzip; unpack it first" }
    if bytes.starts(with: [0x93] + Array("NUMPY".utf8)) {
      return "is a single NumPy array; weights are a .npz of them, or safetensors"
    }
    if bytes.count > 262,
      UnsafeRawBufferPointer(rebasing: bytes[257..<262]).elementsEqual("ustar".utf8)
    {
      return "is a tar archive; unpack it and name the file of weights in it"
    }
    // A protobuf whose first field is the small number of ONNX's version, its second a name.
    if bytes.count > 2, bytes[0] == 8, (1..<32).contains(bytes[1]), [0x12, 0x1A].contains(bytes[2])
    {
      return "looks like an ONNX graph; save its initializers as safetensors"
    }
    if bytes.count > 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
      return "is a Python pickle that torch.save did not write; save the weights with "
        + "torch.save(model.state_dict(), …) or as safetensors"
    }
    return nil
  }
}
