import Tensors
import Testing

@testable import CUDABackend

/// How operations are spread over a card, where a number decides.
@Suite struct LaunchTests {
  private func launch(
    batch: Int = 1, tokens: Int = 197, heads: Int = 6, headDim: Int = 64, tensorCores: Bool = true
  ) -> AttentionLaunch {
    AttentionLaunch(
      batch: batch, tokens: tokens, heads: heads, headDim: headDim, multiprocessors: 132,
      tensorCores: tensorCores, suffix: tensorCores ? "_f16" : "_f32")
  }

  @Test func `one image splits keys between warps and many images do not`() {
    let one = launch()
    #expect(one.kernel == "attention_mma_d64_f16")
    #expect(one.grid == (13, 6, 1) && one.block == 128 && one.keyGroups == 4)
    #expect(one.shared == max(4 * 1 * 4 * 64 * 72, 64 * 4 * 68))
    let many = launch(batch: 256)
    // 13 row blocks of 16: 7 warps compute 14, fewer than 8 or 5 do.
    #expect(many.grid == (2, 6, 256) && many.block == 32 * 7 && many.keyGroups == 1)
    #expect(many.shared == 2 * 4 * 64 * 72)
  }

  @Test func `float32 takes small row blocks until the card is full`() {
    #expect(launch(tensorCores: false).kernel == "attention_fma_d64_r16_f32")
    #expect(launch(batch: 64, tensorCores: false).kernel == "attention_fma_d64_r64_f32")
    #expect(
      launch(batch: 64, headDim: 96, tensorCores: false).kernel == "attention_fma_d128_r32_f32")
  }

  @Test func `alignment is the largest power of two that divides all addresses`() {
    let address = { (value: Int) in UnsafeMutableRawPointer(bitPattern: value) }
    #expect(ProductShape.alignment(of: address(4096), address(512)) == 256)
    #expect(ProductShape.alignment(of: address(4096), address(528)) == 16)
    #expect(ProductShape.alignment(of: address(4096), nil) == 256)
  }
}
