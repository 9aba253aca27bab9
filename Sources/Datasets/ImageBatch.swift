/// A picture that could not be decoded.
package struct BadImage: Sendable, Hashable {
  /// Its place in the data set.
  package let index: Int
  package let path: String
  /// What is wrong, as the rest of a sentence that begins with the path.
  package let reason: String

  package init(index: Int, path: String, reason: String) {
    self.index = index
    self.path = path
    self.reason = reason
  }
}

/// What becomes of a picture that cannot be decoded.
package enum BadImagePolicy: String, Sendable, Codable, CaseIterable {
  /// The batch that holds it throws.
  case stop
  /// It is left out of its batch and listed in ``ImageBatch/bad``.
  case skip
}

/// Decoded pictures, in the order asked for.
package struct ImageBatch {
  /// The place of the batch's first picture in the order that the loader was given.
  package let firstIndex: Int
  /// Places in the data set, bad pictures left out.
  package let indices: [Int]
  /// One per index.
  package let labels: [Int]
  /// `[count][crop][crop][3]`; the loader's memory, valid until its next batch is asked for.
  package let pixels: UnsafeMutableBufferPointer<UInt8>
  /// Pictures left out because they could not be decoded.
  package let bad: [BadImage]

  /// Pictures in the batch: fewer than the batch size at the end and where some were bad, even
  /// none.
  package var count: Int { indices.count }
}
