import CPTXInterpreter
import Testing
import _TestSupport

/// The compiler's own PTX of the kernels, by an interpreter that was written from NVIDIA's manual,
/// against double precision: a few blocks of each.
@Suite(.enabled(if: !NVRTC.installed.isEmpty, NVRTC.reasonForAbsence))
struct PTXTests {
  @Test(arguments: Precision.halves)
  func `attention on tensor cores is the reference's`(precision: Precision) throws {
    try PTXProgram.with("attention_mma.cu", precision) { program in
      for (tokens, headDim, rowWarps, keyGroups) in [
        (37, 24, 1, 1), (80, 64, 2, 2), (40, 128, 1, 2),
      ] {
        let attention = DeviceAttention(
          tokens: tokens, heads: 1, headDim: headDim, precision, isSized: true, order: .forward)
        try attention.tensorCores(rowWarps: rowWarps, keyGroups: keyGroups)
        #expect(
          largestDifference(attention.output.values, attention.expected) < 4 * precision.epsilon)
      }
      let type = precision == .f16 ? "f16" : "bf16"
      for name in [
        "mma.sync.aligned.m16n8k16.row.col.f32.\(type)", "ldmatrix.sync.aligned.m8n8.x4.shared",
        "ldmatrix.sync.aligned.m8n8.x4.trans", "cp.async.cg", "cvt.rn.\(type)x2", "shfl.sync.bfly",
      ] {
        #expect(program.executed(name) > 0, "\(name)")
      }
    }
  }

  @Test func `attention in tf32, and on tensor cores of 2018, is the reference's`() throws {
    for (precision, architecture, name) in [
      (Precision.f32, 80, "mma.sync.aligned.m16n8k8.row.col.f32.tf32"),
      (.f16, 75, "mma.sync.aligned.m16n8k8.row.col.f32.f16"),
    ] {
      try PTXProgram.with("attention_mma.cu", architecture: architecture, precision) { program in
        for (tokens, headDim, rowWarps, keyGroups) in [(37, 24, 1, 1), (80, 64, 2, 2)] {
          let attention = DeviceAttention(
            tokens: tokens, heads: 1, headDim: headDim, precision, isSized: true, order: .forward)
          try attention.tensorCores(rowWarps: rowWarps, keyGroups: keyGroups)
          #expect(
            largestDifference(attention.output.values, attention.expected) < 4
              * Precision.f16.epsilon)
        }
        #expect(program.executed(name) > 0)
      }
    }
  }

  @Test(arguments: Precision.halves)
  func `received attention on tensor cores is the reference's`(precision: Precision) throws {
    for kernel in [DeviceAttention.ReceivedKernel.mma, .heads] {
      let attention = DeviceAttention(
        tokens: 37, heads: 2, headDim: 24, precision, isSized: true, order: .forward)
      // The log-sum-exp of each row is the imagined device's.
      try attention.multiplyAdd(isSmall: false)
      let expected = attention.expectedWeights.flatMap { heads in
        (0..<37).map { j in
          (2..<37).reduce(0.0) { sum, i in sum + (heads.map { $0[i][j] }.max() ?? 0) }
        }
      }
      let found = try PTXProgram.with("statistics.cu", precision) { program in
        let found = try attention.receivedAttention(prefix: 2, .max, by: kernel)
        #expect(program.executed("mma.sync") > 0 && program.executed("ldmatrix") > 0)
        return found
      }
      #expect(largestDifference(found.received, expected) < 2e-5)
      #expect(largestDifference(found.features, attention.expectedFeatures) < 2e-5)
    }
  }

  @Test(arguments: Precision.halves)
  func `products on tensor cores end with the exact GELU`(precision: Precision) throws {
    let (rows, inputs, outputs) = (70, 40, 72)
    let x = randomFloats(rows * inputs, seed: 1).map(precision.rounded)
    let weight = randomFloats(inputs * outputs, seed: 2).map(precision.rounded)
    let bias = randomFloats(outputs, seed: 3)
    let sums = ReferenceOps.linear(x, weight, bias, inputs: inputs).map(ReferenceOps.gelu)
    try PTXProgram.with("convolution_mma.cu", precision) { program in
      for (kernel, side, block) in [("small", 64, 128), ("large", 128, 512)] {
        let out = Buffer(count: rows * outputs, precision)
        let sizes = [1, rows, inputs, inputs, 0, 1, rows, outputs, outputs, 0, 1, 1, 0, 1]
        try launch(
          "convolve_mma_\(kernel)_\(precision)", grid: (parts(rows, side), parts(outputs, side), 1),
          block: block, shared: 2 * 2 * side * 40 * 2,
          arguments: [
            .buffer(Buffer(x, precision)), .buffer(Buffer(weight, precision)), .int(inputs),
            .buffer(Buffer(bias)), .buffer(nil), .int(0), .buffer(out), .int(rows), .int(2),
            .int(0),
          ] + sizes.map(Argument.int))
        #expect(largestDifference(out.values, sums) < 8 * precision.epsilon, "\(kernel)")
      }
      #expect(program.executed("mma.sync") > 0 && program.executed("cp.async.cg") > 0)
    }
  }

  /// Also as the newest cards have it, where kernels wait for the one before.
  @Test(arguments: [80, 90])
  func `GEMMs of ours are the reference's`(architecture: Int) throws {
    for precision in Precision.halves {
      let layer = DeviceLinear(rows: 70, inputs: 40, outputs: 72, precision)
      try PTXProgram.with("gemm_mma.cu", architecture: architecture, precision) { program in
        for kernel in [DeviceLinear.Kernel.small, .large] {
          let found = try layer.gemm(kernel, hasResidual: true)
          #expect(
            largestDifference(found, layer.expected(hasResidual: true)) < layer.limit(),
            "\(kernel)")
        }
        for name in ["mma.sync", "ldmatrix", "cp.async.wait_group"] {
          #expect(program.executed(name) > 0, "\(name)")
        }
        #expect((program.executed("griddepcontrol.wait") > 0) == (architecture >= 90))
      }
      try PTXProgram.with("norm_gemm.cu", architecture: architecture, precision) { program in
        for rowsOfBlock in [32, 64] {
          let found = try layer.normGEMM(rowsOfBlock: rowsOfBlock, activation: 2)
          #expect(
            largestDifference(found, layer.expected(isNormalized: true))
              < layer.limit(isNormalized: true), "\(rowsOfBlock)")
        }
        #expect(program.executed("mma.sync") > 0)
      }
    }
  }

  @Test(arguments: Precision.halves)
  func `attention over views on tensor cores is the reference's`(precision: Precision) throws {
    try PTXProgram.with("view_attention_mma.cu", precision) { program in
      for attention in [
        DeviceViewAttention(
          .windows(height: 7, width: 14, window: 7, shift: 3), tokens: 98, heads: 1, headDim: 32,
          precision, hasBias: true),
        DeviceViewAttention(
          .interleaved(height: 10, width: 8, patch: 2), tokens: 80, heads: 2, headDim: 20,
          precision),
        DeviceViewAttention(.all, tokens: 70, heads: 1, headDim: 64, precision, hasBias: true),
      ] {
        let found = try attention.run(warps: 2)
        #expect(
          largestDifference(found, attention.expected) < 4 * precision.epsilon,
          "\(attention.grouping)")
      }
      #expect(program.executed("mma.sync") > 0 && program.executed("ldmatrix") > 0)
      #expect(program.executed("cp.async.cg") > 0)
    }
    try PTXProgram.with("linear_attention_mma.cu", precision) { program in
      for (tokens, keyDim, valueDim) in [(70, 16, 16), (40, 20, 32)] {
        let attention = DeviceLinearAttention(
          tokens: tokens, keyDim: keyDim, valueDim: valueDim, precision)
        let found = try attention.run()
        #expect(largestDifference(found, attention.expected) < 8 * precision.epsilon)
      }
      let type = precision == .f16 ? "f16" : "bf16"
      #expect(program.executed("mma.sync.aligned.m16n8k16.row.col.f32.\(type)") > 0)
      #expect(program.executed("mma.sync.aligned.m16n8k8.row.col.f32.tf32") > 0)
    }
  }

  /// Rows of both warpgroups, several rounds of all slots, and a last step that is not full.
  private static func warpgroupLayer(_ precision: Precision) -> DeviceLinear {
    DeviceLinear(rows: 75, inputs: 328, outputs: 140, precision)
  }

  @Test(arguments: Precision.halves)
  func `products of warpgroups are the reference's`(precision: Precision) throws {
    let layer = Self.warpgroupLayer(precision)
    try PTXProgram.with("gemm_wgmma.cu", architecture: 90, features: "a", precision) { program in
      for kernel in [DeviceLinear.Kernel.warpgroups128, .warpgroups256] {
        let found = try layer.gemm(kernel, hasResidual: true, gap: 8)
        #expect(
          largestDifference(found, layer.expected(hasResidual: true)) < layer.limit(), "\(kernel)")
      }
      let type = precision == .f16 ? "f16" : "bf16"
      for name in [
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.\(type).\(type)",
        "wgmma.mma_async.sync.aligned.m64n256k16.f32.\(type).\(type)", "wgmma.fence",
        "wgmma.commit_group", "wgmma.wait_group", "fence.proxy.async", "cp.async.cg",
        "griddepcontrol.wait",
      ] {
        #expect(program.executed(name) > 0, "\(name)")
      }
    }
  }

  /// The interpreter reads descriptors, the swizzle and the order of accesses from the manual: what
  /// is wrong in a kernel gives other numbers, or is refused.
  @Test(arguments: [
    // The stride from eight rows to the next, the kind of swizzle, and none.
    ("stride_bytes = 8 * 128", "stride_bytes = 4 * 128", "other numbers"),
    (
      "stride_bytes = 8 * 128", "stride_bytes = 16 * 128",
      "shared memory that a copy is still writing"
    ),
    ("1ull << 62", "2ull << 62", "other numbers"),
    (" | 1ull << 62", "", "other numbers"),
    // Where the next terms are, and a tile that the swizzle does not begin with.
    (
      "to_terms = 16 * size", "to_terms = 32 * size", "shared memory that a copy is still writing"
    ),
    ("(1024 - (size_t)shared_address(memory) % 1024) % 1024", "128", "other numbers"),
    // Terms that are exchanged another way than the descriptor says.
    ("piece ^ (tile_k == 64 ? row & 7", "piece ^ (tile_k == 64 ? row >> 1 & 7", "other numbers"),
    // Fences and waits.
    ("    show_to_products();\n", "", "without a fence to the asynchronous proxy"),
    ("    begin_products();\n", "", "registers of sums without wgmma.fence before"),
    ("    wait_copies<ahead - 1>();\n", "", "shared memory that a copy is still writing"),
    ("    wait_products<running>();\n", "", "overwritten while a product could read it"),
    ("  wait_products<0>();\n", "", "other numbers"),
  ])
  func `a mistake in products of warpgroups is found`(
    part: String, replacement: String, what: String
  ) throws {
    let layer = Self.warpgroupLayer(.f16)
    let expected = layer.expected()
    try PTXProgram.with(
      "gemm_wgmma.cu", architecture: 90, features: "a", .f16, mistake: (part, replacement)
    ) { _ in
      for kernel in [DeviceLinear.Kernel.warpgroups128, .warpgroups256] {
        var found = "the same numbers"
        do {
          let isNear = largestDifference(try layer.gemm(kernel), expected) < layer.limit()
          if !isNear { found = "other numbers" }
        } catch let failure as LaunchFailure {
          found = failure.description
        }
        // With all products of the step before under way, the last wait of one kernel is needless.
        if part.hasPrefix("  wait_products<0>"), kernel.columns == 128 { continue }
        #expect(found.contains(what), "\(kernel): \(found)")
      }
    }
  }

  @Test func `a card before tensor cores shuffles and sums as the reference`() throws {
    for (architecture, precision) in [(61, Precision.f16), (80, .f32)] {
      let attention = DeviceAttention(
        tokens: 20, heads: 1, headDim: 16, precision, isSized: true, order: .forward)
      try PTXProgram.with("attention_fma.cu", architecture: architecture, precision) { _ in
        try attention.multiplyAdd(isSmall: true)
      }
      #expect(
        largestDifference(attention.output.values, attention.expected) < 4 * precision.epsilon
          + 2e-6)
    }
  }

  /// Programs with one mistake each, as PTX.
  @Test(arguments: [
    ("st.shared.u32 [%r1+4], %r2;", "past the end of shared memory"),
    ("ld.global.u32 %r2, [%rd1+4096];", "global memory that is none of the buffers"),
    ("ld.global.u64 %rd2, [%rd1+4];", "an address that is not aligned to 8 bytes"),
    ("setp.eq.u32 %p1, %r3, 0; @%p1 bra $L1; bar.sync 0; $L1:", "a barrier that some threads"),
    (
      "setp.eq.u32 %p1, %r3, 0; @%p1 bra $L1; shfl.sync.bfly.b32 %r2|%p2, %r2, 1, 31, -1; $L1:",
      "an instruction for all lanes that some do not reach"
    ),
    (
      "cp.async.cg.shared.global [%r1], [%rd1], 16, 16; ld.shared.u32 %r2, [%r1];",
      "shared memory that a copy is still writing"
    ),
    ("membar.gl;", "no type"),
  ])
  func `what the manual calls undefined is refused`(code: String, reason: String) throws {
    let ptx = """
      .version 8.0
      .target sm_80
      .extern .shared .align 128 .b8 memory[];
      .visible .entry mistake(.param .u64 mistake_param_0)
      {
        .reg .b32 %r<4>;
        ld.param.u64 %rd1, [mistake_param_0];
        mov.u32 %r3, %tid.x;
        mov.u32 %r2, 0;
        mov.u32 %r1, memory;
        add.s32 %r1, %r1, 16;
        \(code)
        ret;
      }
      """
    var error = [CChar](repeating: 0, count: 512)
    let module = try #require(ptx_parse(ptx, &error, error.count))
    defer { ptx_free(module) }
    let buffer = Buffer(count: 16)
    ptx_allow(module, buffer.address, buffer.byteCount)
    var slot = UInt(bitPattern: buffer.address)
    let result = withUnsafeMutablePointer(to: &slot) { slot in
      var arguments: [UnsafeMutableRawPointer?] = [UnsafeMutableRawPointer(slot)]
      // Twenty bytes: the copy's sixteen lie past them where the code adds sixteen.
      let shared: UInt32 = code.hasPrefix("cp") ? 32 : 20
      return ptx_launch(
        module, "mistake", [1, 1, 1], [32, 1, 1], shared, &arguments, &error, error.count)
    }
    #expect(result != 0)
    let said = String(
      decoding: error.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    #expect(said.contains(reason), "\(said)")
  }
}
