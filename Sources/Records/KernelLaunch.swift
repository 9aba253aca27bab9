/// How one kind of work of a pass was spread over a card.
package struct KernelLaunch: Codable, Hashable, Sendable {
  /// What is computed, whatever kernel does it: `attention`, `fc1+gelu 1536x384`.
  package var work: String
  /// The kernel; of a library the mark of its algorithm: `library 3f2a91c4`.
  package var kernel: String
  /// Launches in a pass.
  package var count: Int
  /// Threads of a block; `nil` where a library decides.
  package var threads: Int?
  /// Blocks of one launch; `nil` where a library decides.
  package var blocks: Int?
  /// Blocks that the whole card holds at once; `nil` where its driver does not say.
  package var resident: Int?

  package init(
    work: String, kernel: String, count: Int, threads: Int? = nil, blocks: Int? = nil,
    resident: Int? = nil
  ) {
    self.work = work
    self.kernel = kernel
    self.count = count
    self.threads = threads
    self.blocks = blocks
    self.resident = resident
  }

  /// How often the card is filled by one launch, the last time as far as there are blocks.
  package var waves: Int? {
    guard let blocks, let resident, resident > 0 else { return nil }
    return (blocks + resident - 1) / resident
  }
}

/// Work that is done otherwise in two passes: what may make a step between them.
package struct KernelChange: Hashable, Sendable {
  /// For example `attention: 3 → 4 waves`, `attention: blocks of 128 → 256 threads`, `fc1+gelu
  /// 1536x384: layer_norm, library 3f2a91c4, gelu → norm_gemm_mma_r64`.
  package let text: String
  /// Other kernels before other waves, and of those the larger change first.
  private let rank: Double

  /// Every change, the most telling first.
  package static func all(from before: [KernelLaunch], to after: [KernelLaunch]) -> [KernelChange] {
    let (old, new) = (byWork(before), byWork(after))
    return old.keys.sorted().compactMap { work in
      guard let was = old[work], let became = new[work] else { return nil }
      return change(work, was, became)
    }.sorted { ($0.rank, $1.text) > ($1.rank, $0.text) }
  }

  private static func byWork(_ launches: [KernelLaunch]) -> [String: [KernelLaunch]] {
    Dictionary(grouping: launches, by: \.work)
  }

  private static func change(
    _ work: String, _ before: [KernelLaunch], _ after: [KernelLaunch]
  ) -> KernelChange? {
    let names = (before.map(\.kernel), after.map(\.kernel))
    guard names.0 == names.1 else {
      let words = "\(names.0.joined(separator: ", ")) → \(names.1.joined(separator: ", "))"
      return KernelChange(text: "\(work): \(words)", rank: 1000)
    }
    var best: KernelChange?
    for (was, became) in zip(before, after) {
      let place = before.count > 1 ? "\(work): \(was.kernel)" : work
      var found: KernelChange?
      if let old = was.threads, let new = became.threads, old != new {
        found = KernelChange(text: "\(place): blocks of \(old) → \(new) threads", rank: 500)
      } else if let old = was.waves, let new = became.waves, old != new, old > 0, new > 0 {
        let ratio = Double(max(old, new)) / Double(min(old, new))
        found = KernelChange(text: "\(place): \(old) → \(new) waves", rank: ratio)
      }
      if let found, found.rank > best?.rank ?? 0 { best = found }
    }
    return best
  }
}
