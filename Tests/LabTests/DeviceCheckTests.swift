import Foundation
import Testing
import _TestSupport

/// `lab devices --check`, with the processor in a card's place: the same command runs on a card.
@Suite struct DeviceCheckTests {
  @Test func `stored passes of published implementations are compared, all of them`() throws {
    let folder = try Workplace()
    let goldens = Fixtures.url("goldens").path
    let result = try LabProcess.run(
      "devices", "--check", "cpu", "--goldens", goldens, in: folder.url)
    #expect(result.exitCode == 0, "\(result.output)\(result.error)")
    let count = Fixtures.names(in: "goldens/cases").count
    #expect(result.output.contains("\(count) comparisons with published passes, 0 failures"))
    #expect(result.output.contains("float16: left out: "))
    let some = try LabProcess.run(
      "devices", "--check", "cpu", "--goldens", goldens, "--only", "float32, dinov2_reg",
      in: folder.url)
    #expect(some.output.contains("\n2 comparisons with published passes, 0 failures"))
  }

  @Test func `a stored pass of other weights fails, by name`() throws {
    let folder = try Workplace()
    let goldens = folder.url.appendingPathComponent("goldens")
    try FileManager.default.copyItem(at: Fixtures.url("goldens"), to: goldens)
    let cases = goldens.appendingPathComponent("cases")
    for name in Fixtures.names(in: "goldens/cases") where name != "vit_micro__none__b4" {
      try FileManager.default.removeItem(at: cases.appendingPathComponent("\(name).safetensors"))
    }
    // The largest weights are those of blocks: another number in the middle of the file.
    let weights = goldens.appendingPathComponent("weights/vit_micro.safetensors")
    var data = try Data(contentsOf: weights)
    for offset in 0..<4096 { data[data.count / 2 + offset] = UInt8(offset % 60) }
    try data.write(to: weights)
    let result = try LabProcess(
      ["devices", "--check", "cpu", "--goldens", goldens.path], in: folder.url
    ).finish()
    #expect(result.exitCode == 1)
    #expect(result.output.contains("FAIL float32, vit_micro__none__b4: logits within "))
  }

  @Test func `a folder without stored passes and an option out of place are told`() throws {
    let folder = try Workplace()
    let empty = try LabProcess(
      ["devices", "--check", "cpu", "--goldens", folder.url.path], in: folder.url
    ).finish()
    #expect(empty.exitCode != 0)
    #expect(empty.error.contains("no .safetensors files are here"))
    let alone = try LabProcess(["devices", "--goldens", "x"], in: folder.url).finish()
    #expect(alone.exitCode != 0)
    #expect(alone.error.contains("need a device to check"))
  }
}
