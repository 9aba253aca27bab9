import Tensors
import Testing

@testable import CUDABackend

/// How operations are spread over a card, where a number decides.
@Suite struct LaunchTests {
  private func launch(
    batch: Int = 1, tokens: Int = 197, heads: Int = 6, headDim: Int = 64,
    sharedBytes: Int = 227 << 10, tensorCores: Bool = true
  ) -> AttentionLaunch {
    AttentionLaunch(
      batch: batch, tokens: tokens, heads: heads, headDim: headDim, multiprocessors: 132,
      sharedBytes: sharedBytes, tensorCores: tensorCores, suffix: tensorCores ? "_f16" : "_f32")
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

  @Test func `one image of 257 tokens splits its keys as far as the card's shared memory goes`() {
    #expect(launch(tokens: 257).keyGroups == 4)
    let consumer = launch(tokens: 257, sharedBytes: 99 << 10)
    #expect(consumer.keyGroups == 2 && consumer.shared <= 99 << 10)
    for sharedBytes in [99 << 10, 163 << 10, 227 << 10] {
      for tokens in [5, 64, 65, 145, 197, 257, 577, 1370] {
        for headDim in [32, 64, 80, 128] {
          for batch in [1, 8, 256] {
            let plan = launch(
              batch: batch, tokens: tokens, headDim: headDim, sharedBytes: sharedBytes)
            #expect(plan.shared <= sharedBytes && plan.block <= 256)
            #expect(16 * plan.block / 32 / (plan.keyGroups ?? 1) * plan.grid.0 >= tokens)
          }
        }
      }
    }
  }

  /// Worked by hand from NVIDIA's occupancy calculator.
  @Test func `residency follows registers, shared memory and warps`() {
    let h100 = Occupancy.Limits.of(major: 9, minor: 0)
    // 7 warps of 128 registers: 16 warps have registers, 14 of them in whole blocks.
    #expect(Occupancy.blocks(h100, block: 224, registers: 128, shared: 36_864) == 2)
    #expect(Occupancy.blocks(h100, block: 256, registers: 32, shared: 0) == 8)
    #expect(Occupancy.blocks(h100, block: 128, registers: 32, shared: 100 << 10) == 2)
    let rtx = Occupancy.Limits.of(major: 8, minor: 6)
    #expect(Occupancy.blocks(rtx, block: 128, registers: 40, shared: 33 << 10) == 2)
    #expect(Occupancy.blocks(rtx, block: 32, registers: 16, shared: 0) == 16)
    #expect(Occupancy.blocks(rtx, block: 128, registers: 32, shared: 100 << 10) == 0)
    let t4 = Occupancy.Limits.of(major: 7, minor: 5)
    #expect(Occupancy.blocks(t4, block: 256, registers: 32, shared: 0) == 4)
  }

  @Test func `products of ours take large blocks where they fill the card`() {
    let large = ConvolutionLaunch(pixels: 256 * 197, outputs: 1536, multiprocessors: 132)
    #expect(large.kernel == "convolve_mma_large" && large.grid == (394, 12, 1))
    #expect(large.shared == 40_960)
    let small = ConvolutionLaunch(pixels: 197, outputs: 1536, multiprocessors: 132)
    #expect(small.kernel == "convolve_mma_small" && small.grid == (4, 24, 1))
  }

  @Test func `two warps share their keys where the card is full all the same`() {
    // 12 heads in 7 blocks of 32 rows are too few for 132 multiprocessors, two images of them are
    // not.
    #expect(launch(heads: 12).block == 32 * 4 && launch(heads: 12).grid.0 == 13)
    let two = launch(batch: 2, heads: 12)
    #expect(two.grid.0 == 7 && two.block == 32 * 2 * 4 && two.keyGroups == 4)
  }

  @Test func `GEMMs of ours take the tiles that fill the card`() {
    let large = GEMMLaunch(rows: 256 * 197, outputs: 1536, multiprocessors: 132)
    #expect(large.kernel == "gemm_mma_large" && large.blocks == 394 * 12)
    #expect(large.block == 256 && large.shared == 49_152)
    let small = GEMMLaunch(rows: 197, outputs: 1536, multiprocessors: 132)
    #expect(small.kernel == "gemm_mma_small" && small.blocks == 4 * 24)
    #expect(small.block == 128 && small.shared == 32_768)
  }

  @Test func `GEMMs by warpgroups have blocks of 128 rows`() {
    let narrow = GEMMLaunch(rows: 256 * 197, outputs: 1536, warpgroupColumns: 128)
    #expect(narrow.kernel == "gemm_wgmma_n128" && narrow.blocks == 394 * 12)
    #expect(narrow.block == 256 && narrow.shared == 99_328)
    let wide = GEMMLaunch(rows: 197, outputs: 1500, warpgroupColumns: 256)
    #expect(wide.kernel == "gemm_wgmma_n256" && wide.blocks == 2 * 6)
    #expect(wide.block == 256 && wide.shared == 197_632)
  }

  @Test func `warps of a block share the keys of a window while the card is full`() throws {
    func plan(
      batch: Int, groups: Int, rows: Int, keys: Int? = nil, width: Int = 32,
      sharedBytes: Int = 227 << 10
    ) -> ViewAttentionLaunch? {
      ViewAttentionLaunch(
        batch: batch, groups: groups, rows: rows, keys: keys ?? rows, width: width,
        multiprocessors: 132, sharedBytes: sharedBytes)
    }
    // Swin-T's first stage: windows of 49 tokens are four warps.
    let swin = try #require(plan(batch: 3, groups: 64, rows: 49))
    #expect(swin.kernel == "view_attention_mma_d32" && swin.blocks == 64 && swin.block == 128)
    #expect(swin.shared == 13 * 16 + 2 * 64 * 40 * 2)
    // CoAtNet's 196 tokens: 13 warps in two blocks, or in more where they are few.
    let full = try #require(plan(batch: 12 * 64, groups: 1, rows: 196))
    #expect(full.blocks == 2 && full.block == 32 * 7 && full.shared == 49 * 16 + 2 * 10_240)
    #expect(plan(batch: 12 * 4, groups: 1, rows: 196)?.block == 32 * 4)
    #expect(plan(batch: 12, groups: 1, rows: 196)?.block == 32)
    #expect(plan(batch: 1, groups: 1, rows: 5)?.block == 32)
    let wide = try #require(plan(batch: 900, groups: 1, rows: 30, width: 96))
    #expect(wide.kernel == "view_attention_mma_d128" && wide.shared == 8 * 16 + 17_408)
    #expect(plan(batch: 1, groups: 1, rows: 10, width: 136) == nil)
    #expect(plan(batch: 1, groups: 1, rows: 20_000, sharedBytes: 48 << 10) == nil)
    for rows in 1...300 {
      for batch in [1, 40, 1000] {
        let plan = try #require(plan(batch: batch, groups: 4, rows: rows))
        #expect(plan.blocks % 4 == 0 && plan.blocks / 4 * (plan.block / 2) >= rows)
        #expect(plan.block <= 256)
      }
    }
  }

  @Test func `a norm joins the layer behind it where its rows fit`() throws {
    func plan(_ rows: Int, _ inputs: Int, _ sharedBytes: Int = 227 << 10) -> NormGEMMLaunch? {
      NormGEMMLaunch(
        rows: rows, inputs: inputs, outputs: 1152, multiprocessors: 132, sharedBytes: sharedBytes)
    }
    let one = try #require(plan(197, 384))
    #expect(one.kernel == "norm_gemm_mma_r32" && one.blocks == 7 * 18)
    #expect(one.shared == 49_152 + 32 * 392 * 2)
    let several = try #require(plan(4 * 197, 384))
    #expect(several.kernel == "norm_gemm_mma_r64" && several.blocks == 13 * 18)
    // Half of the rows where all do not fit, and nothing where even those do not.
    #expect(plan(4 * 197, 1024, 163 << 10)?.kernel == "norm_gemm_mma_r32")
    #expect(plan(197, 1024, 99 << 10) == nil)
    #expect(plan(197, 36) == nil && plan(8192, 384) == nil && plan(10, 2056) == nil)
  }

  @Test func `the way of the nearest number of rows stays within noise`() {
    #expect(WayTrial.choice([1, 0.98, 2]) == 0 && WayTrial.choice([1, 0.9, 2]) == 1)
    #expect(WayTrial.choice([1, 0.98, 2], usual: 1) == 1)
    #expect(WayTrial.choice([0.98, 1, 2], usual: 1) == 1)
    #expect(WayTrial.choice([0.9, 1, 2], usual: 1) == 0)
    #expect(WayTrial.choice([]) == nil)
    let known = [100: "a", 120: "b", 400: "c"]
    #expect(WayTrial.nearest(known, to: 101) == "a" && WayTrial.nearest(known, to: 115) == "b")
    #expect(WayTrial.nearest(known, to: 110) == "a")
    #expect(WayTrial.nearest(known, to: 200) == nil && WayTrial.nearest([:], to: 5) as Int? == nil)
  }

  @Test func `tf32 takes tiles of half as many keys`() {
    let plan = AttentionLaunch(
      batch: 64, tokens: 197, heads: 6, headDim: 64, multiprocessors: 132,
      sharedBytes: 227 << 10, tensorCores: true, suffix: "_f32")
    #expect(plan.kernel == "attention_mma_d64_f32" && plan.shared == 2 * 8 * 32 * 68)
  }

  @Test func `float32 takes small row blocks until the card is full`() {
    #expect(launch(tensorCores: false).kernel == "attention_fma_d64_r16_f32")
    #expect(launch(batch: 64, tensorCores: false).kernel == "attention_fma_d64_r64_f32")
    #expect(
      launch(batch: 64, headDim: 96, tensorCores: false).kernel == "attention_fma_d128_r32_f32")
  }

