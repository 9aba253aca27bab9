import Records
import Support

/// A machine and program version that records come from.
package struct Provenance: Hashable, Sendable {
  package let host: String
  package let system: String
  package let processor: String
  package let cores: Int
  package let threads: Int
  package let blas: String
  package let driver: String?
  package let program: String
  package let commit: String
  package internal(set) var records = 0
  /// ISO 8601, UTC.
  package internal(set) var firstStart = ""
  /// ISO 8601, UTC.
  package internal(set) var lastStart = ""

  init(_ environment: Environment) {
    host = environment.host
    system = environment.system
    processor = environment.processor
    cores = environment.cores
    threads = environment.threads
    blas = environment.blas
    driver = environment.driver
    program = environment.program
    commit = environment.commit
  }

  /// Each machine and version once, sorted by its first start.
  static func all(in records: [Record]) -> [Provenance] {
    var found: [Provenance: Provenance] = [:]
    for record in records {
      let plain = Provenance(record.environment)
      let started = record.environment.started
      var entry = found[plain] ?? plain
      entry.firstStart = entry.records == 0 ? started : min(entry.firstStart, started)
      entry.lastStart = max(entry.lastStart, started)
      entry.records += 1
      found[plain] = entry
    }
    return found.values.sorted {
      ($0.firstStart, $0.host, $0.commit, $0.blas, $0.threads)
        < ($1.firstStart, $1.host, $1.commit, $1.blas, $1.threads)
    }
  }

  /// The machine, the libraries, the program, and the time, in one line.
  var text: String {
    func count(_ number: Int, _ word: String) -> String {
      "\(grouped(number)) \(noun(number, word))"
    }
    return
      "\(host): \(processor), \(count(cores, "core")), \(count(threads, "thread")), \(system), "
      + "\(blas)\(driver.map { ", driver \($0)" } ?? ""); "
      + "\(program)\(commit.isEmpty ? "" : " (\(Self.short(commit)))"); "
      + "\(count(records, "record")), \(time)"
  }

  /// A commit as `lab --version` prints it: twelve digits, with `-dirty` if sources were changed.
  static func short(_ commit: String) -> String {
    let parts = commit.split(separator: "-", maxSplits: 1)
    return ([parts.first?.prefix(12) ?? ""] + parts.dropFirst()).joined(separator: "-")
  }

  /// For example `2026-11-29 20:28 to 20:29 UTC`.
  private var time: String {
    // Times in another format than a run writes are shown unchanged.
    func minute(_ moment: String) -> (day: Substring, time: Substring)? {
      let parts = moment.split(separator: "T", maxSplits: 1)
      guard parts.count == 2, parts[0].count == 10, parts[1].count >= 5, moment.hasSuffix("Z")
      else { return nil }
      return (parts[0], parts[1].prefix(5))
    }
    guard let first = minute(firstStart), let last = minute(lastStart) else {
      return "\(firstStart) to \(lastStart)"
    }
    let start = "\(first.day) \(first.time)"
    if first == last { return "\(start) UTC" }
    return "\(start) to \(last.day == first.day ? "" : "\(last.day) ")\(last.time) UTC"
  }
}
