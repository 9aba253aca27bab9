import Records

/// The pixels equal those of torchvision's `Resize`, `CenterCrop`, `ToTensor` and `Normalize` on a
/// Pillow image, whose resampling is antialiased and rounds to 8 bits between and after the passes.
extension Preprocessing {
  /// Resizes, crops and normalizes `image`.
  ///
  /// Shapes: output `[3][crop][crop]`.
  package func apply(
    to image: RGBImage, into output: UnsafeMutableBufferPointer<Float>
  ) {
    ImageDecoder.withShared { $0.resampler.apply(self, to: image, into: output) }
  }

  /// The 8-bit pixels before normalization, `[crop][crop][3]`.
  package func cropped(_ image: RGBImage) -> RGBImage {
    ImageDecoder.withShared { $0.resampler.crop(self, of: image) }
  }

  /// Resizes and crops `image`; `PixelNormalization` does the rest.
  ///
  /// Shapes: output `[crop][crop][3]`.
  package func crop(_ image: RGBImage, into output: UnsafeMutableBufferPointer<UInt8>) {
    ImageDecoder.withShared { $0.resampler.crop(self, of: image, into: output) }
  }

  /// Width and height after the resize, before the crop.
  package func resizedSize(width: Int, height: Int) -> (width: Int, height: Int) {
    switch fit {
    case .bothSides: (resize, resize)
    case .shorterSide:
      width <= height
        ? (resize, resize * height / width) : (resize * width / height, resize)
    }
  }

  /// Where a crop begins on a side of `length` pixels: the half of what is left over, a half
  /// pixel rounded to even, as Python's `round` does in torchvision's `center_crop`.
  func cropOffset(length: Int) -> Int {
    Int((Double(length - crop) / 2).rounded(.toNearestOrEven))
  }
}
