import Foundation
import Testing

@testable import Tensors

@Suite final class SafetensorsTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func file(_ header: String, _ body: [UInt8] = [], name: String = "x") throws -> URL {
    let url = folder.appendingPathComponent("\(name).safetensors")
    var data = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    data.append(Data(header.utf8))
    data.append(Data(body))
    try data.write(to: url)
    return url
  }

  @Test func `what is written comes back`() throws {
    let url = folder.appendingPathComponent("w.safetensors")
    try SafetensorsWriter.write(
      [
        "a": .init(shape: [2, 2], floats: [1, -2, 3.5, 0]),
        "b": .init(shape: [3], integers: [1, -1, 1 << 40]),
      ], metadata: ["k": "v"], to: url)
    let file = try SafetensorsFile(url: url)
    #expect(try file.floats("a") == [1, -2, 3.5, 0])
    #expect(try file.integers("b") == [1, -1, 1 << 40])
    #expect(file.entries["a"]?.shape == [2, 2])
    #expect(file.metadata == ["k": "v"])
  }

  @Test func `halves and brain floats become floats`() throws {
    // 1, -2, 65504, 2^-24 (subnormal), infinity.
    let halves: [UInt16] = [0x3C00, 0xC000, 0x7BFF, 0x0001, 0x7C00]
    let header = #"{"h":{"dtype":"F16","shape":[5],"data_offsets":[0,10]}}"#
    let bytes = halves.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    #expect(
      try SafetensorsFile(url: file(header, bytes)).floats("h")
        == [1, -2, 65504, 0x1p-24, .infinity])
    let brain = #"{"h":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#
    #expect(
      try SafetensorsFile(url: file(brain, [0x80, 0x3F, 0x20, 0xC0], name: "b")).floats("h")
        == [1, -2.5])
  }

  @Test func `every half is exact`() {
    #if arch(arm64)
      for bits in UInt16.min...UInt16.max where bits & 0x7C00 != 0x7C00 {
        #expect(halfToFloat(bits) == Float(Float16(bitPattern: bits)))
      }
    #else
      for bits in UInt16.min...0x7BFF {
        let (exponent, fraction) = (Int(bits >> 10), Double(bits & 0x3FF))
        let expected =
          exponent == 0
          ? fraction * 0x1p-24
          : (1 + fraction / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
        #expect(Double(halfToFloat(bits)) == expected)
        #expect(Double(halfToFloat(bits | 0x8000)) == -expected)
      }
    #endif
  }

  @Test func `a bad file is one sentence that names it`() throws {
    let path = folder.path
    func message(_ url: URL) -> String {
      do {
        _ = try SafetensorsFile(url: url)
        return "no error"
      } catch {
        return "\(error)".replacingOccurrences(of: path, with: "DIR")
      }
    }
    #expect(
      message(folder.appendingPathComponent("none.safetensors"))
        == "DIR/none.safetensors: cannot be read: No such file or directory")
    let short = folder.appendingPathComponent("s.safetensors")
    try Data([1, 2]).write(to: short)
    #expect(
      message(short)
        == "DIR/s.safetensors: is not a usable safetensors file: it has 2 bytes, a header needs 8")
    #expect(
      try message(file("not json"))
        == "DIR/x.safetensors: is not a usable safetensors file: its header is not the JSON of a "
        + "safetensors file")
    #expect(
      try message(file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, [0, 0, 0, 0]))
        == "DIR/x.safetensors: is not a usable safetensors file: tensor a lies outside the file, "
        + "which may be cut short")
    #expect(
      try message(file(#"{"a":{"dtype":"C64","shape":[0],"data_offsets":[0,0]}}"#))
        == "DIR/x.safetensors: is not a usable safetensors file: tensor a has type C64; F64, F32, "
        + "F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U8, BOOL are read")
    #expect(
      try message(file(#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}"#, [0, 0, 0, 0]))
        == "DIR/x.safetensors: is not a usable safetensors file: tensor a has 4 bytes, not [3]")
  }

  @Test func `a file that cannot be written says so`() {
    let url = folder.appendingPathComponent("no/such/folder.safetensors")
    #expect(throws: TensorsError.self) { try SafetensorsWriter.write([:], to: url) }
  }
}
