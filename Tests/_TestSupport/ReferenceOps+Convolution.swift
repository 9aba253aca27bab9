import Foundation

/// The shape of a convolution or pooling in NHWC.
package struct PictureShape: Sendable, CustomStringConvertible {
  package var images = 1
  package var height: Int
  package var width: Int
  package var channels: Int
  package var outChannels: Int
  package var kernelHeight: Int
  package var kernelWidth: Int
  package var stride: Int
  package var padTop: Int
  package var padLeft: Int
  package var padBottom: Int
  package var padRight: Int
  package var groups: Int

  /// `padding` on all four sides.
  package init(
    images: Int = 1, _ height: Int, _ width: Int, channels: Int, out: Int, kernel: Int,
    stride: Int = 1, padding: Int = 0, groups: Int = 1
  ) {
    self.images = images
    self.height = height
    self.width = width
    self.channels = channels
    outChannels = out
    kernelHeight = kernel
    kernelWidth = kernel
    self.stride = stride
    padTop = padding
    padLeft = padding
    padBottom = padding
    padRight = padding
    self.groups = groups
  }

  package var outHeight: Int { (height + padTop + padBottom - kernelHeight) / stride + 1 }
  package var outWidth: Int { (width + padLeft + padRight - kernelWidth) / stride + 1 }
  package var outPixels: Int { images * outHeight * outWidth }
  /// The number of terms of each output.
  package var sumLength: Int { channels / groups * kernelHeight * kernelWidth }

  package var description: String {
    "\(images) x \(height) x \(width) x \(channels) to \(outChannels), kernel \(kernelHeight) x "
      + "\(kernelWidth), stride \(stride), padding \(padTop) \(padLeft), \(groups) groups"
  }

  /// The rows and columns of the input that lie inside the image for an output pixel, with their
  /// taps.
  package func taps(_ y: Int, _ x: Int) -> [(row: Int, column: Int, tap: Int)] {
    (0..<(kernelHeight * kernelWidth)).compactMap { tap in
      let row = y * stride - padTop + tap / kernelWidth
      let column = x * stride - padLeft + tap % kernelWidth
      guard (0..<height).contains(row), (0..<width).contains(column) else { return nil }
      return (row, column, tap)
    }
  }
}

extension ReferenceOps {
  /// `input` [images][height][width][channels], `weight` [out][channels / groups][rows][columns];
  /// the result is [images][y][x][out].
  package static func convolution(
    _ input: [Float], _ weight: [Float], _ bias: [Float], _ shape: PictureShape
  ) -> [Double] {
    let inputs = shape.channels / shape.groups
    let outputs = shape.outChannels / shape.groups
    let kernel = shape.kernelHeight * shape.kernelWidth
    var result: [Double] = []
    for image in 0..<shape.images {
      for y in 0..<shape.outHeight {
        for x in 0..<shape.outWidth {
          let taps = shape.taps(y, x)
          for output in 0..<shape.outChannels {
            var sum = Double(bias[output])
            for (row, column, tap) in taps {
              let pixel = (image * shape.height + row) * shape.width + column
              let first = pixel * shape.channels + output / outputs * inputs
              for channel in 0..<inputs {
                sum +=
                  Double(input[first + channel])
                  * Double(weight[(output * inputs + channel) * kernel + tap])
              }
            }
            result.append(sum)
          }
        }
      }
    }
    return result
  }

  package static func hardSigmoid(_ x: Double) -> Double { min(max(x + 3, 0), 6) / 6 }
  package static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
}
