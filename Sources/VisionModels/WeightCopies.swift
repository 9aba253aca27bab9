/// Where files may contain copies of a model's weights: under the entries of a training checkpoint,
/// such as `model` and `model_ema`.
enum WeightCopies {
  /// Prefixes that may precede the names of a model's tensors.
  ///
  /// DataParallel's `module`, the entries of training checkpoints, self-distillation's teacher.
  private static let words: Set<String> = [
    "module", "_orig_mod", "model", "net", "network", "state_dict", "model_state_dict",
    "state_dict_ema", "model_ema", "ema", "ema_state_dict", "teacher", "student", "params", "opt",
    "target", "img",
  ]

  /// Every sequence of such prefixes at the beginning of a name, in the order of preference: the
  /// moving average, as in timm's `load_state_dict`, and the teacher, as in DINO's evaluation; then
  /// the plain weights; then the student.
  ///
  /// - Parameter key: An entry that all of them must be under, with any name; `""` for names
  ///   without a prefix.
  static func wrappers(of names: Set<String>, under key: String? = nil) -> [String] {
    if key == "" { return [""] }
    var found: Set<String> = key == nil ? [""] : []
    for name in names {
      var end = name.startIndex
      if let key {
        guard let start = start(of: name, under: key) else { continue }
        end = start
        found.insert(String(name[..<end]))
      }
      while let separator = name[end...].firstIndex(where: { $0 == "." || $0 == "/" }),
        words.contains(String(name[end..<separator]))
      {
        end = name.index(after: separator)
        found.insert(String(name[..<end]))
      }
    }
    func rank(_ wrapper: String) -> (Int, Int, String) {
      let parts = wrapper.split { $0 == "." || $0 == "/" }
      let preference =
        parts.contains("student")
        ? 2 : parts.contains { $0.contains("ema") || $0 == "teacher" } ? 0 : 1
      return (preference, wrapper.count, wrapper)
    }
    return found.sorted { rank($0) < rank($1) }
  }

  /// Whether any tensor is under an entry.
  static func hold(_ names: Set<String>, under key: String) -> Bool {
    key == "" || names.contains { start(of: $0, under: key) != nil }
  }

  /// The entries that contain tensors.
  static func keys(of names: Set<String>) -> [String] {
    wrappers(of: names).filter { !$0.isEmpty }.map { String($0.dropLast()) }
  }

  /// The index in a name after an entry.
  private static func start(of name: String, under key: String) -> String.Index? {
    guard name.hasPrefix(key) else { return nil }
    let end = name.index(name.startIndex, offsetBy: key.count)
    guard end < name.endIndex, name[end] == "." || name[end] == "/" else { return nil }
    return name.index(after: end)
  }
}
