import CCUDA
import Foundation

/// The function tables of the CUDA libraries, and why some could not be opened.
package final class CUDALibraries {
  let driver: UnsafeMutablePointer<lab_cuda_driver>
  /// The CUDA version that the driver runs, for example 12040.
  let driverVersion: Int
  private let openLibrary: (CUDALibraryKind, Int?) -> Result<OpenedLibrary, MissingLibrary>
  private var compilerTable: UnsafeMutablePointer<lab_nvrtc>?
  private var gemmTable: UnsafeMutablePointer<lab_cublaslt>?
  private var managementTable: UnsafeMutablePointer<lab_nvml>?
  /// Where each library was found.
  package private(set) var paths: [CUDALibraryKind: String] = [:]

  /// Opens and initializes the driver; the other libraries are opened on first use.
  ///
  /// - Throws: `CUDAError`.
  package init(
    open: @escaping (CUDALibraryKind, Int?) -> Result<OpenedLibrary, MissingLibrary>
  ) throws(CUDAError) {
    openLibrary = open
    let library = try Self.opened(open(.driver, nil))
    paths[.driver] = library.path
    driver = try Self.table(library, .driver, lab_cuda_driver_create)
    var version: Int32 = 0
    let started = driver.pointee.cuInit(0)
    _ = driver.pointee.cuDriverGetVersion(&version)
    driverVersion = Int(version)
    guard started == LAB_CUDA_SUCCESS.code else {
      let reason = Self.text(driver, started)
      throw .noCard(reason: "cuInit says \(reason.code), \(reason.text)")
    }
    guard driverVersion >= 1000 * CUDALibraryKind.majors.lowerBound else {
      throw .driverTooOld(found: Self.version(driverVersion))
    }
  }

  /// The libraries of this machine.
  package static func ofThisMachine() throws(CUDAError) -> CUDALibraries {
    let search = LibrarySearch()
    return try CUDALibraries { search.open($0, driver: $1) }
  }

  deinit {
    free(driver)
    if let compilerTable { free(compilerTable) }
    if let gemmTable { free(gemmTable) }
    if let managementTable {
      _ = managementTable.pointee.nvmlShutdown()
      free(managementTable)
    }
  }

  /// - Throws: `.missingLibrary`, `.missingSymbol`, `.wrongVersion`.
  func compiler() throws(CUDAError) -> UnsafeMutablePointer<lab_nvrtc> {
    if let compilerTable { return compilerTable }
    let library = try Self.opened(openLibrary(.compiler, driverVersion / 1000))
    let table = try Self.table(library, .compiler, lab_nvrtc_create)
    var (major, minor): (Int32, Int32) = (0, 0)
    _ = table.pointee.nvrtcVersion(&major, &minor)
    do throws(CUDAError) {
      try check(.compiler, library.path, major: Int(major), found: "\(major).\(minor)")
    } catch {
      free(table)
      throw error
    }
    paths[.compiler] = library.path
    compilerTable = table
    return table
  }

  /// - Throws: `.missingLibrary`, `.missingSymbol`, `.wrongVersion`.
  func gemm() throws(CUDAError) -> UnsafeMutablePointer<lab_cublaslt> {
    if let gemmTable { return gemmTable }
    let library = try Self.opened(openLibrary(.gemm, driverVersion / 1000))
    let table = try Self.table(library, .gemm, lab_cublaslt_create)
    let version = Self.gemmVersion(table.pointee.cublasLtGetVersion())
    do throws(CUDAError) {
      try check(.gemm, library.path, major: version.major, found: version.text)
    } catch {
      free(table)
      throw error
    }
    paths[.gemm] = library.path
    gemmTable = table
    return table
  }

  /// NVML, or `nil` if it is missing; clocks are then not recorded.
  func management() -> UnsafeMutablePointer<lab_nvml>? {
    if let managementTable { return managementTable }
    guard case .success(let library) = openLibrary(.management, nil),
      let table = try? Self.table(library, .management, lab_nvml_create)
    else { return nil }
    guard table.pointee.nvmlInit_v2() == 0 else {
      free(table)
      return nil
    }
    paths[.management] = library.path
    managementTable = table
    return table
  }

  /// Why libraries other than the driver are not usable; empty if all are.
  package func problems() -> [CUDALibraryKind: CUDAError] {
    var problems: [CUDALibraryKind: CUDAError] = [:]
    do throws(CUDAError) { _ = try compiler() } catch { problems[.compiler] = error }
    do throws(CUDAError) { _ = try gemm() } catch { problems[.gemm] = error }
    if management() == nil {
      switch openLibrary(.management, nil) {
      case .failure(let missing): problems[.management] = .missingLibrary(missing)
      case .success(let library):
        problems[.management] = .missingSymbol(
          library: .management, path: library.path, symbol: "nvmlInit_v2 that succeeds")
      }
    }
    return problems
  }

  private func check(
    _ kind: CUDALibraryKind, _ path: String, major: Int, found: String
  ) throws(CUDAError) {
    guard CUDALibraryKind.majors.contains(major), major <= driverVersion / 1000 else {
      throw .wrongVersion(
        library: kind, path: path, found: found, driver: Self.version(driverVersion))
    }
  }

  private static func opened(
    _ result: Result<OpenedLibrary, MissingLibrary>
  ) throws(CUDAError) -> OpenedLibrary {
    switch result {
    case .success(let library): return library
    case .failure(let missing): throw .missingLibrary(missing)
    }
  }

  private typealias Create<Table> = (
    lab_symbol_resolver, UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafePointer<CChar>?>
  ) -> UnsafeMutablePointer<Table>?

  private static func table<Table>(
    _ library: OpenedLibrary, _ kind: CUDALibraryKind, _ create: Create<Table>
  ) throws(CUDAError) -> UnsafeMutablePointer<Table> {
    var missing: UnsafePointer<CChar>?
    guard let table = create(library.resolve, library.context, &missing) else {
      throw .missingSymbol(
        library: kind, path: library.path, symbol: missing.map { String(cString: $0) } ?? "?")
    }
    return table
  }

  /// Formats 12040 as 12.4.
  static func version(_ number: Int) -> String { "\(number / 1000).\(number % 1000 / 10)" }

  /// Decodes cuBLASLt's version numbers: 11.5.2 is 110502 or 11502, and 13.4.0 is 130400.
  static func gemmVersion(_ number: Int) -> (major: Int, text: String) {
    let major = number >= 100_000 ? number / 10_000 : number / 1000
    let rest = number >= 100_000 ? number % 10_000 : number % 1000
    return (major, "\(major).\(rest / 100).\(rest % 100)")
  }

  /// The name and the description of an error code, from the driver.
  static func text(
    _ driver: UnsafeMutablePointer<lab_cuda_driver>, _ code: Int32
  ) -> (code: String, text: String) {
    var (name, text): (UnsafePointer<CChar>?, UnsafePointer<CChar>?) = (nil, nil)
    _ = driver.pointee.cuGetErrorName(code, &name)
    _ = driver.pointee.cuGetErrorString(code, &text)
    return (
      name.map { String(cString: $0) } ?? "error \(code)",
      text.map { String(cString: $0) } ?? "the driver does not say why"
    )
  }
}

/// An opaque handle of a CUDA library.
typealias Handle = UnsafeMutableRawPointer?

/// Converts constants of CCUDA's anonymous enumerations to the type of return codes.
extension BinaryInteger {
  var code: Int32 { Int32(self) }
}
