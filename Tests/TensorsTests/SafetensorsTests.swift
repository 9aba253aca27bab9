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

  @Test func `written tensors are read back`() throws {
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

  @Test func `float16 and bfloat16 become float32`() throws {
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

  @Test func `every float16 is exact`() {
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
    // Refused as by the format's own library.
    let one = #""dtype":"F32","shape":[1],"data_offsets""#
    #expect(
      try message(file(#"{"a":{\#(one):[0,4]},"a":{\#(one):[0,4]}}"#, [0, 0, 0, 0]))
        == "DIR/x.safetensors: is not a usable safetensors file: its header has a key twice")
    #expect(
      try message(file(#"{"a":{\#(one):[0,4]},"b":{\#(one):[2,6]}}"#, [0, 0, 0, 0, 0, 0]))
        == "DIR/x.safetensors: is not a usable safetensors file: the tensors a and b share bytes")
    #expect(
      try message(
        file(#"{"a":{\#(one):[0,4]},"b":{\#(one):[6,10]}}"#, Array(repeating: 0, count: 10)))
        == "DIR/x.safetensors: is not a usable safetensors file: 2 bytes before tensor b belong to "
        + "none")
    #expect(
      try message(file(#"{"a":{\#(one):[0,4]}}"#, [0, 0, 0, 0, 0]))
        == "DIR/x.safetensors: is not a usable safetensors file: 1 bytes at its end belong to no "
        + "tensor")
    #expect(
      try message(
        file(#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#))
        == "DIR/x.safetensors: is not a usable safetensors file: tensor a has 0 bytes, not "
        + "[4611686018427387904, 4]")
    let huge = folder.appendingPathComponent("huge.safetensors")
    try (withUnsafeBytes(of: UInt64(1 << 30).littleEndian) { Data($0) }).write(to: huge)
    #expect(truncate(huge.path, 1 << 40) == 0)
    #expect(
      message(huge)
        == "DIR/huge.safetensors: is not a usable safetensors file: its header says 1073741824 "
        + "bytes; those of more than 100000000 are not read")
    #expect(mkfifo(path + "/pipe.safetensors", 0o600) == 0)
    #expect(
      message(folder.appendingPathComponent("pipe.safetensors"))
        == "DIR/pipe.safetensors: cannot be read: it is a pipe; only regular files are read")
    #expect(symlink("/dev/zero", path + "/zero.safetensors") == 0)
    #expect(
      message(folder.appendingPathComponent("zero.safetensors"))
        == "DIR/zero.safetensors: cannot be read: it is a device; only regular files are read")
    #expect(
      message(folder.appendingPathComponent("none.safetensors"))
        == "DIR/none.safetensors: cannot be read: no such file or directory")
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

  @Test func `metadata may be null, and tensors may be empty`() throws {
    let header =
      #"{"__metadata__":null,"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"#
      + #""b":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#
    let read = try SafetensorsFile(url: file(header, [0, 0, 128, 63]))
    #expect(read.metadata.isEmpty)
    #expect(try read.floats("a") == [])
    #expect(try read.floats("b") == [1])
  }

  @Test func `a file that cannot be written says so`() {
    let url = folder.appendingPathComponent("no/such/folder.safetensors")
    #expect(throws: TensorsError.self) { try SafetensorsWriter.write([:], to: url) }
  }
}
