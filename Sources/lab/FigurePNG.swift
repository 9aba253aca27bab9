import Experiments
import Files
import Foundation

/// Turns a report's SVG figures into PNG with a program that is on this machine; the drawing stays
/// in one place.
enum FigurePNG {
  /// A program that turns SVG into PNG.
  struct Rasteriser: Sendable {
    let name: String
    /// Its arguments for an input, an output, and the drawing's width and height.
    let arguments: @Sendable (_ svg: URL, _ png: URL, _ width: Int, _ height: Int) -> [String]
  }

  /// Pixels for one unit of a drawing.
  static let scale = 2

  /// In the order in which they are tried; rsvg-convert is faster.
  static let rasterisers: [Rasteriser] =
    [
      Rasteriser(name: "rsvg-convert") { svg, png, _, _ in
        ["--zoom", "\(scale)", "--output", png.path, svg.path]
      }
    ]
    + ["chromium", "chromium-browser", "google-chrome"].map { name in
      Rasteriser(name: name) { svg, png, width, height in
        [
          "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
          "--host-resolver-rules=MAP * ~NOTFOUND", "--force-device-scale-factor=\(scale)",
          "--window-size=\(width),\(height)",
          "--user-data-dir=\(png.deletingLastPathComponent().appendingPathComponent("profile").path)",
          "--screenshot=\(png.path)", svg.absoluteString,
        ]
      }
    }

  /// Writes `figures/*.png` beside each SVG of a results folder; returns their names.
  ///
  /// Errors: `ExperimentsError.impossible` where no program is found, or where it draws nothing.
  static func write(in results: URL) throws -> [String] {
    guard let (rasteriser, program) = find() else {
      throw ExperimentsError.impossible(
        subject: "--png",
        message: "needs rsvg-convert or chromium to turn SVG into PNG, and neither is on the PATH; "
          + "install librsvg2-bin (apt-get install librsvg2-bin); the SVG figures are written")
    }
    let figures = results.appendingPathComponent("figures", isDirectory: true)
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: figures.path)) ?? [])
      .filter { $0.hasSuffix(".svg") }.sorted()
    let scratch = FileManager.default.temporaryDirectory
      .appendingPathComponent("lab-figures-\(ProcessInfo.processInfo.processIdentifier)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }
    return try names.map { name in
      let svg = figures.appendingPathComponent(name)
      let png = svg.deletingPathExtension().appendingPathExtension("png")
      let drawn = scratch.appendingPathComponent(png.lastPathComponent)
      let size = try size(of: svg)
      try run(program, rasteriser.arguments(svg, drawn, size.width, size.height))
      guard let data = try? Data(contentsOf: drawn), !data.isEmpty else {
        throw ExperimentsError.impossible(
          subject: svg.relativePath, message: "\(rasteriser.name) made no PNG of it")
      }
      try WholeFile.write(data, to: png)
      return "figures/\(png.lastPathComponent)"
    }
  }

  private static func find() -> (Rasteriser, URL)? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    for rasteriser in rasterisers {
      for folder in folders {
        let path = "\(folder)/\(rasteriser.name)"
        if FileManager.default.isExecutableFile(atPath: path) {
          return (rasteriser, URL(fileURLWithPath: path))
        }
      }
    }
    return nil
  }

  /// The width and height that a drawing's first element states.
  private static func size(of svg: URL) throws -> (width: Int, height: Int) {
    let text = try String(contentsOf: svg, encoding: .utf8)
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
