import CKernels

/// A token's attention to itself times the attention that it receives: `max_h A_h[j, j] · max_h Σ_i
/// A_h[i, j]`, with separate maxima, over all rows.
///
/// Source: Xu et al., "GTP-ViT", WACV 2024 (`MixedAttnMax`).
package struct DiagonalColumnScore: TokenScore {
  package static let name = "self_and_received"
  package static let summary = "attention to itself times attention received, each over heads"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var inputs: ReductionInputs { ReductionInputs(map: true) }

  package func scratchFloats(_ extent: StepExtent) -> Int { extent.heads * extent.step.tokensIn }

  package func writeScores(_ image: ImageStep) {
    guard let map = image.map else { return }
    let n = image.tokensIn
    image.share(
      ColumnWork(image: image, map: map, maps: image.heads, rows: n, sums: image.scratch)
    ) { ColumnWork.enter($0, $1) }
    for token in 0..<n {
      var (own, received) = (-Float.infinity, -Float.infinity)
      for head in 0..<image.heads {
        own = max(own, map[(head * n + token) * n + token])
        received = max(received, image.scratch[head * n + token])
      }
      image.scores[token] = own * received
    }
  }
}

/// Sums of the columns of maps [rows, N], [maps, N].
struct ColumnWork: ImageWork {
  /// The number of columns processed at a time: a few cache lines of each row.
  private static let width = 64

  let image: ImageStep
  let map: UnsafePointer<Float>
  let maps: Int
  let rows: Int
  let sums: UnsafeMutablePointer<Float>

  private var pieces: Int { (image.tokensIn + Self.width - 1) / Self.width }
  var items: Int { maps * pieces }
  var grain: Int { 1 }

  func run(_ items: Range<Int>) {
    let n = image.tokensIn
    for item in items {
      let (head, first) = (item / pieces, item % pieces * Self.width)
      lab_column_sums(
        map + head * rows * n + first, rows, min(Self.width, n - first), n,
        sums + head * n + first)
    }
  }
}
