import CCurl
import Foundation

/// A server's response.
struct HTTPAnswer {
  let status: Int
  /// Of the last answer, names in lower case.
  let headers: [String: String]
}

/// Requests over HTTP, by libcurl.
struct HTTPClient {
  let token: String?
  let patience: Int

  /// libcurl is opened once.
  ///
  /// - Throws: `HubError.noLibrary`.
  init(token: String?, patience: Int) throws(HubError) {
    if let failure = lab_curl_open() { throw .noLibrary(reason: String(cString: failure)) }
    self.token = token
    self.patience = patience
  }

  /// A transfer that ended before its end.
  struct Broken: Error {
    let reason: String
    /// Whether any response arrived; without one, the server is unreachable.
    let answered: Bool
    /// Whether the server sends everything although a part was requested.
    let knowsNoRanges: Bool
  }

  /// libcurl's CURLE_RANGE_ERROR.
  private static let rangeError: Int32 = 33

  /// Requests only the headers; redirects are not followed.
  func head(_ address: String) throws(Broken) -> HTTPAnswer {
    try perform(address, isHead: true, from: 0) { _, _ in true }
  }

  /// Requests the body from byte `from` on; redirects are followed.
  ///
  /// - Parameter take: Receives each piece with its response; returning false ends the transfer.
  func get(
    _ address: String, from: Int = 0,
    take: (HTTPAnswer, UnsafeRawBufferPointer) -> Bool
  ) throws(Broken) -> HTTPAnswer {
    try perform(address, isHead: false, from: from, take: take)
  }

  /// What the callbacks of one request write to.
  private final class Collector {
    var status = 0
    var headers: [String: String] = [:]
    let take: (HTTPAnswer, UnsafeRawBufferPointer) -> Bool

    init(take: @escaping (HTTPAnswer, UnsafeRawBufferPointer) -> Bool) { self.take = take }

    /// A header line; a status line begins the headers of another answer.
    func header(_ line: String) {
      if line.hasPrefix("HTTP/") {
        status = Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0
        headers = [:]
      } else if let colon = line.firstIndex(of: ":") {
        headers[line[..<colon].lowercased()] = line[line.index(after: colon)...]
          .trimmingCharacters(in: .whitespacesAndNewlines)
      }
    }
  }

  private func perform(
    _ address: String, isHead: Bool, from: Int,
    take: (HTTPAnswer, UnsafeRawBufferPointer) -> Bool
  ) throws(Broken) -> HTTPAnswer {
    let outcome = withoutActuallyEscaping(take) { take in
      let collector = Collector(take: take)
      var result = lab_curl_result()
      address.withCString { url in
        "lab".withCString { agent in
          withOptional(token) { token in
            var request = lab_curl_request()
            request.url = url
            request.user_agent = agent
            request.token = token
            request.from = Int64(from)
            request.is_head = isHead
            request.follows_redirects = !isHead
            request.patience = patience
            request.context = Unmanaged.passUnretained(collector).toOpaque()
            request.on_header = { bytes, count, context in
              guard let bytes, let context else { return 0 }
              let raw = UnsafeRawBufferPointer(start: bytes, count: count)
              Unmanaged<Collector>.fromOpaque(context).takeUnretainedValue()
                .header(String(decoding: raw, as: UTF8.self))
              return count
            }
            request.on_body = { bytes, count, context in
              guard let bytes, let context else { return 0 }
              let collector = Unmanaged<Collector>.fromOpaque(context).takeUnretainedValue()
              let answer = HTTPAnswer(status: collector.status, headers: collector.headers)
              let raw = UnsafeRawBufferPointer(start: bytes, count: count)
              return collector.take(answer, raw) ? count : 0
            }
            result = lab_curl_perform(&request)
          }
        }
      }
      return (
        code: result.code, message: Self.text(result.message),
        answer: HTTPAnswer(status: result.status, headers: collector.headers)
      )
    }
    guard outcome.code == 0 else {
      throw Broken(
        reason: outcome.message, answered: outcome.answer.status != 0,
        knowsNoRanges: outcome.code == Self.rangeError)
    }
    return outcome.answer
  }

  private func withOptional<Result>(
    _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
  ) -> Result {
    text.map { $0.withCString(body) } ?? body(nil)
  }

  /// A C array of characters as text.
  private static func text<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
