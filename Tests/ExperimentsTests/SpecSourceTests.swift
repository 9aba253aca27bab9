import Experiments
import Foundation
import Testing

@Suite struct SpecSourceTests {
  @Test func `a spec inherits missing keys from the one it extends`() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      #"{"name": "base", "model": "demo_vit", "seed": 3, "methods": [{"method": "none"}]}"#,
      to: "base.json")
    let path = try folder.write(#"{"extends": "base.json", "seed": 4}"#, to: "b.json")
    let spec = try SpecReader.read(try SpecSource(file: path))
    #expect(spec.name == "b")
    #expect(spec.seed == 4)
    #expect(spec.models.map(\.name) == ["demo_vit"])
  }

  @Test func `an error names the file that contains it`() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(
      #"{"model": "demo_vit", "seed": -3, "methods": [{"method": "none"}]}"#, to: "base.json")
    let path = try folder.write(#"{"extends": "base.json", "device": "gpu"}"#, to: "b.json")
    let error = #expect(throws: ExperimentsError.self) {
      try SpecReader.read(try SpecSource(file: path))
    }
    #expect(
      error?.description == """
        \(path): device: "gpu" is not a device; did you mean 'cuda'?
        \(base): seed: -3 is out of range; it must be a whole number from 0
        """)
  }

  @Test func `a spec that extends itself is refused`() throws {
    let folder = try TemporaryFolder()
    try folder.write(#"{"extends": "b.json"}"#, to: "a.json")
    let path = try folder.write(#"{"extends": "a.json"}"#, to: "b.json")
    let error = #expect(throws: ExperimentsError.self) { try SpecSource(file: path) }
    let inner = folder.url.appendingPathComponent("a.json").path
    #expect(
      error?.description
        == #"\#(inner): extends: "b.json" leads back to this spec; a spec cannot extend itself"#)
  }

  @Test func `a spec that extends a missing spec is refused`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(#"{"extends": "nowhere.json"}"#, to: "a.json")
    let error = #expect(throws: ExperimentsError.self) { try SpecSource(file: path) }
    #expect(
      error?.description
        == #"\#(path): extends: "nowhere.json" does not exist; it is looked for in the folder of this file"#
    )
  }

  @Test func `a missing file is named`() throws {
    let error = #expect(throws: ExperimentsError.self) { try SpecSource(file: "/nowhere/a.json") }
    #expect(error?.description == "/nowhere/a.json: cannot be read: no such file or directory")
    #expect(error?.exitCode == 2)
  }

  @Test(arguments: [
    (
      Data("{}".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }),
      "it is UTF-16 text; save it as UTF-8"
    ),
    (Data([0xFE, 0xFF, 0, 0x7B, 0, 0x7D]), "it is UTF-16 text; save it as UTF-8"),
    (Data(0...255), "it is no text; a spec is a JSON file"),
    (
      Data("{\n\"a\": \"caf".utf8) + [0xE9] + Data("\"}".utf8),
      "it is not UTF-8 text (line 2); save it as UTF-8"
    ),
  ])
  func `a file that is not UTF-8 is reported in one sentence`(_ data: Data, _ reason: String) throws
  {
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("a.json")
    try data.write(to: file)
    let error = #expect(throws: ExperimentsError.self) { try SpecSource(file: file.path) }
    #expect(error?.description == "\(file.path): cannot be read: \(reason)")
    #expect(error?.exitCode == 2)
  }

  @Test func `missing files are reported together with other errors`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      """
      {"model": {"name": "deit_tiny_patch16_224", "weights": "none.safetensors"},
       "dataset": {"folder": "nowhere"}, "seed": -1, "methods": [{"method": "none"}]}
      """, to: "a.json")
    let error = #expect(throws: ExperimentsError.self) {
      try SpecReader.readWithFiles(try SpecSource(file: path))
    }
    let place = "does not exist; it is looked for in the folder of the spec and in the current one"
    #expect(
      error?.description == """
        \(path): seed: -1 is out of range; it must be a whole number from 0
        \(path): model.weights: "none.safetensors" \(place)
        \(path): dataset.folder: "nowhere" \(place)
        """)
  }

  @Test(arguments: [
    ("实验一.json", "实验一"), ("实验二.json", "实验二"), ("été.json", "été"), ("-x.json", "x"),
    (".hidden.json", "hidden"), ("a b.json", "a-b"), ("हिन्दी.json", "हिन्दी"), ("😀.json", "spec"),
    ("v1.2.json", "v1.2"),
  ])
  func `a spec without a name has the name of its file`(_ file: String, _ name: String) throws {
    let text = #"{"model": "demo_vit", "methods": [{"method": "none"}]}"#
    #expect(try SpecReader.read(try SpecSource(text: text, file: file)).name == name)
    let named = #"{"name": "\#(name)", "model": "demo_vit", "methods": [{"method": "none"}]}"#
    #expect(try SpecReader.read(try SpecSource(text: named, file: "a.json")).name == name)
  }

  @Test func `a file that cannot be a spec is refused before it is read`() throws {
    let folder = try TemporaryFolder()
    let path = folder.url.path
    #expect(mkfifo(path + "/pipe.json", 0o600) == 0)
    #expect(symlink("/dev/zero", path + "/zero.json") == 0)
    try folder.write("", to: "sparse.json")
    #expect(truncate(path + "/sparse.json", 1 << 40) == 0)
    func sentence(_ name: String) -> String {
      do {
        _ = try SpecSource(file: path + "/" + name)
        return ""
      } catch {
        return "\(error)".replacing(path, with: "DIR")
      }
    }
    #expect(sentence("pipe.json") == "DIR/pipe.json: is a pipe; only regular files are read")
    #expect(sentence("zero.json") == "DIR/zero.json: is a device; only regular files are read")
    #expect(
      sentence("sparse.json")
        == "DIR/sparse.json: has 1099511627776 bytes; files of more than 4194304 are not read")
    #expect(sentence("") == "DIR/: is a folder; only regular files are read")
  }

  @Test func `a spec that extends a folder is refused`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(#"{"extends": "."}"#, to: "b.json")
    let error = #expect(throws: ExperimentsError.self) { try SpecSource(file: path) }
    #expect(error?.description == "\(path): extends: \".\" is a folder; name a JSON file")
  }
}
