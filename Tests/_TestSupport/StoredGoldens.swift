import Goldens

extension GoldenCase {
  /// Every stored case; one that cannot be read is missing, which a test notices.
  package static let all: [GoldenCase] = Fixtures.names(in: "goldens/cases").compactMap { name in
    do {
      return try GoldenCase(name: name, folder: Fixtures.url("goldens"))
    } catch {
      // The test that counts the cases fails; this says why.
      print("\(name): \(error)")
      return nil
    }
  }
}
