import Foundation
import Records

/// Reads the lines of records files on every core.
struct LineReaders {
  /// One per core: a decoder remembers what lines share, and only one thread may use it at a time.
  private let decoders: [LineDecoder]
  /// Fewer lines are not worth another thread.
  private static let linesPerThread = 32

  init(threads: Int = min(ProcessInfo.processInfo.activeProcessorCount, 16)) {
    decoders = (0..<max(threads, 1)).map { _ in LineDecoder() }
  }

  /// A record, the problem of the line, or `nil` for a blank line.
  typealias Outcome = Result<RecordLine.Reading, RecordLine.Flaw>?

  func read(_ line: [UInt8]) -> Outcome { Self.outcome(line, decoders[0]) }

  /// The contents of `lines` of `text`, in order.
  func read(_ lines: [Range<Int>], of text: [UInt8]) -> [Outcome] {
    let threads = min(decoders.count, lines.count / Self.linesPerThread)
    guard threads > 1 else {
      return lines.map { Self.outcome(Array(text[$0]), decoders[0]) }
    }
    var outcomes = [Outcome](repeating: nil, count: lines.count)
    outcomes.withUnsafeMutableBufferPointer { buffer in
      // Each thread has its own decoder and output positions.
      nonisolated(unsafe) let buffer = buffer
      nonisolated(unsafe) let decoders = decoders
      DispatchQueue.concurrentPerform(iterations: threads) { thread in
        let first = lines.count * thread / threads
        for place in first..<(lines.count * (thread + 1) / threads) {
          buffer[place] = Self.outcome(Array(text[lines[place]]), decoders[thread])
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
