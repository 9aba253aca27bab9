import Records
import Testing

/// Differences between the kernels of two passes.
@Suite struct `Kernel launches of a pass` {
  private static func attention(
    _ blocks: Int, threads: Int = 128, kernel: String = "attention_mma_d64_f16"
  ) -> KernelLaunch {
    KernelLaunch(
      work: "attention", kernel: kernel, count: 12, threads: threads, blocks: blocks, resident: 100)
  }

  private static func norm(_ blocks: Int) -> KernelLaunch {
    KernelLaunch(
      work: "layer_norm_f16", kernel: "layer_norm_f16", count: 12, threads: 128, blocks: blocks,
      resident: 400)
  }

  private static func linear(_ algorithm: String) -> KernelLaunch {
    KernelLaunch(work: "linear 384x1536", kernel: "library \(algorithm)", count: 12)
  }

  @Test func `a partially filled GPU counts as a full wave`() {
    #expect(Self.attention(300).waves == 3)
    #expect(Self.attention(301).waves == 4)
    #expect(Self.linear("1a").waves == nil)
  }

  @Test func `changes are listed, different kernels first, then the largest change of waves`() {
    let before = [Self.attention(300), Self.norm(4000), Self.linear("1a")]
    func changes(_ after: [KernelLaunch]) -> [String] {
      KernelChange.all(from: before, to: after).map(\.text)
    }
    #expect(changes(before) == [])
    #expect(changes([Self.attention(300), Self.norm(4000), Self.linear("1a")]) == [])
    #expect(
      changes([Self.attention(301), Self.norm(4001), Self.linear("1a")]) == [
        "attention: 3 → 4 waves", "layer_norm_f16: 10 → 11 waves",
      ])
    #expect(
      changes([Self.attention(301, threads: 256), Self.norm(4001), Self.linear("2b")]) == [
        "linear 384x1536: library 1a → library 2b", "attention: blocks of 128 → 256 threads",
        "layer_norm_f16: 10 → 11 waves",
      ])
  }

  @Test func `work of several kernels is compared kernel by kernel`() {
    func layer(_ kernels: [(String, Int)]) -> [KernelLaunch] {
      kernels.map {
        KernelLaunch(
          work: "fc1+gelu 1536x384", kernel: $0.0, count: 12, threads: 128, blocks: $0.1,
          resident: 100)
      }
    }
    let library = layer([("layer_norm_f16", 90), ("gelu_f16", 400)])
    #expect(
      KernelChange.all(from: library, to: layer([("layer_norm_f16", 90), ("gelu_f16", 401)])).map(
        \.text) == ["fc1+gelu 1536x384: gelu_f16: 4 → 5 waves"])
    #expect(
      KernelChange.all(from: library, to: layer([("norm_gemm_mma_r64_f16", 90)])).map(\.text) == [
        "fc1+gelu 1536x384: layer_norm_f16, gelu_f16 → norm_gemm_mma_r64_f16"
      ])
  }
}
