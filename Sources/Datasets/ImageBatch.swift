/// An image that could not be decoded.
package struct BadImage: Sendable, Hashable {
  /// Its place in the data set.
  package let index: Int
  package let path: String
  /// The problem, as the rest of a sentence that begins with the path.
  package let reason: String

  package init(index: Int, path: String, reason: String) {
    self.index = index
    self.path = path
    self.reason = reason
  }
}

/// What to do with an image that cannot be decoded.
package enum BadImagePolicy: String, Sendable, Codable, CaseIterable {
  /// The batch that contains it throws.
  case stop
  /// It is left out of its batch and listed in ``ImageBatch/bad``.
  case skip
}

/// Decoded images, in the requested order.
package struct ImageBatch {
  /// The position of the batch's first image in the loader's order.
  package let firstIndex: Int
  /// Places in the data set, bad pictures left out.
  package let indices: [Int]
  /// One per index.
  package let labels: [Int]
  /// `[count][crop][crop][3]`; the loader's memory, valid until the next batch is requested.
  package let pixels: UnsafeMutableBufferPointer<UInt8>
  /// Pictures left out because they could not be decoded.
  package let bad: [BadImage]

  /// Pictures in the batch: fewer than the batch size at the end and where some were bad, even
  /// none.
  package var count: Int { indices.count }
}
