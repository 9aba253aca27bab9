import Files
import Foundation

/// The Hub's endpoint, its cache folder and permissions: from the environment, by the rules of
/// Hugging Face's own client.
///
/// Source: huggingface_hub 2.4, constants.py and utils/_auth.py.
package struct HubSettings: Sendable {
  /// Without a slash at its end.
  package var endpoint: String
  /// The folder of all repositories: `~/.cache/huggingface/hub`.
  package var cache: URL
  package var token: String?
  /// What forbids the network; `nil` if nothing does.
  package var offline: String?
  /// Seconds without a byte after which a transfer has failed.
  package var patience = 30
  /// The pauses before retrying a failed transfer, in seconds.
  package var pauses: [Double] = [0.5, 1, 2, 4, 8]

  package init(
    environment: [String: String], isOffline: Bool = false,
    home: URL = FileManager.default.homeDirectoryForCurrentUser
  ) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    func folder(_ path: String) -> URL {
      path == "~" || path.hasPrefix("~/")
        ? home.appendingPathComponent(String(path.dropFirst(2))) : URL(fileURLWithPath: path)
    }
    var endpoint = value("HF_ENDPOINT") ?? "https://huggingface.co"
    while endpoint.hasSuffix("/") { endpoint.removeLast() }
    self.endpoint = endpoint
    let base = value("XDG_CACHE_HOME").map(folder) ?? home.appendingPathComponent(".cache")
    let ours = value("HF_HOME").map(folder) ?? base.appendingPathComponent("huggingface")
    cache =
      (value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE")).map(folder)
      ?? ours.appendingPathComponent("hub")
    let file =
      value("HF_TOKEN_PATH").map(folder) ?? ours.appendingPathComponent("token")
    token =
      (value("HF_TOKEN") ?? value("HUGGING_FACE_HUB_TOKEN")
      ?? (try? RegularFile.data(at: file, maxBytes: 1 << 16))
      .map { String(decoding: $0, as: UTF8.self) })
      .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
      .flatMap { $0.isEmpty ? nil : $0 }
    if isOffline {
      offline = "--offline"
    } else {
      offline = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].first {
        ["1", "ON", "YES", "TRUE"].contains(environment[$0]?.uppercased() ?? "")
      }
    }
  }
}
