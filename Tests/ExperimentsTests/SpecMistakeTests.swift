import Experiments
import Testing

@Suite struct SpecMistakeTests {
  /// The messages from reading a spec; empty if it is valid.
  static func sentences(_ text: String) -> [String] {
    do {
      _ = try SpecReader.read(try SpecSource(text: text, file: "a.json"))
      return []
    } catch let error as ExperimentsError {
      return error.description.split(separator: "\n").map(String.init)
    } catch {
      return ["another error: \(error)"]
    }
  }

  @Test(arguments: Mistaken.syntax)
  func `text that is not JSON is refused at its line and column`(_ mistaken: Mistaken) {
    #expect(Self.sentences(mistaken.spec) == mistaken.sentences)
  }

  @Test(
    arguments: [
      Mistaken.models, Mistaken.settings, Mistaken.datasets, Mistaken.measurements,
      Mistaken.methods, Mistaken.searches, Mistaken.grids, Mistaken.modelNames, Mistaken.extremes,
    ].flatMap { $0 })
  func `an error is one sentence with the path and the correction`(_ mistaken: Mistaken) {
    #expect(Self.sentences(mistaken.spec) == mistaken.sentences)
  }

  @Test(arguments: Mistaken.everything)
  func `all errors are reported at once`(_ mistaken: Mistaken) {
    #expect(Self.sentences(mistaken.spec) == mistaken.sentences)
  }

  @Test func `there are at least twenty kinds of errors`() {
    let kinds = [
      Mistaken.syntax, Mistaken.models, Mistaken.settings, Mistaken.datasets,
      Mistaken.measurements, Mistaken.methods, Mistaken.searches, Mistaken.grids,
    ].flatMap { $0 }
    #expect(Set(kinds.flatMap(\.sentences)).count >= 20)
  }

  @Test func `a bad spec exits with 2`() {
    #expect(ExperimentsError.invalidSpec([]).exitCode == 2)
    #expect(ExperimentsError.syntax(file: "", line: 1, column: 1, message: "").exitCode == 2)
  }
}
