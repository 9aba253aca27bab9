import CSIMTHarness
import Foundation
import Testing

/// Storage precision of a kernel, by its suffix.
enum Precision: String, CaseIterable, Sendable {
  case f32, f16, bf16

  static let halves: [Precision] = [.f16, .bf16]

  var byteCount: Int { self == .f32 ? 4 : 2 }

  /// Half a unit in the last place of a number near 1.
  var epsilon: Double {
    switch self {
    case .f32: 0x1p-24
    case .f16: 0x1p-11
    case .bf16: 0x1p-8
    }
  }

  /// The nearest number that can be stored.
  func rounded(_ value: Float) -> Float { decode(encode(value)) }

  func encode(_ value: Float) -> UInt32 {
    switch self {
    case .f32: return value.bitPattern
    case .f16: return UInt32(Float16(value).bitPattern)
    case .bf16:
      let bits = value.bitPattern
      return value.isNaN ? bits >> 16 | 0x40 : (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    }
  }

  func decode(_ bits: UInt32) -> Float {
    switch self {
    case .f32: Float(bitPattern: bits)
    case .f16: Float(Float16(bitPattern: UInt16(bits)))
    case .bf16: Float(bitPattern: bits << 16)
    }
  }
}

/// Memory of the imagined device, with a zone of NaN on both sides that no kernel may write to.
final class Buffer {
  private static let guardBytes = 256
  private static let poison: UInt8 = 0xFF

  private let memory: UnsafeMutableRawPointer
  let byteCount: Int
  let precision: Precision

  /// Numbers rounded to a precision.
  init(_ values: [Float], _ precision: Precision = .f32) {
    (memory, byteCount, self.precision) = Self.make(values.count * precision.byteCount, precision)
    for (index, value) in values.enumerated() {
      let bits = precision.encode(value)
      if precision == .f32 {
        address.storeBytes(of: bits, toByteOffset: 4 * index, as: UInt32.self)
      } else {
        address.storeBytes(of: UInt16(bits), toByteOffset: 2 * index, as: UInt16.self)
      }
    }
  }

  /// `count` numbers that are NaN until they are written; -1 as integers.
  init(count: Int, _ precision: Precision = .f32) {
    (memory, byteCount, self.precision) = Self.make(count * precision.byteCount, precision)
  }

  init(integers: [Int32]) {
    (memory, byteCount, precision) = Self.make(4 * integers.count, .f32)
    for (index, value) in integers.enumerated() {
      address.storeBytes(of: value, toByteOffset: 4 * index, as: Int32.self)
    }
  }

  init(keys: [UInt64]) {
    (memory, byteCount, precision) = Self.make(8 * keys.count, .f32)
    for (index, value) in keys.enumerated() {
      address.storeBytes(of: value, toByteOffset: 8 * index, as: UInt64.self)
    }
  }

  deinit { memory.deallocate() }

  private static func make(
    _ bytes: Int, _ precision: Precision
  ) -> (UnsafeMutableRawPointer, Int, Precision) {
    let total = bytes + 2 * guardBytes
    let memory = UnsafeMutableRawPointer.allocate(byteCount: total, alignment: 256)
    memory.initializeMemory(as: UInt8.self, repeating: poison, count: total)
    return (memory, bytes, precision)
  }

  var address: UnsafeMutableRawPointer { memory + Self.guardBytes }

  var values: [Float] {
    (0..<(byteCount / precision.byteCount)).map { index in
      precision == .f32
        ? address.load(fromByteOffset: 4 * index, as: Float.self)
        : precision.decode(UInt32(address.load(fromByteOffset: 2 * index, as: UInt16.self)))
    }
  }

  var integers: [Int] {
    (0..<(byteCount / 4)).map { Int(address.load(fromByteOffset: 4 * $0, as: Int32.self)) }
  }

  /// Nothing was written next to the numbers.
  var isGuarded: Bool {
    let first = UnsafeRawBufferPointer(start: memory, count: Self.guardBytes)
    let last = UnsafeRawBufferPointer(start: address + byteCount, count: Self.guardBytes)
    return first.allSatisfy { $0 == Self.poison } && last.allSatisfy { $0 == Self.poison }
  }
}

/// One parameter of a kernel.
enum Argument {
  case buffer(Buffer?)
  /// A pointer into a buffer.
  case offset(Buffer, elements: Int)
  case int(Int)
  case float(Float)
  case long(Int)
  case unsigned(UInt64)

