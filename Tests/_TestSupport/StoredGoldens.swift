import Goldens

extension GoldenCase {
  /// Every stored case; one that cannot be read is missing, which a test notices.
  package static let all: [GoldenCase] = Fixtures.names(in: "goldens/cases").compactMap {
    try? GoldenCase(name: $0, folder: Fixtures.url("goldens"))
  }
}
