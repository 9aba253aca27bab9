import Foundation
import Testing

@testable import Experiments

@Suite struct ReportContextTests {
  private func source(_ file: String, name: String? = nil) throws -> SpecSource {
    let key = name.map { #""name": "\#($0)", "# } ?? ""
    return try SpecSource(
      text: "{\(key)\"model\": \"demo_vit\", \"methods\": [{\"method\": \"none\"}]}", file: file)
  }

  @Test func `a context is read back, and a damaged one is ignored`() throws {
    let folder = try TemporaryFolder()
    let context = ReportContext(spec: "/a.json", paths: ["d": "x/y"], remarks: ["a remark"])
    try context.write(to: folder.url)
    #expect(ReportContext.read(folder.url) == context)
    try folder.write("{", to: "context.json")
    #expect(ReportContext.read(folder.url) == ReportContext())
  }

  @Test func `a folder of another spec file is refused`() throws {
    let folder = try TemporaryFolder()
    let first = try folder.write("{}", to: "a b.json")
    let second = try folder.write("{}", to: "a-b.json")
    #expect(try source(first).derivedName == "a-b")
    #expect(try source(second).derivedName == "a-b")
    let results = folder.url.appendingPathComponent("Results/a-b")
    try FileManager.default.createDirectory(at: results, withIntermediateDirectories: true)
    try ReportContext(spec: first).write(to: results)
    try ReportContext.checkOwner(of: results, source: try source(first))
    let error = #expect(throws: ExperimentsError.self) {
      try ReportContext.checkOwner(of: results, source: try source(second))
    }
    #expect(
      error?.description
        == "\(second): its results would go to \(results.relativePath), which holds those of "
        + "\(first); give one of the two a \"name\"")
    #expect(error?.exitCode == 2)
    // An explicit name is intended; a file that no longer exists was moved here.
    try ReportContext.checkOwner(of: results, source: try source(second, name: "a-b"))
    try FileManager.default.removeItem(atPath: first)
    try ReportContext.checkOwner(of: results, source: try source(second))
  }

  @Test func `one file under two paths counts as one`() throws {
    let folder = try TemporaryFolder()
    let first = try folder.write("{}", to: "a.json")
    let link = folder.url.path + "/link"
    #expect(symlink(folder.url.path, link) == 0)
    try ReportContext(spec: first).write(to: folder.url)
    try ReportContext.checkOwner(of: folder.url, source: try source(link + "/a.json"))
  }
}
