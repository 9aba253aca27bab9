/// Why a model of the Hugging Face Hub is not available; each says what to do.
package enum HubError: Error, Hashable, CustomStringConvertible {
  case badReference(String)
  /// The network must not be used, and the cache lacks the file.
  case offline(subject: String, because: String, cache: String)
  case noLibrary(reason: String)
  /// No answer at all: no network, no such host, no certificate.
  case unreachable(address: String, reason: String)
  /// 401 and 403: a private, gated or missing repository.
  case notAllowed(repository: String, status: Int, hasToken: Bool, page: String)
  case noRepository(repository: String, endpoint: String)
  case noRevision(repository: String, revision: String)
  case noFile(repository: String, file: String)
  /// None of the common weight files exists.
  case noWeights(repository: String, tried: [String])
  case tooManyRequests(address: String, retryAfter: Int?)
  case refused(address: String, status: Int)
  /// The transfer failed repeatedly; the received bytes are kept.
  case broken(file: String, received: Int, of: Int?, reason: String)
  case wrongHash(file: String, expected: String, found: String)
  case wrongSize(file: String, expected: Int, found: Int)
  case diskFull(folder: String, needed: Int, free: Int)
  case cacheUnusable(path: String, reason: String)

  package var description: String {
    switch self {
    case .badReference(let text):
      "\"\(text)\" names no repository of the Hugging Face Hub; write hf:OWNER/NAME, with "
        + "/FILE or @REVISION behind it where they are meant"
    case .offline(let subject, let because, let cache):
      "\(subject): is not in \(cache), and \(because) forbids the network; fetch it with "
        + "`lab weights pull` where there is one"
    case .noLibrary(let reason):
      "nothing can be downloaded: \(reason); install libcurl4 (Debian, Ubuntu) or curl, or bring "
        + "the files and name their folder"
    case .unreachable(let address, let reason):
      "\(address): no answer: \(reason); check the network, HF_ENDPOINT and https_proxy"
    case .notAllowed(let repository, let status, let hasToken, let page):
      "\(repository): the Hub refuses it (\(status)): "
        + (hasToken
          ? "the token in use may not read it; accept its terms at \(page) or use another token"
          : "it is private, has terms to accept at \(page), or does not exist; check the name, or "
            + "set HF_TOKEN to a token that may read it")
    case .noRepository(let repository, let endpoint):
      "\(repository): \(endpoint) has no such repository; check owner and name"
    case .noRevision(let repository, let revision):
      "\(repository): has no branch, tag or commit \(revision)"
    case .noFile(let repository, let file): "\(repository): has no file \(file)"
    case .noWeights(let repository, let tried):
      "\(repository): has none of \(tried.joined(separator: ", ")); name its file as "
        + "hf:\(repository)/FILE"
    case .tooManyRequests(let address, let after):
      "\(address): too many requests (429); try again "
        + (after.map { "in \($0) s" } ?? "later") + ", or set HF_TOKEN, which allows more"
    case .refused(let address, let status):
      "\(address): answers with status \(status); "
        + (status >= 500 ? "try again later" : "check HF_ENDPOINT and the name")
    case .broken(let file, let received, let total, let reason):
      "\(file): the transfer broke off after \(received)"
        + (total.map { " of \($0)" } ?? "") + " bytes: \(reason); what came is kept, and the same "
        + "command goes on from there"
    case .wrongHash(let file, let expected, let found):
      "\(file): what came has the hash \(found), and the Hub says \(expected); it was thrown away, "
        + "try again"
    case .wrongSize(let file, let expected, let found):
      "\(file): \(found) bytes came, and the Hub says \(expected); it was thrown away, try again"
    case .diskFull(let folder, let needed, let free):
      "\(folder): \(needed) bytes are needed and \(free) are free; make room, or set HF_HOME to "
        + "another disk"
    case .cacheUnusable(let path, let reason):
      "\(path): \(reason); set HF_HOME to a folder that can be written"
    }
  }
}
