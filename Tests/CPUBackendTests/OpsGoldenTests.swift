import CKernels
import Tensors
import Testing
import _TestSupport

@testable import CPUBackend

/// Single operations against PyTorch's (stored in `ops.safetensors`, whose metadata names the
/// versions).
@Suite struct OpsGoldenTests {
  private let file: SafetensorsFile

  init() throws { file = try SafetensorsFile(url: Fixtures.url("goldens/ops.safetensors")) }

  @Test func `GELU matches PyTorch`() throws {
    var x = try file.floats("gelu_erf.in0")
    lab_gelu(&x, 1, x.count, x.count)
    try expect(x, "gelu_erf", 2e-6)
  }

  @Test func `LayerNorm matches PyTorch`() throws {
    let x = try file.floats("layernorm.in0")
    var out = [Float](repeating: 0, count: x.count)
    lab_layer_norm(
      x, try file.floats("layernorm.in1"), try file.floats("layernorm.in2"), 1e-6, x.count / 48,
      48, &out)
    try expect(out, "layernorm", 4e-6)
  }

  @Test func `softmax matches PyTorch`() throws {
    var x = try file.floats("softmax.in0")
    lab_softmax_rows(&x, 1, nil, x.count / 37, 37, 37)
    try expect(x, "softmax", 2e-6)
  }

  @Test func `the patch embedding is a strided convolution`() throws {
    let backend = try CPUBackend(threads: 2)
    try backend.reserve(
      ScratchLimits(
        embedDim: 8, hiddenDim: 8, patchValues: 588, tokens: 4, heads: 1, batchSize: 2))
    let tokens = try backend.allocate(Shape(2, 4, 8), .float32)
    backend.embedPatches(
      try backend.tensor(try file.floats("patch_embed.in0"), Shape(2, 3, 28, 28)),
      PatchEmbedding(
        linear: try backend.linear(
          try file.floats("patch_embed.in1"), try file.floats("patch_embed.in2")),
        patchSize: 14, positions: try backend.tensor(Array(repeating: 0, count: 32), Shape(4, 8)),
        prefix: try backend.allocate(Shape(1), .float32)), into: tokens)
    try expect(backend.values(tokens), "patch_embed", 1e-5)
  }

  @Test func `the gated feed-forward network matches DINOv2`() throws {
    let backend = try CPUBackend(threads: 2)
    try backend.reserve(
      ScratchLimits(
        embedDim: 48, hiddenDim: 256, patchValues: 1, tokens: 10, heads: 1, batchSize: 1))
    let x = try file.floats("swiglu_packed.in0")
    // The stored case has no norm, so only the two layers are compared.
    let hidden = try backend.allocate(Shape(10, 256), .float32)
    backend.project(
      try backend.tensor(x, Shape(10, 48)), norm: nil,
      try backend.linear(
        try file.floats("swiglu_packed.in1"), try file.floats("swiglu_packed.in2")), into: hidden)
    lab_swiglu(hidden.floats, 10, 128, 256)
    let gated = backend.values(hidden).enumerated().filter { $0.offset % 256 < 128 }.map(\.element)
    let output = try backend.allocate(Shape(10, 48), .float32)
    backend.project(
      try backend.tensor(gated, Shape(10, 128)), norm: nil,
      try backend.linear(
        try file.floats("swiglu_packed.in3"), try file.floats("swiglu_packed.in4")), into: output)
    try expect(backend.values(output), "swiglu_packed", 1e-5)
  }

  private func expect(_ values: [Float], _ name: String, _ tolerance: Float) throws {
    let expected = try file.floats("\(name).out")
    let maximum = max(1, expected.map(abs).max() ?? 1)
    #expect(largestDifference(values, expected) < tolerance * maximum)
  }
}
