import CSIMTHarness
import Foundation
import Testing

/// The harness finds the mistakes that it is there for.
@Suite struct HarnessTests {
  @Test func `a missing barrier shows in some order, a barrier in none`() throws {
    let expected = (0..<96).map { ($0 + 37) % 96 }
    func wrongOrders(_ kernel: String) throws -> Int {
      try Order.allCases.count { order in
        let output = Buffer(count: 96)
        try launch(
          kernel, grid: (1, 1, 1), block: 96, shared: 96 * 4, order: order, .buffer(output))
        return output.integers != expected
      }
    }
    #expect(try wrongOrders("fault_none") == 0)
    // Backward, every number is read before it is written, or forward the other way round.
    #expect(try wrongOrders("fault_missing_barrier") == 3)
  }

  @Test(.unlessSanitized, arguments: ["barriers", "waiting"])
  func `an attention without its barriers or without waiting for its copies is found`(
    missing: String
  ) throws {
    func attention(_ order: Order) -> DeviceAttention {
      DeviceAttention(tokens: 150, heads: 1, headDim: 64, .f16, isSized: false, order: order)
    }
    let right = attention(.forward)
    try right.tensorCores(rowWarps: 4, keyGroups: 1)
    let wrong = try Order.allCases.count { order in
      let faulty = attention(order)
      try faulty.tensorCores(rowWarps: 4, keyGroups: 1, prefix: "fault_without_\(missing)_")
      return faulty.output.values != right.output.values
    }
    #expect(wrong > 0)
  }

  @Test(.unlessSanitized) func `a ranking without its barrier is found`() throws {
    let scores = Buffer((0..<200).map { Float($0 * 37 % 200) })
    func ranking(_ kernel: String, _ order: Order) throws -> [Int] {
      let sources = Buffer(count: 200)
      try launch(
        kernel, grid: (4, 1, 1), block: 256, shared: 800, order: order, .buffer(scores), .int(0),
        .int(200), .int(200), .int(0), .buffer(nil), .buffer(sources))
      return sources.integers
    }
    let right = try ranking("select_tokens", .forward)
    let wrong = Order.allCases.count { order in
      // Wrong ranks may also fall outside of the buffer, which is a failure.
      (try? ranking("fault_without_barriers_select_tokens", order)) != right
    }
    // A kernel that cannot be launched is wrong in every order, and has found nothing.
    #expect((1...Order.allCases.count).contains(wrong))
  }

  @Test func `a write behind shared memory is an error`() throws {
    let failure = #expect(throws: LaunchFailure.self) {
      try launch(
        "fault_shared_overrun", grid: (1, 1, 1), block: 32, shared: 64,
        .buffer(Buffer(count: 32)), .int(16))
    }
    #expect(failure?.code == 3)
    #expect(
      failure?.description
        == "fault_shared_overrun: a thread of block (0, 0, 0) wrote outside of the 64 bytes of "
        + "shared memory")
  }

  @Test(arguments: [
    ("fault_absent_lanes", 2, "waits in __shfl_xor_sync for lanes that never come"),
    ("fault_early_exit", 2, "63 threads wait at __syncthreads and 1 have left the kernel"),
    ("fault_mixed_operations", 4, "lanes of one warp meet in different operations"),
  ])
  func `threads that wait for ever are an error`(
    kernel: String, code: Int32, sentence: String
  ) throws {
    for order in Order.allCases {
      let failure = #expect(throws: LaunchFailure.self) {
        try launch(
          kernel, grid: (1, 1, 1), block: 64, order: order, .buffer(Buffer(count: 64)))
      }
      #expect(failure?.code == code)
      #expect(failure?.description.contains(sentence) == true)
    }
  }

  @Test func `a launch that no GPU takes is refused`() {
    for (block, shared) in [(0, 0), (1025, 0), (32, 300_000)] {
      let failure = #expect(throws: LaunchFailure.self) {
        try launch(
          "fault_none", grid: (1, 1, 1), block: block, shared: shared,
          .buffer(Buffer(count: 1025)))
      }
      #expect(failure?.code == 1)
    }
  }

  @Test func `the kernels' table names every kernel and no other`() throws {
    let readme = try String(contentsOf: kernelsFolder.appending(path: "README.md"), encoding: .utf8)
    let registered = Set(
      (0..<simt_kernel_count()).map { String(cString: simt_kernel_name($0)) }
        .filter { !$0.hasPrefix("fault_") })
    var documented: Set<String> = []
    // A row's first cell holds the names, with T for a precision, and D and R for numbers.
    for line in readme.split(separator: "\n") where line.hasPrefix("| `") {
      for match in String(line.split(separator: "|")[0]).matches(of: #/`([a-zA-Z0-9_]+)`/#) {
        let name = match.1
          .replacing("dD", with: "d[0-9]+").replacing("rR", with: "r[0-9]+")
          .replacing(#/_T$/#, with: "_(f32|f16|bf16)")
        let pattern = try Regex("^\(name)$")
        let matches = registered.filter { $0.contains(pattern) }
        #expect(!matches.isEmpty, "\(match.1) is no kernel")
        documented.formUnion(matches)
      }
    }
    #expect(documented == registered)
  }
}

/// Where the kernels' sources are.
let kernelsFolder = URL(filePath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Sources/CUDABackend/Kernels")
