import Foundation

/// A manual page in man(7) macros, generated from the argument parser's description of the
/// commands.
struct ManualPage {
  /// The part of the parser's description of a program that is needed here.
  private struct Dump: Decodable { let command: Command }

  private struct Command: Decodable {
    let commandName: String
    let superCommands: [String]?
    let abstract: String?
    let discussion: String?
    let shouldDisplay: Bool
    let arguments: [Argument]?
    let subcommands: [Command]?

    var path: String { ((superCommands ?? []) + [commandName]).joined(separator: " ") }
    /// Help is no subject of its own.
    var shown: [Command] {
      (subcommands ?? []).filter { $0.shouldDisplay && $0.commandName != "help" }
    }
  }

  private struct Argument: Decodable {
    enum Kind: String, Decodable { case positional, option, flag }
    struct Name: Decodable {
      let kind: String
      let name: String
      var text: String { (kind == "long" ? "--" : "-") + name }
    }

    let kind: Kind
    let names: [Name]?
    let valueName: String?
    let abstract: String?
    let defaultValue: String?
    let allValues: [String]?
    let isOptional: Bool
    let isRepeating: Bool
    let shouldDisplay: Bool
  }

  private let command: Command
  private let version: String

  /// - Parameter dump: The parser's description, in JSON.
  ///
  /// - Throws: `DecodingError` where a later parser describes it otherwise.
  init(dump: String, version: String) throws {
    command = try JSONDecoder().decode(Dump.self, from: Data(dump.utf8)).command
    self.version = version
  }

  /// The page.
  var text: String {
    var lines = [
      ".TH LAB 1 \"\" \"lab \(version)\" \"User Commands\"",
      ".SH NAME", "lab \\- \(Self.escaped(command.abstract ?? ""))",
      ".SH SYNOPSIS", ".B lab", ".I command", "[\\fIarguments\\fR]",
      ".SH DESCRIPTION",
    ]
    lines += Self.prose(command.discussion ?? "")
    lines.append(".SH COMMANDS")
    for command in command.shown { lines += Self.section(command) }
    lines += [
      ".SH FILES", ".TP", ".I Results/NAME", "records and report of the spec of that name",
      ".TP", ".I ~/.cache/lab",
      "hashes of pictures (LAB_CACHE or XDG_CACHE_HOME name another place)",
      ".TP", ".I ~/.cache/huggingface",
      "models of the Hugging Face Hub (HF_HOME names another place)",
      ".SH SEE ALSO", "The pages in the folder Documentation of the sources.",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  /// A command and those below it.
  private static func section(_ command: Command) -> [String] {
    let arguments = (command.arguments ?? []).filter(\.shouldDisplay)
    let own = arguments.filter { argument in
      // Told once for all.
      !["--help", "--version"].contains(argument.names?.last?.text)
    }
    var lines = [".SS \(escaped(command.path))"]
    lines += prose(command.abstract ?? "")
    if command.shown.isEmpty {
      let usage = own.map(usage).joined(separator: " ")
      lines += [".PP", ".RS 4", "\\fB\(escaped(command.path))\\fR \(usage)", ".RE"]
    }
    if let discussion = command.discussion { lines += [".PP"] + prose(discussion) }
    for argument in own {
      lines += [".TP", heading(argument), escaped(meaning(argument))]
    }
    return lines + command.shown.flatMap(section)
  }

  private static func value(_ argument: Argument) -> String {
    "\\fI\(escaped(argument.valueName ?? "value"))\\fR"
  }

  private static func heading(_ argument: Argument) -> String {
    guard let names = argument.names else { return value(argument) }
    let text = names.map { "\\fB\(escaped($0.text))\\fR" }.joined(separator: ", ")
    return argument.kind == .option ? "\(text) \(value(argument))" : text
  }

  private static func usage(_ argument: Argument) -> String {
    let dots = argument.isRepeating ? " ..." : ""
    let text = (argument.names == nil ? value(argument) : heading(argument)) + dots
    return argument.isOptional ? "[\(text)]" : text
  }

  private static func meaning(_ argument: Argument) -> String {
    var text = argument.abstract ?? ""
    if let values = argument.allValues, !values.isEmpty {
      text += " One of \(values.joined(separator: ", "))."
    }
    if let value = argument.defaultValue { text += " Default: \(value)." }
    return text.isEmpty ? "See above." : text
  }

  /// Paragraphs, in which lines that begin with blanks are examples and stay as they are.
  private static func prose(_ text: String) -> [String] {
    var lines: [String] = []
    var isExample = false
    for line in text.components(separatedBy: "\n") {
      if line.hasPrefix("  ") != isExample {
        lines += isExample ? [".fi", ".RE"] : [".PP", ".RS 4", ".nf"]
        isExample.toggle()
      }
      if line.isEmpty {
        if lines.last != ".PP" { lines.append(".PP") }
      } else {
        lines.append(escaped(isExample ? String(line.dropFirst(2)) : line))
      }
    }
    return lines + (isExample ? [".fi", ".RE"] : [])
  }

  /// Text escaped for roff.
  private static func escaped(_ text: String) -> String {
    let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
      .replacing("\n", with: " ")
    return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
  }
}
