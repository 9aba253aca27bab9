import Foundation
import Records

/// Clocks, temperature and power mode of a Jetson board, whose GPU NVML does not support, from
/// Linux and NVIDIA's `nvpmodel`.
struct JetsonBoard {
  private let root: String
  /// The folder with the GPU's clock.
  private let clock: String
  /// The file with the GPU's temperature.
  private let temperature: String?

  /// `nil` if there is no GPU clock.
  ///
  /// - Parameter root: The folder that contains `sys`, `proc` and `var`.
  init?(root: String = "") {
    self.root = root
    let clocks = "\(root)/sys/class/devfreq"
    // 17000000.gpu on Orin, 17000000.gv11b on Xavier, 57000000.gpu and 17000000.gp10b on older
    // boards.
    let names = Self.names(clocks).filter {
      $0.hasSuffix(".gpu") || $0.hasSuffix(".gv11b") || $0.hasSuffix(".gp10b")
        || $0.hasSuffix(".ga10b")
    }
    guard let name = names.first else { return nil }
    clock = "\(clocks)/\(name)"
    let zones = "\(root)/sys/class/thermal"
    temperature = Self.names(zones).first {
      Self.text("\(zones)/\($0)/type")?.lowercased().hasPrefix("gpu") == true
    }.map { "\(zones)/\($0)/temp" }
  }

  /// The current state; a power mode that limits the clock is listed in `slowdowns`.
  func state() -> GPUState {
    let now = Self.number("\(clock)/cur_freq")
    var slowdowns: [String] = []
    if let limit = Self.number("\(clock)/max_freq"),
      let full = Self.text("\(clock)/available_frequencies")?
        .split(whereSeparator: \.isWhitespace).compactMap({ Double($0) }).max(), limit < full
    {
      let mode = powerMode.map { " in power mode \($0)" } ?? ""
      slowdowns.append(
        "the board allows \(Int(limit / 1e6)) of \(Int(full / 1e6)) MHz\(mode)")
    }
    return GPUState(
      clockMHz: now.map { $0 / 1e6 }, memoryClockMHz: nil,
      celsius: temperature.flatMap(Self.number).map { $0 / 1000 }, slowdowns: slowdowns)
  }

  /// The power mode that `nvpmodel` stores across restarts: `pmode:0002` is 2.
  var powerMode: String? {
    Self.text("\(root)/var/lib/nvpmodel/status")?.split(separator: ":").last
      .flatMap { Int($0.trimmingCharacters(in: .whitespaces)) }.map(String.init)
  }

  /// Bytes that Linux could allocate without swapping.
  static func availableBytes(root: String = "") -> Int? {
    for line in (text("\(root)/proc/meminfo") ?? "").split(separator: "\n")
    where line.hasPrefix("MemAvailable:") {
      return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
    return nil
  }

  private static func names(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  private static func text(_ path: String) -> String? {
    (try? String(contentsOfFile: path, encoding: .utf8))?
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func number(_ path: String) -> Double? { text(path).flatMap(Double.init) }
}
