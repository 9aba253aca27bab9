import CCUDA
import Foundation
import Support

/// An opened library with a resolver of its symbols.
///
/// It stays open until the program ends, and its functions may be called from any thread.
package struct OpenedLibrary: @unchecked Sendable {
  /// The path that it was opened with; only a file name if the dynamic loader found it.
  package let path: String
  let resolve: lab_symbol_resolver
  let context: UnsafeMutableRawPointer?

  package init(
    path: String, resolve: @escaping lab_symbol_resolver, context: UnsafeMutableRawPointer?
  ) {
    self.path = path
    self.resolve = resolve
    self.context = context
  }
}

/// Why a library could not be opened, with everything that was tried.
package struct MissingLibrary: Error, Hashable, CustomStringConvertible {
  package let kind: CUDALibraryKind
  /// The file names that were tried.
  package let names: [String]
  /// Folders that were searched after the loader's own.
  package let folders: [String]
  /// Files that exist and could not be opened, with the loader's message.
  package let unusable: [String]

  package var description: String {
    "\(kind.title) is missing: \(names[0])\(names.count > 1 ? " or an older version" : "") was not "
      + "found where the dynamic loader searches, nor in \(counted(folders.count, "other folder"))"
      + unusable.map { "; \($0)" }.joined() + "; \(kind.remedy)"
  }

  /// The description with all names and folders.
  package var details: String {
    "\(kind.title) is missing: looked for \(names.joined(separator: ", ")) where the dynamic loader searches, "
      + folders.joined(separator: ", ") + unusable.map { "; \($0)" }.joined() + "; \(kind.remedy)"
  }
}

/// Finds and opens CUDA's libraries.
package struct LibrarySearch {
  let folders: [String]

  package init(_ folders: LibraryFolders = LibraryFolders()) { self.folders = folders.all }

  /// Opens the first usable file of a library.
  ///
  /// The loader's own search path comes first, so that `LD_LIBRARY_PATH` takes precedence.
  package func open(
    _ kind: CUDALibraryKind, driver: Int? = nil
  ) -> Result<OpenedLibrary, MissingLibrary> {
    var unusable: [String] = []
    let names = kind.fileNames(driver: driver)
    for name in names {
      if let library = dlopen(name, RTLD_NOW | RTLD_LOCAL) {
        return .success(opened(name, library))
      }
      for folder in folders {
        let path = "\(folder)/\(name)"
        guard access(path, F_OK) == 0 else { continue }
        if let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) {
          return .success(opened(path, library))
        }
        let reason = dlerror().map { String(cString: $0) } ?? "it cannot be opened"
        unusable.append("\(path) does not open: \(reason)")
      }
    }
    return .failure(
      MissingLibrary(kind: kind, names: names, folders: folders, unusable: unusable))
  }

  private func opened(_ path: String, _ library: UnsafeMutableRawPointer) -> OpenedLibrary {
    OpenedLibrary(path: path, resolve: lab_library_symbol, context: library)
  }
}
