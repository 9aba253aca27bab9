import Foundation
import Testing

@testable import SimulatedDevices

@Suite struct DeviceFileTests {
  private static let room = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Sources/SimulatedDevices")

  private static func text(_ name: String) throws -> String {
    try String(
      contentsOf: room.appendingPathComponent("Devices/\(name).json"), encoding: .utf8)
  }

  /// The error for a file in which `old` is replaced.
  private static func mistake(_ old: String, _ new: String) throws -> String {
    let text = try text("jetson_tx2")
    try #require(text.contains(old))
    let changed = Data(text.replacing(old, with: new).utf8)
    do {
      _ = try DeviceFile.read(changed, file: "board.json")
      return "no mistake"
    } catch { return "\(error)" }
  }

  @Test func `the published schema equals the generated one`() throws {
    let stored = try String(
      contentsOf: Self.room.appendingPathComponent("device.schema.json"), encoding: .utf8)
    #expect(stored == (try DeviceFile.schemaText) + "\n", "run: swift run lab simulate --schema")
  }

  @Test(arguments: DeviceCatalog.names)
  func `every device is read and written back`(_ name: String) throws {
    let device = try DeviceCatalog.device(name)
    #expect(device.name == name)
    let text = try DeviceFile.text(device)
    #expect(try DeviceFile.read(Data(text.utf8), file: "again") == device)
    #expect(device.checked != nil)
  }

  @Test func `an unknown device is reported with the known ones`() {
    #expect(throws: SimulatedDevicesError.unknownDevice(name: "tx3", known: DeviceCatalog.names)) {
      try DeviceCatalog.device("tx3")
    }
  }

  @Test func `a missing file is reported`() {
    #expect(
      throws: SimulatedDevicesError.unreadableFile(
        path: "/nowhere.json", reason: "no such file or directory")
    ) { try DeviceCatalog.device("/nowhere.json") }
  }

  @Test func `a pipe or a device instead of a file is reported without waiting`() {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).json").path
    #expect(mkfifo(path, 0o600) == 0)
    defer { unlink(path) }
    for (place, kind) in [(path, "a pipe"), ("/dev/zero", "a device")] {
      let error = SimulatedDevicesError.unreadableFile(
        path: place, reason: "it is \(kind); only regular files are read")
      #expect(throws: error) { try DeviceFile.read(path: place) }
      #expect(throws: error) { try PublishedLatencies(path: place) }
    }
  }

  @Test func `impossible values are reported with the valid range`() throws {
    #expect(
      try Self.mistake("\"multiprocessors\": 2,", "\"multiprocessors\": 2.5,")
        == "board.json: multiprocessors: 2.5 is impossible; it must be a whole number from 1 to 4096"
    )
    #expect(
      try Self.mistake("\"bandwidth_gb_s\": 59.7", "\"bandwidth_gb_s\": -1")
        == "board.json: bandwidth_gb_s: -1 is impossible; it must be a number from 0.1 to 100000")
    #expect(
      try Self.mistake("\"float32\": 0.666", "\"float32\": 0")
        == "board.json: peak_tflops.float32: 0 is impossible; it must be a number from 0.0001 to "
        + "100000")
    #expect(
      try Self.mistake("\"efficiency\": ", "\"efficiency\": 9")
        .hasPrefix("board.json: constants.efficiency: 9"))
  }

  @Test func `unknown keys, missing sources and unsupported precisions are reported`() throws {
    #expect(
      try Self.mistake("\"l2_mib\"", "\"l2\"").hasPrefix("board.json: l2: unknown key; there are"))
    #expect(
      try Self.mistake("\"l2_mib\": \"NVIDIA", "\"other\": \"NVIDIA")
        == "board.json: sources.l2_mib: is missing; say where the fact is from")
    #expect(
      try Self.mistake("\"precision\": \"float32\"", "\"precision\": \"bfloat16\"")
        == "board.json: precision: \"bfloat16\" is none of those of \"peak_tflops\"")
    #expect(
      try Self.mistake("{", "") == "board.json: cannot be read: it is no JSON object")
  }
}
