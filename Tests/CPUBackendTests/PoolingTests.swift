import CKernels
import Foundation
import Testing
import _TestSupport

/// Pooling, gates and row operations against plain loops in double precision.
@Suite struct PoolingTests {
  static let shapes: [PictureShape] = [
    PictureShape(images: 2, 9, 12, channels: 19, out: 19, kernel: 3, stride: 2, padding: 1),
    PictureShape(images: 2, 8, 6, channels: 70, out: 70, kernel: 2, stride: 2),
    PictureShape(7, 7, channels: 5, out: 5, kernel: 3, padding: 1),
    PictureShape(4, 5, channels: 16, out: 16, kernel: 4, padding: 2),
  ]

  @Test(arguments: shapes)
  func `pooling matches the reference, with strided images and pixels`(shape: PictureShape) {
    let gap = 3
    var picture = lab_conv_shape(shape)
    picture.in_stride += gap
    picture.in_image = shape.height * shape.width * picture.in_stride + 5
    picture.out_stride += gap
    picture.out_image = shape.outHeight * shape.outWidth * picture.out_stride + 7
    let x = randomFloats(shape.images * picture.in_image, seed: 1)
    for kind in ["max", "average", "average with padding"] {
      var out = [Float](repeating: 7, count: shape.images * picture.out_image)
      for task in (0..<lab_pooling_tasks(&picture)).reversed() {
        if kind == "max" {
          lab_max_pool(&picture, x, &out, task, task + 1)
        } else {
          lab_average_pool(&picture, kind != "average", x, &out, task, task + 1)
        }
      }
      for image in 0..<shape.images {
        for y in 0..<shape.outHeight {
          for x0 in 0..<shape.outWidth {
            let pixel = image * picture.out_image + (y * shape.outWidth + x0) * picture.out_stride
            for channel in 0..<shape.channels {
              let seen = shape.taps(y, x0).map {
                Double(
                  x[
                    image * picture.in_image + ($0.row * shape.width + $0.column)
                      * picture.in_stride + channel])
              }
              let expected: Double
              switch kind {
              case "max": expected = seen.max() ?? -.infinity
              case "average": expected = seen.reduce(0, +) / Double(seen.count)
              default:
                expected = seen.reduce(0, +) / Double(shape.kernelHeight * shape.kernelWidth)
              }
              #expect(abs(Double(out[pixel + channel]) - expected) < 1e-6)
            }
            #expect(out[pixel + shape.channels] == 7)
          }
        }
      }
    }
  }

  @Test func `max pooling propagates NaN`() {
    let shape = PictureShape(6, 6, channels: 3, out: 3, kernel: 2, stride: 2)
    var picture = lab_conv_shape(shape)
    for place in [0, 1, 6, 7] {
      var x = randomFloats(6 * 6 * 3, seed: 1)
      x[place * 3 + 1] = .nan
      var out = [Float](repeating: 7, count: 3 * 3 * 3)
      lab_max_pool(&picture, x, &out, 0, 3)
      #expect(out.indices.allSatisfy { out[$0].isNaN == ($0 == 1) })
    }
  }

  @Test(arguments: [(1, 1), (49, 70), (63, 64), (3136, 5), (130, 200)])
  func `a global mean over many pixels stays accurate`(shape: (pixels: Int, channels: Int)) {
    let (pixels, channels) = shape
    let x = randomFloats(2 * pixels * channels, seed: 1).map { $0 + 3 }
    var out = [Float](repeating: .nan, count: 2 * (channels + 1))
    for task in (0..<lab_global_mean_tasks(2, channels)).reversed() {
      lab_global_mean(
        x, pixels, channels, channels, pixels * channels, &out, channels + 1, task, task + 1)
    }
    for image in 0..<2 {
      for channel in 0..<channels {
        let sum = (0..<pixels).reduce(0.0) {
          $0 + Double(x[(image * pixels + $1) * channels + channel])
        }
        #expect(abs(Double(out[image * (channels + 1) + channel]) - sum / Double(pixels)) < 4e-6)
      }
    }
  }

  @Test func `rows are multiplied, added and scaled, with broadcasting of one row per image`() {
    let (rows, width) = (12, 37)
    let x = randomFloats(rows * width, seed: 1)
    let gates = randomFloats(4 * width, seed: 2)
    let shift = randomFloats(width, seed: 3)
    x.withUnsafeBufferPointer { x in
      gates.withUnsafeBufferPointer { gates in
        let left = lab_rows(start: x.baseAddress, stride: width, repeats: 1)
        let right = lab_rows(start: gates.baseAddress, stride: width, repeats: 3)
        let activation = Int32(LAB_ACTIVATION_HARD_SWISH)
        var products = [Float](repeating: 7, count: rows * width)
        lab_multiply_rows(left, right, width, &products, width, 0, rows)
        var sums = products
        lab_add_rows(left, right, width, activation, &sums, width, 0, rows)
        var scaled = products
        lab_affine_rows(left, gates.baseAddress, shift, width, activation, &scaled, width, 0, rows)
        for index in 0..<(rows * width) {
          let (row, c) = (index / width, index % width)
          let (value, gate) = (Double(x[index]), Double(gates[row / 3 * width + c]))
          #expect(abs(Double(products[index]) - value * gate) < 1e-6)
          let sum = value + gate
          #expect(abs(Double(sums[index]) - sum * ReferenceOps.hardSigmoid(sum)) < 1e-6)
          let line = value * Double(gates[c]) + Double(shift[c])
          #expect(abs(Double(scaled[index]) - line * ReferenceOps.hardSigmoid(line)) < 1e-6)
        }
      }
    }
  }
}
