import CFakeCUDA
import Foundation
import Tensors
import Testing

@testable import CUDABackend

extension CUDASuite {
  /// Which errors lose a card, and which pass.
  @Suite(.serialized) struct CardFailures {
    init() { FakeMachine.reset() }

    @Test(arguments: [214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 999])
    func `an error after which the driver answers nothing else loses the card`(code: Int32) throws {
      let pass = try RunOnCard.pass(try FakeMachine.backend())
      FakeMachine.behavior.error_at_synchronization = code
      pass.run()
      let backend = try #require(pass.model.backend as? CUDABackend)
      #expect(throws: CUDAError.self) { try backend.check() }
      #expect(throws: CUDAError.self) { try backend.check() }
    }

    @Test(arguments: [1, 701, 720, 801, 900, 901, 904, 912] as [Int32])
    func `another error is reported once, and the card goes on`(code: Int32) throws {
      let backend = try FakeMachine.backend()
      let pass = try RunOnCard.pass(backend)
      FakeMachine.behavior.launch_error = code
      pass.run()
      #expect(throws: CUDAError.self) { try backend.check() }
      try backend.check()
      let again = try RunOnCard.pass(backend)
      again.run()
      try backend.check()
      let areFinite = again.logits.allSatisfy { $0.isFinite }
      #expect(areFinite)
    }

    @Test func `after an error that says nothing the driver is asked whether it is there`() throws {
      let backend = try FakeMachine.backend()
      let pass = try RunOnCard.pass(backend)
      FakeMachine.behavior.launch_error = 1
      FakeMachine.behavior.launch_error_loses = 1
      pass.run()
      #expect(throws: CUDAError.self) { try backend.check() }
      #expect(throws: CUDAError.self) { try backend.check() }
    }

    @Test func `a capture that was made void is an error, and another one is not`() throws {
      let backend = try FakeMachine.backend()
      #expect(throws: (any Error).self) {
        // A wait is forbidden while a graph is captured.
        _ = try backend.capture { backend.synchronize() }
      }
      #expect(try backend.capture {} != nil)
      try backend.check()
    }

    @Test func `a search that finds no algorithm fails once, and is made again`() throws {
      let backend = try FakeMachine.backend()
      FakeMachine.behavior.suggests_nothing_once = 1
      let pass = try RunOnCard.pass(backend)
      pass.run()
      let message = FakeMachine.message { try backend.check() }
      #expect(message.contains("choosing an algorithm"), "\(message)")
      let again = try RunOnCard.pass(backend)
      again.run()
      try backend.check()
    }
  }

  /// Copies to a card, whose driver reads the host's memory later.
  @Suite(.serialized) struct Transfers {
    init() { FakeMachine.reset() }

    @Test func `values that change after an upload do not reach the card`() throws {
      let backend = try FakeMachine.backend()
      // More than both pieces of pinned memory, and no multiple of them.
      let count = 3 * PinnedStaging.pieceBytes / 4 + 1001
      let tensor = try backend.allocate(Shape(count), .float32)
      var values = (0..<count).map(Float.init)
      values.withUnsafeBufferPointer { backend.upload($0, to: tensor) }
      for index in values.indices { values[index] = -1 }
      var found = [Float](repeating: 0, count: count)
      found.withUnsafeMutableBufferPointer { backend.download(tensor, to: $0) }
      try backend.check()
      #expect(found.indices.allSatisfy { found[$0] == Float($0) })
    }

    @Test func `a graph keeps the modules of its kernels`() throws {
      var graph: (any CapturedPass)?
      do {
        let backend = try FakeMachine.backend()
        let pass = try RunOnCard.pass(backend)
        pass.run()
        graph = pass.captured
      }
      #expect(FakeMachine.counts.modules > 0)
      #expect(graph != nil)
      graph = nil
      #expect(FakeMachine.alive == [:])
    }

    @Test func `passes queued back to back are timed without the host`() throws {
      let backend = try FakeMachine.backend()
      let pass = try RunOnCard.pass(backend)
      pass.run()
      let replays = FakeMachine.counts.replays
      let graph = try #require(pass.captured)
      let time = try #require(graph.deviceTime(replays: 7))
      #expect(FakeMachine.counts.replays == replays + 7)
      #expect(time > .zero && time < .seconds(10))
    }

    @Test func `a file without kernels for a precision is not loaded`() throws {
      #expect(
        !CompiledKernels(image: Data("x.target sm_90\n".utf8), isMachineCode: false).hasKernels)
      #expect(
        CompiledKernels(image: Data(".visible .entry a(".utf8), isMachineCode: false).hasKernels)
      #expect(
        CompiledKernels(image: Data("\u{0}.text.gelu_f32\u{0}".utf8), isMachineCode: true)
          .hasKernels)
      #expect(
        !CompiledKernels(image: Data("\u{0}.shstrtab\u{0}".utf8), isMachineCode: true).hasKernels)
    }
  }
}

/// Which of the library's suggestions is taken.
@Suite struct WayTrialTests {
  @Test func `the library's first stays unless another wins by more than noise`() {
    #expect(WayTrial.choice([]) == nil)
    #expect(WayTrial.choice([5]) == 0)
    #expect(WayTrial.choice([1.0, 0.98, 1.2]) == 0)
    #expect(WayTrial.choice([1.0, 0.96, 0.95]) == 2)
  }
}

/// What Linux tells of a Jetson board.
@Suite struct JetsonBoardTests {
  private func board(_ files: [String: String]) throws -> URL {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("jetson-\(UUID())")
    for (path, text) in files {
      let url = root.appendingPathComponent(path)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data((text + "\n").utf8).write(to: url)
    }
    return root
  }

  @Test func `clock, temperature and power mode are read where NVML has no card`() throws {
    let root = try board([
      "sys/class/devfreq/17000000.gpu/cur_freq": "612000000",
      "sys/class/devfreq/17000000.gpu/max_freq": "918000000",
      "sys/class/devfreq/17000000.gpu/available_frequencies": "306000000 612000000 1300500000",
      "sys/class/devfreq/15480000.nvdec/cur_freq": "1",
      "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
      "sys/class/thermal/thermal_zone0/temp": "40000",
      "sys/class/thermal/thermal_zone1/type": "gpu-thermal",
      "sys/class/thermal/thermal_zone1/temp": "52500",
      "var/lib/nvpmodel/status": "pmode:0002",
      "proc/meminfo": "MemTotal: 7800000 kB\nMemFree: 100 kB\nMemAvailable:    6291456 kB",
    ])
    defer { try? FileManager.default.removeItem(at: root) }
    let state = try #require(JetsonBoard(root: root.path)).state()
    #expect(state.clockMHz == 612 && state.celsius == 52.5)
    #expect(state.slowdowns == ["the board allows 918 of 1300 MHz in power mode 2"])
    #expect(JetsonBoard.availableBytes(root: root.path) == 6 << 30)
  }

  @Test func `a machine without such files is no board`() throws {
    let root = try board(["sys/class/devfreq/other/cur_freq": "1"])
    defer { try? FileManager.default.removeItem(at: root) }
    #expect(JetsonBoard(root: root.path) == nil)
    #expect(JetsonBoard.availableBytes(root: root.path) == nil)
  }

  @Test func `application clocks are no slow-down`() {
    #expect(Management.words(0x2 | 0x1).isEmpty)
    #expect(Management.words(0x2 | 0x4) == ["power cap"])
  }
}
