import ArgumentParser
import Experiments
import Foundation
import Records
import Reporting
import TokenReduction

/// `lab methods`.
struct MethodsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "methods",
    abstract: "Lists the token-reduction methods with their keys in a spec.",
    discussion: """
      Examples:
        lab methods
        lab methods tail_effect
        lab methods --table
      """)

  @Argument(help: "Only this method, with all its keys.")
  var name: String?

  @Flag(help: "What each method needs: training, attention weights, sizes in attention.")
  var table = false

  func run() throws {
    if table { return printNeeds() }
    guard let name else {
      let table = TextTable(
        header: ["method", "what it does", "keys"],
        alignments: [.leading, .leading, .leading],
        rows: TokenReductionRegistry.all.map { method in
          let keys = SpecRules.keys(of: method).dropFirst().map(\.key)
          let shown = keys.prefix(4).joined(separator: ", ") + (keys.count > 4 ? ", …" : "")
          return [method.name, method.summary, shown]
        })
      let lines = table.lines(
        width: Console.listWidth, dropping: ["keys"], wrapping: "what it does")
      print(lines.joined(separator: "\n"))
      print("\n`lab methods NAME` lists all keys of a method.")
      return
    }
    guard let method = TokenReductionRegistry.method(named: name) else {
      let names = TokenReductionRegistry.all.map { $0.name }
      throw ExperimentsError.impossible(
        subject: name,
        message: "is not a method; \(NearestName.advice(name, among: names, noun: "methods"))")
    }
    Console.list("\(method.name): \(method.summary)", indent: 4)
    Console.list("source: \(method.source)", indent: 4)
    // In one line, to be copied.
    print("example: \(method.example)\n")
    let table = TextTable(
      header: ["key", "meaning", "value", "default"],
      alignments: [.leading, .leading, .leading, .leading],
      rows: SpecRules.keys(of: method).dropFirst().map { key in
        [key.key, key.summary, key.rule.valueText, key.standardText]
      })
    print(table.linesOrParagraphs(width: Console.listWidth).joined(separator: "\n"))
  }

  /// Which methods are training-free, which take the device into account, and what else each needs.
  private func printNeeds() {
    func mark(_ holds: Bool) -> String { holds ? "yes" : "no" }
    let table = TextTable(
      header: [
        "method", "training-free", "hardware-aware", "reads attention", "sizes in attention",
        "reorders tokens", "source",
      ],
      alignments: Array(repeating: .leading, count: 7),
      rows: TokenReductionRegistry.all.filter { $0 != ComposedMethod.self }.map { method in
        let needs = method.needs
        return [
          method.name, mark(!needs.isTrained), mark(needs.isHardwareAware),
          mark(needs.readsAttention), mark(needs.sizesInAttention), mark(needs.reordersTokens),
          method.source,
        ]
      })
    let lines = table.lines(
      width: Console.listWidth, dropping: ["source", "reorders tokens", "sizes in attention"],
      wrapping: "source")
    print(lines.joined(separator: "\n"))
  }
}
