import Files
import Foundation
import Measurement
import Records

/// The outcomes of the shares of a folder's work: one small file each, in `shares`, which remains
/// after the process that wrote it.
package struct ShareLog {
  /// The state of a share.
  struct State: Codable, Hashable {
    var host: String
    var process: Int32
    var begun: String
    var hasEnded = false
    var failures: [String] = []

    /// Its outcome, as the rest of a sentence; `nil` if it succeeded.
    var problem: String? {
      if !hasEnded { return "was begun on \(host) at \(begun) and did not end" }
      guard let first = failures.first else { return nil }
      let others = failures.count == 1 ? "" : " and \(failures.count - 1) more"
      return "failed on \(host): \(first)\(others)"
    }
  }

  private static let folderName = "shares"
  private let folder: URL

  /// - Parameter results: The results folder.
  package init(results: URL) {
    folder = results.appendingPathComponent(Self.folderName)
  }

  private func name(_ share: Share) -> String { "\(share.number)-of-\(share.count).json" }

  /// Notes that this process is working on a share; returns a sentence if an earlier process did
  /// not finish it.
  ///
  /// - Throws: `ExperimentsError.recordNotStored`.
  package func begin(
    _ share: Share, host: String = MachineFacts.current.host,
    process: Int32 = ProcessInfo.processInfo.processIdentifier, at moment: Date = Date()
  ) throws -> String? {
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let earlier = state(share)
    try write(
      State(host: host, process: process, begun: moment.formatted(.iso8601)), of: share)
    return earlier?.problem.map { "\(share) \($0)" }
  }

  /// Notes that a share has ended, with a sentence for each failed trial.
  ///
  /// - Throws: `ExperimentsError.recordNotStored`.
  package func end(_ share: Share, failures: [String]) throws {
    guard var state = state(share) else { return }
    state.hasEnded = true
    state.failures = failures
    try write(state, of: share)
  }

  /// A sentence for each share that did not succeed, including those that never started.
  package var problems: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    let shares = names.compactMap { name -> Share? in
      guard name.hasSuffix(".json") else { return nil }
      return Share(String(name.dropLast(5)).replacing("-of-", with: "/"))
    }
    let counts = Set(shares.map(\.count)).sorted()
    return counts.flatMap { count in
      (1...count).compactMap { number -> String? in
        guard let share = Share("\(number)/\(count)") else { return nil }
        guard let state = state(share) else { return "\(share) was never begun" }
        return state.problem.map { "\(share) \($0)" }
      }
    }
  }

  /// Deletes the files of all shares.
  package func clear() { try? FileManager.default.removeItem(at: folder) }

  private func state(_ share: Share) -> State? {
    FolderFile.read(name(share), in: folder).flatMap {
      try? JSONDecoder().decode(State.self, from: $0)
    }
  }

  private func write(_ state: State, of share: Share) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try FolderFile.write(
      try encoder.encode(state) + Data("\n".utf8), to: name(share), in: folder)
  }
}
