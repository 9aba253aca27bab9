import Goldens

extension GoldenCase {
  /// All stored cases; unreadable ones are left out, which a test detects.
  package static let all: [GoldenCase] = Fixtures.names(in: "goldens/cases").compactMap { name in
    do {
      return try GoldenCase(name: name, folder: Fixtures.url("goldens"))
    } catch {
      // The test that counts the cases fails; this prints the reason.
      print("\(name): \(error)")
      return nil
    }
  }
}
