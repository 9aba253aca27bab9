import Foundation
import Records
import Synchronization

/// Reads the lines of records files on every core.
struct LineReaders {
  /// One per core: a decoder remembers what lines share, and only one thread may use it at a time.
  private let decoders: [LineDecoder]
  /// Lines that a thread takes at a time; fewer are not worth another thread.
  private static let linesPerTurn = 32

  init(threads: Int = min(ProcessInfo.processInfo.activeProcessorCount, 16)) {
    decoders = (0..<max(threads, 1)).map { _ in LineDecoder() }
  }

  /// A record, the problem of the line, or `nil` for a blank line.
  typealias Outcome = Result<RecordLine.Reading, RecordLine.Flaw>?

  func read(_ line: [UInt8]) -> Outcome { Self.outcome(line, decoders[0]) }

  /// The contents of `lines` of `text`, in order.
  func read(_ lines: [Range<Int>], of text: [UInt8]) -> [Outcome] {
    let turns = (lines.count + Self.linesPerTurn - 1) / Self.linesPerTurn
    let threads = min(decoders.count, turns)
    guard threads > 1 else {
      return lines.map { Self.outcome(Array(text[$0]), decoders[0]) }
    }
    var outcomes = [Outcome](repeating: nil, count: lines.count)
    outcomes.withUnsafeMutableBufferPointer { buffer in
      // Each thread has its own decoder, and each turn its own output positions.
      nonisolated(unsafe) let buffer = buffer
      nonisolated(unsafe) let decoders = decoders
      // Threads take turns as they are done, since other programs may slow one of them down.
      let next = Atomic(0)
      DispatchQueue.concurrentPerform(iterations: threads) { thread in
        while true {
          let first = next.add(1, ordering: .relaxed).oldValue * Self.linesPerTurn
          guard first < lines.count else { return }
          for place in first..<min(first + Self.linesPerTurn, lines.count) {
            buffer[place] = Self.outcome(Array(text[lines[place]]), decoders[thread])
          }
        }
      }
    }
    return outcomes
  }

  private static func outcome(_ line: [UInt8], _ decoder: LineDecoder) -> Outcome {
    guard !line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) else {
      return nil
    }
    do {
      return .success(try RecordLine.read(line, with: decoder))
    } catch {
      return .failure(error)
    }
  }
}
