import CKernels
import COpenBLAS
import Files
import Foundation
import Support
import Synchronization

/// Chooses what multiplies float32: our kernels or the system's BLAS, whichever is faster for each
/// kind of product.
///
/// The first use on a machine takes some hundredths of a second; what was found is kept by
/// processor, kernels and library.
final class EngineTrial: Sendable {
  static let shared = EngineTrial(.ofThisUser("cpu"))

  private let cache: CacheFolder
  private let known = Mutex<EngineChoice?>(nil)

  init(_ cache: CacheFolder) { self.cache = cache }

  /// Our kernels where there is no BLAS, or one that is wrong.
  func choice() -> EngineChoice {
    known.withLock { known in
      if let known { return known }
      let found = find()
      known = found
      return found
    }
  }

  private func find() -> EngineChoice {
    guard let library = try? BLASLibrary.open() else { return .packed }
    let identity = [
      "1", Processor.name, String(cString: lab_product_kernels()), library.summary,
    ].joined(separator: "; ")
    if let line = stored()[identity], let choice = Self.choice(line, library) { return choice }
    let seconds = Self.kinds.map { kind in
      (packed: kind.seconds(of: .packed), blas: kind.seconds(of: .blas))
    }
    // A BLAS that is only as fast is not used.
    let words = seconds.map { $0.blas < 0.97 * $0.packed ? "blas" : "packed" }
    store(words.joined(separator: " "), identity)
    return Self.choice(words.joined(separator: " "), library) ?? .packed
  }

  private static func choice(_ line: String, _ library: BLASLibrary) -> EngineChoice? {
    let gemms: [GEMM] = line.split(separator: " ").compactMap {
      $0 == "blas" ? .blas : $0 == "packed" ? .packed : nil
    }
    guard gemms.count == kinds.count else { return nil }
    return EngineChoice(
      linear: gemms[0], attention: gemms[1],
      library: gemms.contains(.blas) ? library : nil, isTried: true)
  }

  // MARK: The file of earlier trials

  private static let file = "engines.json"

  private func stored() -> [String: String] {
    cache.read(Self.file).flatMap { try? JSONDecoder().decode([String: String].self, from: $0) }
      ?? [:]
  }

  private func store(_ line: String, _ identity: String) {
    var all = stored()
    all[identity] = line
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    if let data = try? encoder.encode(all) { cache.write(data, Self.file) }
  }

  // MARK: Trials

  /// Linear layers of DeiT-S over the tokens of an image, and one of its heads.
  private static let kinds: [TrialProduct] = [
    TrialProduct(rows: 197, columns: 1152, k: 384, isWeight: true),
    TrialProduct(rows: 197, columns: 197, k: 64, isWeight: false),
  ]
}

/// One product that both engines compute.
private struct TrialProduct {
  let rows: Int
  let columns: Int
  let k: Int
  /// Whether our kernels find it packed.
  let isWeight: Bool

  /// The minimum of some repetitions, after one that is not timed.
  func seconds(of gemm: GEMM) -> Double {
    let a = (0..<(rows * k)).map { Float($0 % 61 - 30) / 32 }
    let b = (0..<(columns * k)).map { Float($0 % 53 - 26) / 32 }
    var c = [Float](repeating: 0, count: rows * columns)
    var packed = [Float](repeating: 0, count: lab_packed_count(columns, k))
    var scratch = [Float](repeating: 0, count: lab_product_scratch_count(rows))
    lab_pack_transposed(b, columns, k, k, 0, lab_panels(columns), &packed)
    let clock = ContinuousClock()
    var minimum = Duration.seconds(1)
    for repetition in 0...7 {
      let time = clock.measure {
        if gemm == .blas {
          lab_blas_product(
            true, Int32(rows), Int32(columns), Int32(k), a, Int32(k), b, Int32(k), 0, &c,
            Int32(columns))
        } else {
          if !isWeight {
            lab_pack_transposed(b, columns, k, k, 0, lab_panels(columns), &packed)
          }
          lab_product(
            a, rows, k, packed, columns, k, 0, lab_panels(columns), lab_fetch(), nil,
            GEMMEpilogue.none.kernelMode, &c, columns, &scratch)
        }
      }
      if repetition > 0 { minimum = min(minimum, time) }
    }
    return Double(minimum.components.attoseconds) / 1e18 + Double(minimum.components.seconds)
  }
}
