import Foundation
import Synchronization

/// An HTTP server on 127.0.0.1 that runs as long as it exists, with one thread per connection.
package final class LocalServer: Sendable {
  package struct Request: Sendable {
    package let method: String
    package let path: String
    /// Headers by lowercase name.
    package let headers: [String: String]

    /// The start of a requested range.
    package var rangeStart: Int? {
      guard let range = headers["range"], range.hasPrefix("bytes=") else { return nil }
      return Int(range.dropFirst("bytes=".count).prefix { $0 != "-" })
    }
  }

  package struct Reply: Sendable {
    package var status: Int
    package var headers: [String: String]
    package var body: Data
    /// The number of body bytes after which the connection is closed.
    package var breaksAfter: Int?

    package init(
      _ status: Int, _ headers: [String: String] = [:], body: Data = Data(),
      breaksAfter: Int? = nil
    ) {
      self.status = status
      self.headers = headers
      self.body = body
      self.breaksAfter = breaksAfter
    }
  }

  package let port: UInt16
  private let socket: Int32
  private let handler: @Sendable (Request) -> Reply
  private let log = Mutex<[Request]>([])

  package init(_ handler: @escaping @Sendable (Request) -> Reply) throws {
    self.handler = handler
    #if canImport(Darwin)
      socket = Foundation.socket(AF_INET, SOCK_STREAM, 0)
    #else
      socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = socket
    let bound = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, size) == 0 && listen(listener, 64) == 0
          && getsockname(listener, address, &size) == 0
      }
    }
    guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
    // A strong reference, because the server's last response may come after the test's last use of
    // it.
    let answer: @Sendable (Int32) -> Void = { connection in
      self.answer(connection)
      close(connection)
    }
    Thread.detachNewThread {
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        Thread.detachNewThread { answer(connection) }
      }
    }
  }

  package var address: String { "http://127.0.0.1:\(port)" }

  /// All requests so far.
  package var requests: [Request] { log.withLock { $0 } }

  private func answer(_ connection: Int32) {
    guard let request = Self.read(connection) else { return }
    log.withLock { $0.append(request) }
    let reply = handler(request)
    var head = "HTTP/1.1 \(reply.status) Status\r\nConnection: close\r\n"
    var headers = reply.headers
    if headers["Content-Length"] == nil { headers["Content-Length"] = "\(reply.body.count)" }
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    Self.write(Data((head + "\r\n").utf8), to: connection)
    guard request.method != "HEAD" else { return }
    Self.write(reply.body.prefix(reply.breaksAfter ?? .max), to: connection)
  }

  private static func read(_ connection: Int32) -> Request? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      guard recv(connection, &byte, 1, 0) == 1, bytes.count < 1 << 16 else { return nil }
      bytes.append(byte)
    }
    let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
    let parts = lines[0].split(separator: " ").map(String.init)
    guard parts.count == 3 else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...]
        .trimmingCharacters(in: .whitespaces)
    }
    return Request(method: parts[0], path: parts[1], headers: headers)
  }

  private static func write(_ data: Data, to connection: Int32) {
    data.withUnsafeBytes { bytes in
      var sent = 0
      while sent < bytes.count, let base = bytes.baseAddress {
        #if canImport(Darwin)
          let count = send(connection, base + sent, bytes.count - sent, 0)
        #else
          let count = send(connection, base + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
        #endif
        guard count > 0 else { return }
        sent += count
      }
    }
  }
}
