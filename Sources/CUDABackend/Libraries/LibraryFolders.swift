import Foundation

/// The folders in which CUDA's libraries may be installed.
package struct LibraryFolders: Sendable {
  var environment: [String: String]
  /// The folder of the running program.
  var program: String?
  /// The names in a folder, sorted; empty if the folder does not exist.
  var list: @Sendable (String) -> [String]

  package init(
    environment: [String: String] = ProcessInfo.processInfo.environment,
    program: String? = LibraryFolders.programFolder,
    list: @escaping @Sendable (String) -> [String] = LibraryFolders.names
  ) {
    self.environment = environment
    self.program = program
    self.list = list
  }

  /// The folder of the running program.
  package static var programFolder: String? {
    let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return path.map { ($0 as NSString).deletingLastPathComponent }
  }

  @Sendable package static func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  /// All folders to search, in order and without duplicates.
  package var all: [String] {
    var folders: [String] = []
    func add(_ folder: String) { if !folders.contains(folder) { folders.append(folder) } }
    if let program { add(program) }
    for root in toolkits {
      for part in ["lib64", "lib"] + targets(root) { add("\(root)/\(part)") }
    }
    for folder in pythonPackages { for part in wheels(folder) { add(part) } }
    for folder in Self.system { add(folder) }
    return folders
  }

  private var toolkits: [String] {
    let named = ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"].compactMap { environment[$0] }
      .filter { !$0.isEmpty }
    // The highest version first, after `cuda`, which the machine's administrator selects.
    let versions = list("/usr/local").filter { $0.hasPrefix("cuda-") }
      .sorted { $0.compare($1, options: .numeric) == .orderedDescending }
    return named + ["/usr/local/cuda"] + versions.map { "/usr/local/\($0)" }
  }

  private func targets(_ root: String) -> [String] {
    list("\(root)/targets").map { "targets/\($0)/lib" }
  }

  /// Folders of Python packages: the active environment's, the user's, and the system's.
  private var pythonPackages: [String] {
    var roots: [String] = []
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
      if let root = environment[name] { roots.append(root) }
    }
    if let home = environment["HOME"], !home.isEmpty { roots.append("\(home)/.local") }
    // Environments in the path, whether they are active or not.
    for folder in (environment["PATH"] ?? "").split(separator: ":") where folder.hasSuffix("/bin") {
      roots.append(String(folder.dropLast(4)))
    }
    roots += ["/usr/local", "/usr", "/opt/conda", "/opt/venv"]
    var folders: [String] = []
    for root in roots {
      for library in ["lib", "lib64"] {
        for python in list("\(root)/\(library)") where python.hasPrefix("python3") {
          for packages in ["site-packages", "dist-packages"] {
            folders.append("\(root)/\(library)/\(python)/\(packages)")
          }
        }
      }
    }
    return folders
  }

  /// The library folders of NVIDIA's wheels, in the layout of CUDA 13 and in that of 11 and 12.
  private func wheels(_ packages: String) -> [String] {
    let root = "\(packages)/nvidia"
    let names = list(root)
    return names.filter { $0.hasPrefix("cu1") }.sorted(by: >).map { "\(root)/\($0)/lib" }
      + ["cuda_nvrtc", "cublas"].filter(names.contains).map { "\(root)/\($0)/lib" }
  }

  /// Where Linux distributions, containers and Jetson boards install them.
  private static let system = [
    "/usr/local/nvidia/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu/tegra", "/usr/lib/aarch64-linux-gnu/nvidia",
    "/usr/lib/wsl/lib", "/usr/lib64", "/run/opengl-driver/lib", "/opt/cuda/lib64",
  ]
}
