/// The user's request to Slurm: `partition=gpu,time=2:00:00,array=16%4,extra=--gres=gpu:1`.
package struct SlurmRequest: Hashable, Sendable {
  package var partition: String?
  package var account: String?
  /// In the format of sbatch.
  package var time: String?
  /// The number of shares, each a task of the job array.
  package var shares = SlurmRequest.defaultShares
  /// The maximum number that run at a time; `nil` for no limit.
  package var atOnce: Int?
  /// Additional options of sbatch, as typed.
  package var extra: String?

  package static let defaultShares = 4
  private static let keys = ["partition", "account", "time", "array", "extra"]

  /// - Throws: `ExperimentsError.impossible`.
  package init(_ text: String) throws {
    var rest = text[...]
    var seen: Set<String> = []
    while !rest.isEmpty {
      guard let equals = rest.firstIndex(of: "=") else {
        throw Self.wrong(
          "'\(rest)' is not KEY=VALUE; such as --slurm partition=gpu,time=2:00:00,array=8, with the "
            + "spec before it")
      }
      let key = String(rest[..<equals])
      guard Self.keys.contains(key) else {
        throw Self.wrong(
          "there is no '\(key)'; " + NearestName.advice(key, among: Self.keys, noun: "keys")
            + "; other options of sbatch follow extra=")
      }
      guard seen.insert(key).inserted else { throw Self.wrong("\(key) is given twice") }
      rest = rest[rest.index(after: equals)...]
      // Options may contain commas, so they come last.
      let end = key == "extra" ? rest.endIndex : rest.firstIndex(of: ",") ?? rest.endIndex
      try set(key, String(rest[..<end]))
      rest = end == rest.endIndex ? "" : rest[rest.index(after: end)...]
    }
  }

  private mutating func set(_ key: String, _ value: String) throws {
    guard !value.isEmpty, !value.contains(where: \.isNewline) else {
      throw Self.wrong("\(key) needs a value in one line")
    }
    if key != "extra", value.contains(where: \.isWhitespace) {
      throw Self.wrong("\(key)=\(value): no blank may be in it")
    }
    switch key {
    case "partition": partition = value
    case "account": account = value
    case "extra": extra = value
    case "time":
      guard value.wholeMatch(of: /([0-9]+-)?[0-9]+(:[0-9]+){0,2}/) != nil else {
        throw Self.wrong(
          "time=\(value) is no time; it is minutes, H:MM:SS or D-HH:MM:SS, as sbatch takes it")
      }
      time = value
    default: try setArray(value)
    }
  }

  private mutating func setArray(_ value: String) throws {
    let parts = value.split(separator: "%", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count <= 2, let count = parts[0], (1...Share.maxCount).contains(count),
      parts.count == 1 || (parts[1] ?? 0) >= 1
    else {
      throw Self.wrong(
        "array=\(value) is no size; 16 makes sixteen tasks, 16%4 lets four of them run at a time")
    }
    shares = count
    atOnce = parts.count == 2 ? parts[1] : nil
  }

  private static func wrong(_ message: String) -> ExperimentsError {
    .impossible(subject: "--slurm", message: message)
  }
}
