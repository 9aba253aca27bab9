import Tensors

@testable import VisionModels

/// A stem, inverted residuals at halving resolutions, and a classifier.
package struct SmallNet: LayeredArchitecture {
  package static let family = "small_net"
  package static var layouts: [any CheckpointLayout] { [SmallNetLayout()] }
  package static let entries = [
    ModelEntry(
      name: "small_net", displayName: "SmallNet", architecture: SmallNet(),
      preprocessing: .imageNet(crop: 64, fraction: 0.9), source: "an example")
  ]

  package var imageSize = 64
  package var widths = [16, 32, 64]
  package var numClasses = 10

  package enum CodingKeys: String, CodingKey {
    case widths
    case imageSize = "image_size"
    case numClasses = "num_classes"
  }

  package func problems() -> [(key: String, message: String)] {
    sizeProblems(multipleOf: 8, because: "the stride of the last block")
  }

  package final class Layers: ModelLayers {
    private let stem: ConvolutionParameters
    private let blocks: [(depthwise: ConvolutionParameters, pointwise: ConvolutionParameters)]
    private let head: LinearParameters

    package init(_ a: SmallNet, _ layers: LayerSource) throws {
      stem = try layers.convolution(
        "stem.conv",
        ConvolutionExtent(inputs: 3, outputs: a.widths[0], kernel: 3, stride: 2),
        norm: "stem.bn")
      blocks = try (1..<a.widths.count).map { index in
        let (width, key) = (a.widths[index - 1], "blocks.\(index - 1)")
        return (
          try layers.convolution(
            "\(key).conv_dw", .depthwise(width, kernel: 3, stride: 2), norm: "\(key).bn1"),
          try layers.convolution(
            "\(key).conv_pw", .pointwise(width, a.widths[index]), norm: "\(key).bn2")
        )
      }
      head = try layers.linear("head", inputs: a.widths.last ?? 0, outputs: a.numClasses)
    }

    package func forward(_ pass: PassBuilder) throws -> PassMap {
      var x = try pass.convolve(try pass.images(), stem, .relu)
      for block in blocks {
        x = try pass.convolve(x, block.depthwise, .relu)
        x = try pass.convolve(x, block.pointwise, .relu)
      }
      let features = try pass.mean(x)
      pass.classify(features, head)
      return features
    }
  }
}
