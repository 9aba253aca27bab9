import Experiments
import Files
import Foundation

/// Converts SVG to PNG with a program installed on this machine, so that all drawing is done in one
/// place.
struct SVGConverter {
  /// A program that converts SVG to PNG.
  struct Rasterizer: Sendable {
    let name: String
    /// Its arguments for an input, an output, and the drawing's width and height.
    let arguments: @Sendable (_ svg: URL, _ png: URL, _ width: Int, _ height: Int) -> [String]
  }

  /// The number of pixels per unit of a drawing.
  static let scale = 2
  /// Larger than any drawing of a report, as SVG or PNG.
  private static let maxBytes = 1 << 28

  /// In the order in which they are tried; rsvg-convert is faster.
  static let rasterizers: [Rasterizer] =
    [
      Rasterizer(name: "rsvg-convert") { svg, png, _, _ in
        ["--zoom", "\(scale)", "--output", png.path, svg.path]
      }
    ]
    + ["chromium", "chromium-browser", "google-chrome"].map { name in
      Rasterizer(name: name) { svg, png, width, height in
        [
          "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
          "--host-resolver-rules=MAP * ~NOTFOUND", "--force-device-scale-factor=\(scale)",
          "--window-size=\(width),\(height)",
          "--user-data-dir=\(png.deletingLastPathComponent().appendingPathComponent("profile").path)",
          "--screenshot=\(png.path)", svg.absoluteString,
        ]
      }
    }

  private let rasterizer: Rasterizer
  private let program: URL

  /// Finds a program on the PATH.
  ///
  /// - Parameters:
  ///   - option: The option that requests a PNG.
  ///   - rest: What the user has without it, as the end of a sentence.
  /// - Throws: `ExperimentsError.impossible` where no program is found.
  init(for option: String, rest: String = "") throws {
    guard let (rasterizer, program) = Self.find() else {
      throw ExperimentsError.impossible(
        subject: option,
        message: "needs rsvg-convert or chromium to turn SVG into PNG, and neither is on the PATH; "
          + "install librsvg2-bin (apt-get install librsvg2-bin)\(rest)")
    }
    self.rasterizer = rasterizer
    self.program = program
  }

  /// Writes `figures/*.png` next to each SVG of a results folder; returns their names.
  ///
  /// - Throws: `ExperimentsError.impossible` where the program draws nothing.
  func writeFigures(in results: URL) throws -> [String] {
    let figures = results.appendingPathComponent("figures", isDirectory: true)
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: figures.path)) ?? [])
      .filter { $0.hasSuffix(".svg") }.sorted()
    return try names.map { name in
      let svg = figures.appendingPathComponent(name)
      let png = svg.deletingPathExtension().appendingPathExtension("png")
      try WholeFile.write(try self.png(of: svg), to: png)
      return "figures/\(png.lastPathComponent)"
    }
  }

  /// Writes a drawing as a PNG file.
  ///
  /// - Throws: `ExperimentsError.impossible` where the program draws nothing or the file cannot be
  ///   written.
  func write(_ drawing: String, to file: String) throws {
    try Self.withScratch { folder in
      let svg = folder.appendingPathComponent("drawing.svg")
      try Data(drawing.utf8).write(to: svg)
      try OutputFile.store(try png(of: svg), in: file)
    }
  }

  private func png(of svg: URL) throws -> Data {
    let size = try Self.size(of: svg)
    return try Self.withScratch { folder in
      let drawn = folder.appendingPathComponent("drawing.png")
      try Self.run(program, rasterizer.arguments(svg, drawn, size.width, size.height))
      guard let data = try? RegularFile.data(at: drawn, maxBytes: Self.maxBytes), !data.isEmpty
      else {
        throw ExperimentsError.impossible(
          subject: svg.relativePath, message: "\(rasterizer.name) did not turn it into a PNG")
      }
      return data
    }
  }

  private static func withScratch<Value>(_ body: (URL) throws -> Value) throws -> Value {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("lab-drawing-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }

  private static func find() -> (Rasterizer, URL)? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    for rasterizer in rasterizers {
      for folder in folders {
        let path = "\(folder)/\(rasterizer.name)"
        if FileManager.default.isExecutableFile(atPath: path) {
          return (rasterizer, URL(fileURLWithPath: path))
        }
      }
    }
    return nil
  }

  /// The width and height that a drawing's first element states.
  private static func size(of svg: URL) throws -> (width: Int, height: Int) {
    let text: String
    do {
      text = String(
        decoding: try RegularFile.data(at: svg, maxBytes: maxBytes), as: UTF8.self)
    } catch {
      throw ExperimentsError.impossible(subject: svg.relativePath, message: error.reason)
    }
    guard let match = text.firstMatch(of: /<svg[^>]* width="(\d+)[^"]*" height="(\d+)/),
      let width = Int(match.1), let height = Int(match.2)
    else {
      throw ExperimentsError.impossible(
        subject: svg.relativePath, message: "states no width and height")
    }
    return (width, height)
  }

  private static func run(_ program: URL, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
  }
}
