import ArgumentParser
import Foundation
import Records
import Testing
import _TestSupport

@testable import lab

/// The README, `Documentation/` and the pages of the folders: their links work, and the commands
/// that they show are valid.
@Suite struct DocumentationTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().standardizedFileURL

  /// A Markdown file of the repository.
  struct Page: CustomTestStringConvertible {
    let path: String
    var testDescription: String { path }
    var url: URL { DocumentationTests.root.appendingPathComponent(path) }

    /// The lines, each with whether it is in a code block.
    func lines() throws -> [(text: String, isCode: Bool)] {
      var fence: String?
      var isIndented = false
      var previous = ""
      return try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n").map {
        line in
        defer { previous = line }
        let trimmed = line.trimmingCharacters(in: .whitespaces)
        if trimmed.hasPrefix("```") {
          fence = fence == nil ? trimmed : nil
          return (line, true)
        }
        // Four spaces start a code block only after an empty line; elsewhere they continue a list.
        isIndented =
          line.hasPrefix("    ") && (isIndented || previous.isEmpty)
          || line.isEmpty && isIndented
        return (line, fence != nil || isIndented && !line.isEmpty)
      }
    }

    /// The page's anchors: headings in lower case, with spaces as hyphens and without other
    /// characters.
    func anchors() throws -> Set<String> {
      Set(
        try lines().filter { !$0.isCode && $0.text.hasPrefix("#") }.map { line in
          line.text.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
            .replacing(" ", with: "-").filter { $0.isLetter || $0.isNumber || "-_".contains($0) }
        })
    }
  }

  static let pages: [Page] = {
    var paths = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    for folder in [
      "Documentation", "Sources", "Datasets", "Experiments", "Results", "Benchmarks", "Tests",
    ] {
      let files = FileManager.default.enumerator(
        atPath: root.appendingPathComponent(folder).path)
      while let path = files?.nextObject() as? String {
        if path.hasSuffix(".md"), !path.contains("Fixtures/") { paths.append("\(folder)/\(path)") }
      }
    }
    return paths.sorted().map(Page.init)
  }()

  /// The pages for users of the program.
  static let manual = pages.filter {
    $0.path == "README.md" || $0.path.hasPrefix("Documentation/")
      || $0.path == "Datasets/README.md" || $0.path == "Experiments/README.md"
      || $0.path == "Results/README.md"
  }

  @Test func `there are pages`() {
    #expect(Self.pages.count > 30)
    #expect(Self.manual.count >= 15)
  }

  @Test(arguments: pages) func `every relative link and anchor resolves`(_ page: Page) throws {
    for line in try page.lines() where !line.isCode {
      for match in line.text.replacing(/`[^`]*`/, with: "").matches(of: /\]\(([^)\s]+)\)/) {
        let link = String(match.1)
        if link.contains("://") || link.hasPrefix("mailto:") { continue }
        let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        var target = page
        if let path = parts.first, !path.isEmpty {
          let url = page.url.deletingLastPathComponent().appendingPathComponent(String(path))
            .standardizedFileURL
          #expect(FileManager.default.fileExists(atPath: url.path), "\(link)")
          target = Page(path: String(url.path.dropFirst(Self.root.path.count + 1)))
        }
        guard parts.count == 2 else { continue }
        #expect(try target.anchors().contains(String(parts[1])), "\(link)")
      }
    }
  }

  @Test(arguments: manual) func `every command line parses`(_ page: Page) throws {
    // A command that is only named, such as `lab weights pull`, has no arguments.
    for command in try Self.commands(page) where !Self.namesCommand(command) {
      do {
        _ = try Lab.parseAsRoot(command)
      } catch {
        let isHelp = Lab.exitCode(for: error) == .success
        #expect(isHelp, "lab \(command.joined(separator: " ")): \(Lab.message(for: error))")
      }
    }
  }

  @Test func `the README lists the existing commands`() throws {
    let commands = try Self.manual.flatMap(Self.commands)
    for command in Lab.configuration.subcommands where command.configuration.shouldDisplay {
      let name = command.configuration.commandName ?? ""
      #expect(commands.contains { $0.first == name }, "\(name)")
    }
    #expect(commands.count > 30)
  }

  /// The command lines in code blocks and of `lab …` in the text, without optional parts.
  private static func commands(_ page: Page) throws -> [[String]] {
    var found: [String] = []
    var continued: String?
    for line in try page.lines() {
      if line.isCode {
        var text = line.text.trimmingCharacters(in: .whitespaces)
        if let begun = continued { text = begun + text }
        continued = text.hasSuffix("\\") ? String(text.dropLast()) : nil
        guard continued == nil else { continue }
        for part in text.components(separatedBy: "&&") {
          let words = part.trimmingCharacters(in: .whitespaces)
          guard let match = words.firstMatch(of: /^(?:swift run |[\w.\/]*\/)?lab (.+)$/) else {
            continue
          }
          found.append(String(match.1.split(separator: " #")[0]))
        }
      } else {
        for match in line.text.matches(of: /`(?:swift run )?lab ([a-z][^`]*)`/) {
          found.append(String(match.1))
        }
      }
    }
    return found.map(words)
  }

  /// Whether the words are only the name of a command.
  private static func namesCommand(_ words: [String]) -> Bool {
    var command: any ParsableCommand.Type = Lab.self
    for word in words {
      guard
        let next = command.configuration.subcommands.first(where: {
          $0.configuration.commandName == word
        })
      else { return false }
      command = next
    }
    return true
  }

  /// The words of a command line, split as by a shell.
  private static func words(_ line: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in line {
      if character == quote {
        quote = nil
      } else if quote == nil, character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if quote == nil, character == " " {
        if let finished = word { words.append(finished) }
        word = nil
      } else if quote == nil, character == ">" {
        return words
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if let word { words.append(word) }
    return words
  }

  @Test func `every key of a spec is explained`() throws {
    let schema = try JSONDecoder().decode(
      JSONValue.self,
      from: Data(contentsOf: Self.root.appendingPathComponent("Experiments/schema.json")))
    guard case .object(let members) = schema, case .object(let keys)? = members["properties"]
    else {
      Issue.record("the schema has no properties")
      return
    }
    let text = try String(
      contentsOf: Self.root.appendingPathComponent("Documentation/specs.md"), encoding: .utf8)
    for key in keys.keys { #expect(text.contains("| `\(key)` |"), "\(key)") }
  }
}
