import Foundation

/// OpenBLAS as a yardstick, opened at run time so that nothing needs it to build.
struct OpenBLAS {
  private typealias Product = @convention(c) (
    Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32,
    UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
  ) -> Void

  /// Version and kernels, for example `OpenBLAS 0.3.21 Haswell`.
  let name: String
  private let product: Product

  /// Single-threaded OpenBLAS, `nil` where there is none. `OPENBLAS_CORETYPE` chooses its kernels.
  init?() {
    let names = ["libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"]
    guard let library = names.lazy.compactMap({ dlopen($0, RTLD_NOW) }).first,
      let product = dlsym(library, "cblas_sgemm"),
      let threads = dlsym(library, "openblas_set_num_threads"),
      let config = dlsym(library, "openblas_get_config"),
      let core = dlsym(library, "openblas_get_corename")
    else { return nil }
    typealias Setter = @convention(c) (Int32) -> Void
    typealias Text = @convention(c) () -> UnsafePointer<CChar>
    unsafeBitCast(threads, to: Setter.self)(1)
    self.product = unsafeBitCast(product, to: Product.self)
    let version = String(cString: unsafeBitCast(config, to: Text.self)())
      .split(separator: " ").prefix(2).joined(separator: " ")
    name = "\(version) \(String(cString: unsafeBitCast(core, to: Text.self)()))"
  }

  /// c [rows, columns] = a [rows, k] · b [k, columns], the layout that OpenBLAS packs
  /// fastest.
  func multiply(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
    rows: Int, columns: Int, k: Int
  ) {
    let (rowMajor, asItStands) = (Int32(101), Int32(111))
    product(
      rowMajor, asItStands, asItStands, Int32(rows), Int32(columns), Int32(k), 1, a,
      Int32(k), b, Int32(columns), 0, c, Int32(columns))
  }
}
