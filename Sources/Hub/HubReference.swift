/// A reference to a repository of the Hugging Face Hub: `hf:OWNER/NAME`, with `/FILE` and
/// `@REVISION` where they are given.
package struct HubReference: Hashable, Sendable {
  package static let prefix = "hf:"

  package let owner: String
  package let name: String
  /// A file of the repository; `nil` leaves the choice to what is there.
  package let file: String?
  /// A branch, a tag or a commit.
  package let revision: String

  /// Whether a text is a reference.
  package static func isMeant(by text: String) -> Bool { text.hasPrefix(prefix) }

  /// - Throws: `HubError.badReference`.
  package init(_ text: String) throws(HubError) {
    var rest = text.hasPrefix(Self.prefix) ? text.dropFirst(Self.prefix.count) : text[...]
    var revision = "main"
    if let at = rest.lastIndex(of: "@") {
      revision = String(rest[rest.index(after: at)...])
      rest = rest[..<at]
    }
    let parts = rest.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 2, parts.allSatisfy(Self.isPlain),
      !revision.isEmpty, revision.split(separator: "/").allSatisfy({ Self.isPlain(String($0)) })
    else { throw .badReference(text) }
    (owner, name) = (parts[0], parts[1])
    file = parts.count > 2 ? parts[2...].joined(separator: "/") : nil
    self.revision = revision
  }

  init(owner: String, name: String, revision: String) {
    (self.owner, self.name, self.revision, file) = (owner, name, revision, nil)
  }

  /// A part of a path that leads nowhere else.
  private static func isPlain(_ part: String) -> Bool {
    !part.isEmpty && part != "." && part != ".."
      && part.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "-"), UInt8(ascii: "+"):
          true
        default: false
        }
      }
  }

  package var repository: String { "\(owner)/\(name)" }

  package var text: String {
    Self.prefix + repository + (file.map { "/\($0)" } ?? "")
      + (revision == "main" ? "" : "@\(revision)")
  }

  /// Whether the revision is a commit, which never changes.
  var isCommit: Bool { revision.count == 40 && revision.allSatisfy(\.isHexDigit) }
}