  fileprivate var letter: Character {
    switch self {
    case .buffer, .offset: "p"
    case .int: "i"
    case .float: "f"
    case .long: "l"
    case .unsigned: "L"
    }
  }

  /// The buffer that a kernel reaches through it.
  fileprivate var memory: Buffer? {
    switch self {
    case .buffer(let buffer): buffer
    case .offset(let buffer, _): buffer
    default: nil
    }
  }

  fileprivate func store(to slot: UnsafeMutableRawPointer) {
    switch self {
    case .buffer(let buffer):
      slot.storeBytes(of: buffer.map { UInt(bitPattern: $0.address) } ?? 0, as: UInt.self)
    case .offset(let buffer, let elements):
      let address = buffer.address + elements * buffer.precision.byteCount
      slot.storeBytes(of: UInt(bitPattern: address), as: UInt.self)
    case .int(let value): slot.storeBytes(of: Int32(value), as: Int32.self)
    case .float(let value): slot.storeBytes(of: value, as: Float.self)
    case .long(let value): slot.storeBytes(of: Int64(value), as: Int64.self)
    case .unsigned(let value): slot.storeBytes(of: value, as: UInt64.self)
    }
  }
}

/// In which order threads run.
enum Order: CaseIterable, Sendable {
  case forward, backward, shuffled

  fileprivate func choose() {
    switch self {
    case .forward: simt_set_order(Int32(SIMT_FORWARD), 0)
    case .backward: simt_set_order(Int32(SIMT_BACKWARD), 0)
    case .shuffled: simt_set_order(Int32(SIMT_SHUFFLED), 1)
    }
  }
}

/// What was wrong with a launch.
struct LaunchFailure: Error, CustomStringConvertible {
  let code: Int32
  let description: String
}

/// Runs a kernel, and checks that it wrote nothing next to its buffers.
func launch(
  _ kernel: String, grid: (Int, Int, Int), block: Int, shared: Int = 0, order: Order = .forward,
  _ arguments: Argument...
) throws {
  try launch(
    kernel, grid: grid, block: block, shared: shared, order: order, arguments: arguments)
}

func launch(
  _ kernel: String, grid: (Int, Int, Int), block: Int, shared: Int = 0, order: Order = .forward,
  arguments: [Argument]
) throws {
  let signature = simt_kernel_signature(kernel).map { String(cString: $0) }
  if let signature, signature != String(arguments.map(\.letter)) {
    throw LaunchFailure(
      code: -1, description: "\(kernel) takes \(signature), found \(arguments.map(\.letter))")
  }
  let slots = UnsafeMutableRawPointer.allocate(byteCount: 8 * arguments.count, alignment: 8)
  defer { slots.deallocate() }
  var addresses: [UnsafeMutableRawPointer?] = []
  for (index, argument) in arguments.enumerated() {
    argument.store(to: slots + 8 * index)
    addresses.append(slots + 8 * index)
  }
  if let program = PTXProgram.current {
    try program.run(
      kernel, grid: grid, block: block, shared: shared, arguments.compactMap(\.memory),
      &addresses)
  } else {
    order.choose()
    let code = simt_launch(
      kernel, UInt32(grid.0), UInt32(grid.1), UInt32(grid.2), UInt32(block), 1, 1,
      UInt32(shared), &addresses)
    guard code == 0 else {
      throw LaunchFailure(code: code, description: String(cString: simt_error()))
    }
  }
  for case .buffer(let buffer?) in arguments where !buffer.isGuarded {
    throw LaunchFailure(code: -2, description: "\(kernel) wrote outside a buffer")
  }
}

/// `⌈a / b⌉`.
func parts(_ a: Int, _ b: Int) -> Int { (a + b - 1) / b }

extension Trait where Self == ConditionTrait {
  /// For kernels without what they must wait for, which read and write anywhere: a sanitizer would
  /// end the tests at the first.
  static var unlessSanitized: Self {
    .disabled(
      if: ProcessInfo.processInfo.environment["LAB_SANITIZER"] != nil,
      "the kernel is faulty on purpose, which the sanitizer would report")
  }
}
