import Foundation
import Support

/// Compiled kernels as a cache file holds them: a mark, a digest, and the image.
enum KernelCacheEntry {
  private static let machineCode = Data("labcubin".utf8)
  private static let text = Data("lab-ptx-".utf8)

  static func seal(_ kernels: CompiledKernels) -> Data {
    (kernels.isMachineCode ? machineCode : text) + Data(Digest.hex(kernels.image).utf8)
      + kernels.image
  }

  /// `nil` for a file that is not there, cut short, or changed.
  static func open(_ data: Data?) -> CompiledKernels? {
    guard let data, data.count > 24 else { return nil }
    let mark = data.prefix(8)
    let image = Data(data.dropFirst(24))
    guard mark == machineCode || mark == text,
      data.dropFirst(8).prefix(16) == Data(Digest.hex(image).utf8)
    else { return nil }
    return CompiledKernels(image: image, isMachineCode: mark == machineCode)
  }
}

/// A 64-bit digest: against accidents, not against malice.
enum Digest {
  static func hex(_ data: some Sequence<UInt8>) -> String {
    let text = String(FNV1a.hash(data), radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }

  static func hex(_ text: String) -> String { hex(text.utf8) }
}
