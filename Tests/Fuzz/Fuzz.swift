import Foundation

/// Reads changed inputs of one kind until the requested number has passed, or until one fails.
///
///     fuzz KIND --seeds PATH… --runs N [--seed N] [--last FILE]     our own mutator
///     fuzz KIND --try FILE…                                         these inputs as they are
///     fuzz --kinds                                                  the kinds, a line each
///
/// If `Scripts/drill.py fuzz` builds it a second time, libFuzzer chooses the inputs by code
/// coverage:
///
///     fuzz KIND --lib CORPUS -runs=N …
///
/// The current input is in FILE, which remains after the process ends.
@main
enum Fuzz {
  static func main() throws {
    var arguments = Array(CommandLine.arguments.dropFirst())
    if arguments == ["--kinds"] { return print(Kind.all.map(\.name).joined(separator: "\n")) }
    guard let kind = arguments.first.flatMap(Kind.named) else {
      fail("the first argument is a kind: \(Kind.all.map(\.name).joined(separator: ", "))")
    }
    arguments.removeFirst()
    let folder = try scratchFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    switch arguments.first {
    case "--try":
      for file in arguments.dropFirst() {
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: file)))
        Watch.hold { kind.hold(bytes, folder) }
        print("held: \(file)")
      }
    case "--lib": runLibFuzzer(kind, arguments: Array(arguments.dropFirst()), folder)
    default: try runMutator(kind, Options(arguments), folder)
    }
  }

  static func fail(_ sentence: String) -> Never {
    FileHandle.standardError.write(Data((sentence + "\n").utf8))
    exit(2)
  }

  /// A folder in memory if possible, because most inputs are files.
  private static func scratchFolder() throws -> URL {
    let memory = "/dev/shm"
    let parent =
      FileManager.default.isWritableFile(atPath: memory)
      ? URL(fileURLWithPath: memory) : FileManager.default.temporaryDirectory
    // Deep enough that no other label file is found in a parent folder.
    let folder = parent.appendingPathComponent("lab-fuzz-\(getpid())/a/b/c")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  // MARK: Our own mutator

  private struct Options {
    var seeds: [String] = []
    var runs = 1000
    var seed: UInt64 = 0
    var last: String?

    init(_ arguments: [String]) {
      var option = ""
      for argument in arguments {
        if argument.hasPrefix("--") {
          option = argument
          continue
        }
        switch option {
        case "--seeds": seeds.append(argument)
        case "--runs": runs = Self.number(argument)
        case "--seed": seed = UInt64(Self.number(argument))
        case "--last": last = argument
        default: Fuzz.fail("\(argument): no such option")
        }
      }
    }

    private static func number(_ text: String) -> Int {
      guard let number = Int(text), number >= 0 else { Fuzz.fail("\(text) is no count") }
      return number
    }
  }

  private static func runMutator(_ kind: Kind, _ options: Options, _ folder: URL) throws {
    let seeds = try options.seeds.map { try [UInt8](Data(contentsOf: URL(fileURLWithPath: $0))) }
    guard !seeds.isEmpty else { fail("--seeds: name at least one file") }
    for seed in seeds { Watch.hold { kind.hold(seed, folder) } }
    var mutator = Mutator(seeds: seeds, seed: options.seed)
    let last = options.last.flatMap { LastInput(path: $0) }
    for _ in 0..<options.runs {
      let bytes = mutator.next()
      last?.store(bytes)
      Watch.hold { kind.hold(bytes, folder) }
    }
    print("\(kind.name): \(options.runs) inputs held")
  }

  // MARK: libFuzzer

  private static func runLibFuzzer(_ kind: Kind, arguments: [String], _ folder: URL) {
    #if LIBFUZZER
      target = (kind, folder)
      let texts = [CommandLine.arguments[0]] + arguments
      let argv = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
        capacity: texts.count + 1)
      for (index, text) in texts.enumerated() { argv[index] = strdup(text) }
      argv[texts.count] = nil
      var count = CInt(texts.count)
      var start = argv
      let status = runFuzzer(&count, &start) { bytes, count in
        let input = Array(UnsafeBufferPointer(start: bytes, count: count))
        if let (kind, folder) = Fuzz.target { Watch.hold { kind.hold(input, folder) } }
        return 0
      }
      exit(status)
    #else
      fail("this program is built without libFuzzer; Scripts/drill.py fuzz builds it with it")
    #endif
  }

  #if LIBFUZZER
    nonisolated(unsafe) fileprivate static var target: (Kind, URL)?
  #endif
}

#if LIBFUZZER
  /// libFuzzer's own `main`, with the function that it calls for every input.
  @_silgen_name("LLVMFuzzerRunDriver")
  private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
  ) -> CInt
#endif

/// The current input in a memory-mapped file, which remains even if the process is killed.
private final class LastInput {
  private static let maximum = 1 << 20
  private let bytes: UnsafeMutableRawPointer

  init?(path: String) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0, ftruncate(descriptor, off_t(8 + Self.maximum)) == 0,
      let mapped = mmap(nil, 8 + Self.maximum, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      mapped != MAP_FAILED
    else { return nil }
    close(descriptor)
    bytes = mapped
  }

  deinit { munmap(bytes, 8 + Self.maximum) }

  /// Writes eight bytes of length, then the input.
  func store(_ input: [UInt8]) {
    let count = min(input.count, Self.maximum)
    bytes.storeBytes(of: UInt64(count).littleEndian, as: UInt64.self)
    input.withUnsafeBytes {
      (bytes + 8).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(bytes), byteCount: count)
    }
  }
}
