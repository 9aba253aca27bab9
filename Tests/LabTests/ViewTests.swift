import Foundation
import Testing
import _TestSupport

/// The subcommands that show results, on the committed sample run.
@Suite struct ViewTests {
  private static let sample = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Results/quickstart-sample").standardizedFileURL

  /// A folder whose `Results` contains the sample under the given names.
  private func workplace(_ names: String...) throws -> Workplace {
    let folder = try Workplace()
    let results = folder.url.appendingPathComponent("Results")
    try FileManager.default.createDirectory(at: results, withIntermediateDirectories: true)
    for name in names {
      try FileManager.default.copyItem(at: Self.sample, to: results.appendingPathComponent(name))
    }
    return folder
  }

  @Test func `a result compared with itself has no differences`() throws {
    let folder = try workplace("before", "after")
    let text = try LabProcess.run("compare", "before", "Results/after", in: folder.url)
    #expect(text.exitCode == 0, "\(text.error)")
    #expect(text.output.contains("A: before") && text.output.contains("B: after"))
    let markdown = try LabProcess.run(
      "compare", "before", "after", "--format", "markdown", in: folder.url)
    #expect(markdown.output.hasPrefix("# before (A) and after (B)"))
    let csv = try LabProcess.run(
      "compare", "before", "after", "--format", "csv", "--out", "made/change.csv", in: folder.url)
    #expect(csv.output == "made/change.csv\n")
    let lines = try String(
      contentsOf: folder.url.appendingPathComponent("made/change.csv"), encoding: .utf8
    ).split(separator: "\n").map(String.init)
    let columns = lines[0].split(separator: ",").map(String.init)
    // Counted from the end, because the parameters contain commas.
    let speedup = columns.count - (try #require(columns.firstIndex(of: "speedup")))
    #expect(lines.count > 5)
    let ratios = lines.dropFirst().map { line in
      let cells = line.split(separator: ",", omittingEmptySubsequences: false)
      return cells[cells.count - speedup]
    }
    #expect(ratios.allSatisfy { $0 == "1" || $0.isEmpty } && ratios.contains("1"), "\(ratios)")
  }

  @Test(arguments: ["predict", "visualize"])
  func `non-finite logits fail with the image and the model`(_ command: String) throws {
    let folder = try Workplace()
    let weights = Fixtures.url("goldens/weights/vit_micro.safetensors")
    try BrokenWeights.write(
      .nan, in: "blocks.5.mlp.fc1.weight", of: weights,
      to: folder.url.appendingPathComponent("broken.safetensors"))
    let picture = Fixtures.url("pictures/rgb_300x300.png").path
    let model = Workplace.model.replacing(weights.path, with: "broken.safetensors")
    let result = try LabProcess(
      [command, "--model", model, picture, "--method", #"{"method": "tail_effect", "r": 18}"#],
      in: folder.url
    ).finish()
    #expect(result.exitCode == 1, "\(result.error)")
    #expect(
      result.error.contains(
        "error: \(picture): the logits of custom are not finite; its weights hold, or lead to, NaN or "
          + "infinity\n"), "\(result.error)")
    #expect(result.output == "")
  }

  @Test func `results are exported as CSV, LaTeX and JSON`() throws {
    let folder = try workplace("sample")
    func export(_ format: String) throws -> String {
      let result = try LabProcess.run("export", format, "sample", in: folder.url)
      #expect(result.exitCode == 0, "\(result.error)")
      return result.output
    }
    #expect(
      try export("csv")
        == String(contentsOf: Self.sample.appendingPathComponent("table.csv"), encoding: .utf8))
    #expect(try export("latex").contains("\\toprule"))
    let json = try JSONSerialization.jsonObject(with: Data(try export("json").utf8))
    #expect((json as? [String: Any])?["name"] as? String == "sample")
    let unwritable = try LabProcess.run(
      "export", "csv", "sample", "--out", "Results/sample/table.csv/a.csv", in: folder.url)
    #expect(unwritable.exitCode == 2)
    #expect(
      unwritable.error.hasPrefix("error: Results/sample/table.csv/a.csv: cannot be written: "))
  }

  /// A Python with nbconvert, pandas and matplotlib, given by `LAB_PYTHON`.
  private static let python = ProcessInfo.processInfo.environment["LAB_PYTHON"]
    .flatMap { $0.isEmpty ? nil : $0 }

  @Test func `a notebook is written to notebooks-export and finds the results`() throws {
    let folder = try workplace("sample")
    let result = try LabProcess.run("export", "notebook", "sample", in: folder.url)
    #expect(result.exitCode == 0, "\(result.error)")
    #expect(result.output == "notebooks-export/sample.ipynb\n")
    let text = try String(
      contentsOf: folder.url.appendingPathComponent("notebooks-export/sample.ipynb"),
      encoding: .utf8)
    #expect(text.contains("RESULTS = \\\"../Results/sample\\\""))
  }

  @Test func `the committed notebook equals the exported one`() throws {
    let folder = try workplace("quickstart-sample")
    _ = try LabProcess.run("export", "notebook", "quickstart-sample", in: folder.url)
    let name = "notebooks-export/quickstart-sample.ipynb"
    let committed = Self.sample.deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent(name)
    #expect(
      try String(contentsOf: folder.url.appendingPathComponent(name), encoding: .utf8)
        == String(contentsOf: committed, encoding: .utf8))
  }

  @Test(.enabled(if: python != nil, "LAB_PYTHON names no Python with nbconvert"))
  func `an exported notebook runs in its folder`() throws {
    let folder = try workplace("sample")
    _ = try LabProcess.run("export", "notebook", "sample", in: folder.url)
    let place = folder.url.appendingPathComponent("notebooks-export")
    let process = Process()
    process.executableURL = Self.python.map { URL(fileURLWithPath: $0) }
    process.arguments = [
      "-m", "nbconvert", "--to", "html", "--execute", "--output", "page.html", "sample.ipynb",
    ]
    process.currentDirectoryURL = place
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let page = try String(contentsOf: place.appendingPathComponent("page.html"), encoding: .utf8)
    #expect(page.components(separatedBy: "src=\"data:image/png").count >= 3)
  }

  private static let canRasterize = ["rsvg-convert", "chromium", "chromium-browser"]
    .contains { FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)") }

  @Test(.enabled(if: canRasterize, "neither rsvg-convert nor chromium on this machine"))
  func `a report's figures are written as PNG on request`() throws {
    let folder = try workplace("sample")
    let figures = folder.url.appendingPathComponent("Results/sample/figures")
    let result = try LabProcess.run("report", "sample", "--png", in: folder.url)
    #expect(result.exitCode == 0, "\(result.error)")
    let files = try FileManager.default.contentsOfDirectory(atPath: figures.path)
    let pictures = files.filter { $0.hasSuffix(".png") }
    #expect(pictures.count == files.filter { $0.hasSuffix(".svg") }.count && !pictures.isEmpty)
    for picture in pictures {
      let data = try Data(contentsOf: figures.appendingPathComponent(picture))
      #expect(Array(data.prefix(4)) == [0x89, 0x50, 0x4E, 0x47])
    }
  }

  @Test func `without an SVG converter, PNG figures are refused with what to install`()
    throws
  {
    let folder = try workplace("sample")
    let result = try LabProcess(
      ["report", "sample", "--png"], in: folder.url, environment: ["PATH": "/nowhere"]
    ).finish()
    #expect(result.exitCode == 2)
    #expect(
      result.error
        == "error: --png: needs rsvg-convert or chromium to turn SVG into PNG, and neither is on "
        + "the PATH; install librsvg2-bin (apt-get install librsvg2-bin); the SVG figures are "
        + "written\n")
  }

  @Test(arguments: [
    #"{"method": "random", "r": 12}"#, #"{"method": "topk", "r": 3}"#,
    #"{"method": "evit", "keep_rate": 0.7}"#, #"{"method": "tome", "r": 4}"#,
    #"{"method": "tail_effect", "r": 18}"#,
  ])
  func `every method's tokens are drawn`(_ method: String) throws {
    let folder = try Workplace()
    let picture = Fixtures.url("pictures/rgb_300x300.png").path
    let result = try LabProcess.run(
      "visualize", picture, "--model", Workplace.model, "--method", method, "--out", "t.svg",
      in: folder.url)
    #expect(result.exitCode == 0, "\(result.error)")
    #expect(result.output.hasSuffix("t.svg\n"))
    let lines = result.output.split(separator: "\n")
    let blocks = lines.filter { $0.contains("patches: ") }
    #expect(!blocks.isEmpty)
    #expect(lines.filter { $0.hasPrefix("prediction with ") }.count == 2)
    let drawing = try String(
      contentsOf: folder.url.appendingPathComponent("t.svg"), encoding: .utf8)
    // A panel for each reducing block, and one for the input.
    #expect(drawing.components(separatedBy: "<g class=\"panel\">").count - 1 == blocks.count + 1)
    #expect(drawing.contains("href=\"data:image/png;base64,"))
  }

  @Test func `half of the patches are removed if no method is named`() throws {
    let folder = try Workplace()
    let picture = Fixtures.url("pictures/rgb_300x300.png").path
    let result = try LabProcess.run(
      "visualize", picture, "--model", Workplace.model, in: folder.url)
    #expect(result.exitCode == 0, "\(result.error)")
    #expect(result.output.contains("37 → 19 tokens"))
    #expect(result.output.hasSuffix("rgb_300x300-tail_effect.svg\n"))
  }

  @Test(.enabled(if: canRasterize, "neither rsvg-convert nor chromium on this machine"))
  func `tokens are drawn as PNG on request`() throws {
    let folder = try Workplace()
    let picture = Fixtures.url("pictures/rgb_300x300.png").path
    let result = try LabProcess.run(
      "visualize", picture, "--model", Workplace.model, "--out", "t.png", in: folder.url)
    #expect(result.exitCode == 0, "\(result.error)")
    let data = try Data(contentsOf: folder.url.appendingPathComponent("t.png"))
    #expect(Array(data.prefix(4)) == [0x89, 0x50, 0x4E, 0x47])
    // Two panels of 384 units with margins of 16, at two pixels per unit.
    let width = data[16..<20].reduce(0) { $0 << 8 | Int($1) }
    #expect(width == 2 * (16 + 2 * (384 + 16)))
  }

  @Test func `an unsupported drawing is one sentence and exit code 2`() throws {
    let folder = try Workplace()
    let picture = Fixtures.url("pictures/rgb_300x300.png").path
    try folder.write("no picture", to: "bad.png")
    func visualize(_ arguments: String...) throws -> LabProcess.Result {
      let result = try LabProcess(
        ["visualize", "--model", Workplace.model] + arguments, in: folder.url
      ).finish()
      #expect(result.exitCode == 2)
      #expect(result.output == "")
      return result
    }
    let topk = #"{"method": "topk", "r": 3}"#
    #expect(
      try visualize("none.png", "--method", topk).error
        == "error: none.png: cannot be read (no such file or directory)\n")
    #expect(
      try visualize("bad.png", "--method", topk).error
        == "error: bad.png: is none of PNG, JPEG, WebP, BMP, GIF, TIFF (it begins with 6E 6F 20 70)\n"
    )
    #expect(
      try visualize(picture, "--method", #"{"method": "none"}"#).error
        == "error: --method: none removes no token of custom, so there is nothing to draw; name one that "
        + "does, such as '{\"method\": \"tail_effect\", \"r\": 98, \"layer\": \"25%\"}'\n")
    #expect(
      try visualize(picture, "--method", topk, "--out", "a.jpg").error
        .contains("--out names an SVG or PNG file, such as tokens.svg, not a.jpg."))
    #expect(
      try visualize(picture, "--method", topk, "--out", "/dev/null/a.svg").error.hasPrefix(
        "error: /dev/null/a.svg: cannot be written: "))
  }
}
