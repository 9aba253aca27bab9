import COpenBLAS
import Foundation

/// Which of OpenBLAS's kernels are fastest on this processor.
///
/// Its own choice follows the processor's features, not its speed: on a Zen 4 it takes the AVX-512 kernels for Cooper Lake, and
/// the AVX2 ones for Haswell are a fifth faster. So a short trial decides, once per machine; the choice is cached and stands in
/// every record. `OPENBLAS_CORETYPE` in the environment overrides it.
enum OpenBLASKernels {
  private static let candidates = ["Haswell", "Zen", "SkylakeX"]
  private static let lock = NSLock()
  nonisolated(unsafe) private static var chosen: String?

  /// Chooses at the first call; returns the library with its kernels, for example `OpenBLAS 0.3.21 Haswell`.
  static func choose(processor: String) -> String {
    lock.lock()
    defer { lock.unlock() }
    if let chosen { return chosen }
    if ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] == nil, isX86 {
      let standard = currentCore
      let key = "\(processor)|\(version)|\(standard)|197x768x384"
      let cache = Cache()
      let best = cache.core(for: key) ?? trial(standard: standard)
      if best != currentCore { _ = lab_openblas_select_core(best) }
      cache.store(best, for: key)
    }
    let description = "\(version) \(currentCore)"
    chosen = description
    return description
  }

  private static var isX86: Bool {
    #if arch(x86_64)
      true
    #else
      false
    #endif
  }

  private static var currentCore: String { String(cString: openblas_get_corename()) }

  /// `OpenBLAS 0.3.21`, from a text such as `OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …`.
  private static var version: String {
    String(cString: openblas_get_config()).split(separator: " ").prefix(2).joined(separator: " ")
  }

  /// The fastest of the candidates at half a feed-forward layer of DeiT-S on one image.
  ///
  /// Best of several rounds over all of them: another program's burst then hits no candidate alone.
  private static func trial(standard: String) -> String {
    let (rows, columns, depth) = (197, 768, 384)
    let a = [Float](repeating: 0.5, count: rows * depth)
    let b = [Float](repeating: 0.5, count: columns * depth)
    var c = [Float](repeating: 0, count: rows * columns)
    var best: [String: UInt64] = [:]
    let cores = [standard] + candidates.filter { $0 != standard && isSupported($0) }
    for _ in 0..<4 {
      for core in cores {
        guard lab_openblas_select_core(core) != 0 else { return standard }
        // OpenBLAS falls back to another core's kernels for a name that it does not know.
        guard currentCore == core else { continue }
        for _ in 0..<3 {
          let start = DispatchTime.now().uptimeNanoseconds
          product(.plain, rows, columns, depth, a, depth, b, columns, &c, columns)
          best[core] = min(best[core] ?? .max, DispatchTime.now().uptimeNanoseconds - start)
        }
      }
    }
    return cores.min { (best[$0] ?? .max) < (best[$1] ?? .max) } ?? standard
  }

  /// Whether this processor can run a candidate's instructions.
  private static func isSupported(_ core: String) -> Bool {
    let flags = Set(
      ((try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? "")
        .split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ") ?? [])
    return core == "SkylakeX"
      ? flags.isSuperset(of: ["avx512f", "avx512bw", "avx512dq", "avx512vl"])
      : flags.isSuperset(of: ["avx2", "fma"])
  }

  /// A small file of earlier choices; without a place for it every start makes the trial.
  private struct Cache {
    private let url: URL? = {
      let environment = ProcessInfo.processInfo.environment
      let base =
        environment["XDG_CACHE_HOME"].map { URL(fileURLWithPath: $0) }
        ?? environment["HOME"].map { URL(fileURLWithPath: $0).appendingPathComponent(".cache") }
      return base?.appendingPathComponent("lab/openblas-kernels.json")
    }()

    private var choices: [String: String] {
      guard let url, let data = try? Data(contentsOf: url) else { return [:] }
      return (try? JSONDecoder().decode([String: String].self, from: data)) ?? [:]
    }

    func core(for key: String) -> String? { choices[key] }

    func store(_ core: String, for key: String) {
      var all = choices
      guard let url, all[key] != core else { return }
      all[key] = core
      // A cache that cannot be written only costs the trial again.
      try? FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try? JSONEncoder().encode(all).write(to: url, options: .atomic)
    }
  }
}
