import COpenBLAS

/// Whether the second factor's rows are its outputs (`transposed`: weights, keys) or its inputs.
enum ProductForm { case transposed, plain }

/// `c = alpha · a · bᵀ + beta · c` (`.transposed`), or with `b` as it stands (`.plain`), row-major with strides.
///
/// Shapes: a [rows, depth], b [columns, depth] or [depth, columns], c [rows, columns].
@inline(__always)
func product(
  _ form: ProductForm, _ rows: Int, _ columns: Int, _ depth: Int, _ a: UnsafePointer<Float>,
  _ aStride: Int, _ b: UnsafePointer<Float>, _ bStride: Int, _ c: UnsafeMutablePointer<Float>,
  _ cStride: Int, alpha: Float = 1, beta: Float = 0
) {
  cblas_sgemm(
    CblasRowMajor, CblasNoTrans, form == .transposed ? CblasTrans : CblasNoTrans, Int32(rows),
    Int32(columns), Int32(depth), alpha, a, Int32(aStride), b, Int32(bStride), beta, c,
    Int32(cStride))
}
