import Foundation
import Testing

@testable import Experiments

@Suite struct ClaimsTests {
  @Test func `a claimed trial can be claimed again only after its release`() throws {
    let folder = try TemporaryFolder()
    let ours = try Claims(folder: folder.url, host: "a", process: 1)
    let theirs = try Claims(folder: folder.url, host: "b", process: 2)
    var claim = try ours.take("k")
    #expect(claim != nil)
    #expect(try theirs.take("k") == nil)
    #expect(try theirs.take("other") != nil)
    #expect(theirs.anyHeld)
    claim = nil
    #expect(try theirs.take("k") != nil)
    #expect(!ours.anyHeld)
    #expect(try folder.names() == [])
  }

  @Test func `a claim names its holder`() throws {
    let folder = try TemporaryFolder()
    let claim = try Claims(folder: folder.url, host: "edge", process: 42).take("k")
    #expect(try folder.text(of: "k") == "edge 42\n")
    withExtendedLifetime(claim) {}
  }

  @Test func `claims of dead processes are released`() throws {
    let folder = try TemporaryFolder()
    // The file remains; the lock ended with the process.
    try folder.write("gone 1\n", to: "k")
    let claims = try Claims(folder: folder.url, host: "a", process: 1)
    #expect(!claims.anyHeld)
    #expect(try claims.take("k") != nil)
  }

  @Test func `of many simultaneous claims only one succeeds`() async throws {
    let folder = try TemporaryFolder()
    let url = folder.url
    let counter = url.appendingPathComponent("counter")
    try Data("0".utf8).write(to: counter)
    let wins = try await withThrowingTaskGroup(of: Int.self) { group in
      for process in 0..<8 {
        group.addTask {
          let claims = try Claims(folder: url, host: "h", process: Int32(process))
          var wins = 0
          for _ in 0..<50 {
            guard let claim = try claims.take("k") else { continue }
            // Without the claim, increments of the file would be lost.
            let value = Int(try String(contentsOf: counter, encoding: .utf8)) ?? 0
            try Data("\(value + 1)".utf8).write(to: counter)
            wins += 1
            withExtendedLifetime(claim) {}
          }
          return wins
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(wins > 0)
    #expect(try String(contentsOf: counter, encoding: .utf8) == "\(wins)")
  }

  @Test func `timing excludes computing, and computing is shared`() throws {
    let folder = try TemporaryFolder()
    let lock = MachineLock(folder: folder.url)
    func take(alone: Bool) throws -> FileLock? {
      try lock.take(alone: alone, shouldStop: { true }, waiting: {})
    }
    var computing = [try take(alone: false), try take(alone: false)]
    #expect(computing.allSatisfy { $0 != nil })
    #expect(throws: ExperimentsError.self) { try take(alone: true) }
    computing = []
    let timing = try lock.take(alone: true, shouldStop: { true }, waiting: {})
    #expect(timing != nil)
    #expect(throws: ExperimentsError.self) { try take(alone: false) }
    withExtendedLifetime(timing) {}
  }
}