  @Test func `small tiles of received attention go as far as a card is idle`() {
    func launch(_ batch: Int, _ tokens: Int = 197, heads: Int = 6, tensorCores: Bool = true)
      -> ReceivedLaunch
    {
      ReceivedLaunch(
        batch: batch, tokens: tokens, heads: heads, multiprocessors: 132,
        sharedBytes: tensorCores ? 99 << 10 : 48 << 10, tensorCores: tensorCores,
        hasFeatures: true)
    }
    let one = launch(1)
    #expect(one.kernel == "received_attention_mma_heads" && one.block == 192)
    #expect(one.keyBlocks == 4 && one.rowBlocks == 13 && one.shared == 6 * 11_520)
    // 4 blocks of 6 warps in a row: 9 rows for 197 tokens.
    #expect(one.featureRows == 9)
    // A block gets no more shared memory than the smallest cards have, however many heads there
    // are.
    #expect(launch(1, 257, heads: 24).shared <= 96 << 10)
    #expect(launch(8).kernel == "received_attention_mma_heads")
    #expect(launch(9).kernel == "received_attention_mma" && launch(9).rowBlocks == 4)
    let plain = launch(1, tensorCores: false)
    #expect(plain.kernel == "received_attention_fma_heads" && plain.shared == 6 * 6912)
    #expect(plain.keyBlocks == 7 && plain.rowBlocks == 13 && plain.featureRows == 5)
    // Old cards have no room for eight warps.
    #expect(launch(1, heads: 12, tensorCores: false).shared == 7 * 6912)
    let many = launch(9, tensorCores: false)
    #expect(many.kernel == "received_attention_fma" && many.block == 256)
    #expect(many.keyBlocks == 4 && many.rowBlocks == 4 && many.featureRows == 7)
    // Scratch memory holds the sums of every launch with small tiles.
    for batch in 1...132 {
      for tokens in [5, 64, 65, 197, 257, 577] {
        let plan = launch(batch, tokens)
        guard plan.kernel.hasSuffix("heads") else { continue }
        #expect(batch * plan.rowBlocks * tokens <= ReceivedLaunch.maxPartialsOfSmall(132))
      }
    }
  }

  @Test func `alignment is the largest power of two that divides all addresses`() {
    let address = { (value: Int) in UnsafeMutableRawPointer(bitPattern: value) }
    #expect(GEMMShape.alignment(of: address(4096), address(512)) == 256)
    #expect(GEMMShape.alignment(of: address(4096), address(528)) == 16)
    #expect(GEMMShape.alignment(of: address(4096), nil) == 256)
  }
}
