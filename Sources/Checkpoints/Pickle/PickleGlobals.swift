import Tensors

/// The global names that a pickle of weights may refer to, and their meaning.
extension PickleReader {
  /// Element types by the storage class or the dtype that stands for them.
  private static let elementTypes: [String: ElementType] = [
    "torch.DoubleStorage": .float64, "torch.FloatStorage": .float32,
    "torch.HalfStorage": .float16, "torch.BFloat16Storage": .bfloat16,
    "torch.LongStorage": .int64, "torch.IntStorage": .int32, "torch.ShortStorage": .int16,
    "torch.CharStorage": .int8, "torch.ByteStorage": .uint8, "torch.BoolStorage": .bool,
    "torch.float64": .float64, "torch.float32": .float32, "torch.float16": .float16,
    "torch.bfloat16": .bfloat16, "torch.int64": .int64, "torch.int32": .int32,
    "torch.int16": .int16, "torch.int8": .int8, "torch.uint8": .uint8, "torch.bool": .bool,
    "torch.float8_e4m3fn": .float8E4M3, "torch.float8_e5m2": .float8E5M2,
  ]

  private static let rebuilders: Set<String> = [
    "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
  ]

  private static let dictionaries: Set<String> = [
    "collections.OrderedDict", "builtins.dict", "collections.defaultdict",
  ]

  /// Objects that training scripts save with their weights.
  ///
  /// Such an object is skipped: none of its parts is kept, and it does nothing.
  private static let inert: Set<String> = [
    "argparse.Namespace", "collections.Counter", "builtins.set", "builtins.list",
    "torch.Size", "torch.device", "torch.storage.UntypedStorage", "torch.storage._UntypedStorage",
    "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar", "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct", "_codecs.encode", "pathlib.PosixPath", "pathlib.Path",
    "__builtin__.set", "__builtin__.list", "builtins.object", "copy_reg._reconstructor",
    "copyreg._reconstructor", "__builtin__.object",
  ]

  /// The full name, if weights may refer to it.
  func allowed(_ module: String, _ name: String) throws(Problem) -> String {
    let full = "\(module).\(name)"
    guard
      Self.elementTypes[full] != nil || Self.rebuilders.contains(full)
        || Self.dictionaries.contains(full) || Self.inert.contains(full)
    else { throw .refusedGlobal(full) }
    return full
  }

  /// The result of calling an allowed name.
  func rebuilt(_ callee: PickleValue, _ arguments: PickleValue) throws(Problem) -> PickleValue {
    guard case .global(let name) = callee else {
      // An object of an inert name may be called again while it is put together.
      if case .opaque = callee { return callee }
      throw .malformed("it calls what is no function")
    }
    if Self.dictionaries.contains(name) { return .dictionary(PickleDictionary()) }
    guard Self.rebuilders.contains(name) else { return .opaque(name) }
    guard case .tuple(let parts) = arguments, let first = parts.first else {
      throw .malformed("a tensor of it has no parts")
    }
    if name.hasPrefix("torch._utils._rebuild_parameter") { return first }
    guard parts.count >= 4, case .persistent(let storage) = first,
      let offset = parts[1].integer, let shape = parts[2].integers,
      let strides = parts[3].integers
    else { throw .malformed("a tensor of it has parts that no tensor has") }
    // ("storage", class, key, device, elements, …)
    guard storage.count >= 3, storage[0].text == "storage", case .global(let type) = storage[1],
      let key = storage[2].text ?? storage[2].integer.map(String.init)
    else { throw .malformed("a tensor of it has no storage") }
    var element = Self.elementTypes[type]
    if name.hasSuffix("_v3"), parts.count >= 7, case .global(let dtype) = parts[6] {
      element = Self.elementTypes[dtype]
    }
    guard let element else { throw .malformed("a tensor of it is of the unknown type \(type)") }
    return .tensor(
      PickleTensor(
        storage: key, type: element, offset: offset, shape: shape, strides: strides))
  }
}
