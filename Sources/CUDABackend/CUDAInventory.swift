import Tensors

/// The GPUs of this machine, and the CUDA libraries that are missing and where they were looked
/// for, as text.
package struct CUDAInventory {
  package let lines: [String]

  package static func ofThisMachine() -> CUDAInventory {
    let search = LibrarySearch()
    return CUDAInventory { search.open($0, driver: $1) }
  }

  package init(
    open: @escaping (CUDALibraryKind, Int?) -> Result<OpenedLibrary, MissingLibrary>
  ) {
    do throws(CUDAError) {
      let libraries = try CUDALibraries(open: open)
      lines = try Self.describe(libraries)
    } catch {
      lines = Self.paragraph("cuda", "not available: \(error.details)")
    }
  }

  private static func describe(_ libraries: CUDALibraries) throws(CUDAError) -> [String] {
    var lines: [String] = []
    for card in try CardFacts.all(libraries) {
      lines.append(
        "cuda:\(card.index)  \(card.name), \(TensorsError.text(card.memoryBytes)) of memory"
          + (card.isIntegrated ? " shared with the processor" : "")
          + ", \(card.multiprocessors) multiprocessors, compute capability \(card.capability)")
      lines.append(
        "        up to \(card.clockMHz) MHz, memory up to \(card.memoryClockMHz) MHz, second-level "
          + "cache \(TensorsError.text(card.l2Bytes))")
      if let compiler = try? KernelCompiler(libraries) {
        do throws(CUDAError) {
          lines.append("        kernels for \(try compiler.target(card).name) by \(compiler.title)")
        } catch {
          lines += paragraph("", "not usable: \(error)")
        }
      }
    }
    let problems = libraries.problems()
    lines.append("cuda    CUDA \(CUDALibraries.version(libraries.driverVersion))")
    for kind in CUDALibraryKind.allCases {
      if let problem = problems[kind] {
        let rest = kind == .management ? " (clocks are not recorded)" : ""
        lines += paragraph("", "\(kind.title) is not usable\(rest): \(problem.details)")
      } else if let path = libraries.paths[kind] {
        lines.append("        \(kind.title): \(path)")
      }
    }
    return lines
  }

  private static func paragraph(_ name: String, _ text: String) -> [String] {
    [name.isEmpty ? "        \(text)" : "\(name)  \(text)"]
  }
}
