import Tensors
import Testing
import VisionModels
import _TestSupport

/// Interpolated position embeddings against timm's and DINOv2's (`ops.safetensors`).
@Suite struct PositionEmbeddingTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let output: String
    let input: String
    let side: Int
    let rows: Int
    let columns: Int
    let prefix: Int
    let interpolation: ViTArchitecture.PositionInterpolation
    var testDescription: String { output }
  }

  static let cases: [Case] = [
    .init("timm_14to12_prefix1", nil, 14, 12, 12, 1, .timm),
    .init("timm_16to10_prefix1", nil, 16, 10, 10, 1, .timm),
    .init("timm_37to16_prefix1", nil, 37, 16, 16, 1, .timm),
    .init("timm_14to18_prefix1", nil, 14, 18, 18, 1, .timm),
    .init("timm_14to12_prefix2", nil, 14, 12, 12, 2, .timm),
    .init("timm_16to10_prefix0", nil, 16, 10, 10, 0, .timm),
    .init("timm_14x14to10x17_prefix1", nil, 14, 10, 17, 1, .timm),
    .init("dinov2_14to12_offset0.1_noaa", "timm_14to12_prefix1", 14, 12, 12, 1, .dinov2),
    .init("dinov2_16to10_offset0.1_noaa", "timm_16to10_prefix1", 16, 10, 10, 1, .dinov2),
    .init("dinov2_37to16_offset0.1_noaa", "timm_37to16_prefix1", 37, 16, 16, 1, .dinov2),
    .init("dinov2_14to18_offset0.1_noaa", "timm_14to18_prefix1", 14, 18, 18, 1, .dinov2),
    .init("dinov2_37to16_offset0_aa", "timm_37to16_prefix1", 37, 16, 16, 1, .timm),
  ]

  @Test(arguments: cases)
  func `the resampled grid matches the library`(example: Case) throws {
    let file = try SafetensorsFile(url: Fixtures.url("goldens/ops.safetensors"))
    let input = try file.floats("posembed_\(example.input).in0")
    let width = input.count / (example.side * example.side + example.prefix)
    let ours = PositionEmbedding.resample(
      Array(input[(example.prefix * width)...]), side: example.side, width: width,
      rows: example.rows, columns: example.columns, interpolation: example.interpolation)
    let expected = try file.floats("posembed_\(example.output).out")
    #expect(largestDifference(ours, expected[(example.prefix * width)...]) < 1e-5)
  }
}

extension PositionEmbeddingTests.Case {
  init(
    _ output: String, _ input: String?, _ side: Int, _ rows: Int, _ columns: Int, _ prefix: Int,
    _ interpolation: ViTArchitecture.PositionInterpolation
  ) {
    self.init(
      output: output, input: input ?? output, side: side, rows: rows, columns: columns,
      prefix: prefix, interpolation: interpolation)
  }
}
