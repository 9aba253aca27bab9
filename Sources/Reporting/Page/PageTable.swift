/// A table of the page: sortable by every column, with its first columns fixed while it scrolls.
struct PageTable {
  let group: RowGroup
  /// The table's number on the page, for unique ids.
  let number: Int

  /// The table and the notes below it.
  var nodes: [Markup] {
    var notes = NumberedNotes()
    let references = group.rows.map { notes.reference(to: $0.notes) }
    let columns = group.filled(Column.document(of: group))
    let body = group.rows.enumerated().map { line($1, index: $0, columns) }
    let headings = columns.map {
      HTMLTable.heading($0.title, isNumber: $0.alignment == .trailing)
    }
    let listed =
      notes.lines + [group.simulatedText, group.droppedText].compactMap { $0 } + group.choiceLines
    let steps = group.nextStepLines
    let table = HTMLTable(
      id: "caption-\(number)",
      caption:
        "\(group.isOfModels ? "Models" : "Methods on \(group.model.name)"), \(group.placeText)",
      headings: headings,
      rows: body, references: references)
    let title = Markup("h3", text: "Next step down the staircase")
    return [table.node] + HTMLTable.notes(listed) + (steps.isEmpty ? [] : [title])
      + HTMLTable.notes(steps)
  }

  private func line(_ row: Row, index: Int, _ columns: [Column]) -> Markup {
    let cells = columns.map { cell($0, row) }
    var line = Markup("tr", children: cells)
    if row.isOnFront {
      line = line.with("class", "front")
    } else if !row.isReliable {
      line = line.with("class", "unreliable")
    }
    return line.with("data-method", .text(row.method.name)).with("data-row", .text("\(index)"))
  }

  private func cell(_ column: Column, _ row: Row) -> Markup {
    let isNumber = column.alignment == .trailing
    let text = column.cell(row)
    if column.title == "method" { return HTMLTable.cell(text, isNumber: isNumber, isHeading: true) }
    // Only parameters are long enough to be wrapped.
    let wraps = column.title == "parameters"
    var cell = HTMLTable.cell(
      text, isNumber: isNumber, wraps: wraps, value: column.number(row))
    if column.title == "front" {
      // Screen readers do not read a dot; the script shows it by the class when hidden rows change
      // the front.
      cell = cell.with("class", "text on-front")
      cell.text = nil
      cell.children = [
        Markup("span", ["aria-hidden": "true"], text: Mark.front),
        Markup("span", ["class": "spoken"], text: "on the front"),
      ].map { row.isOnFront ? $0 : $0.with("hidden", "") }
    }
    return cell
  }
}

/// An HTML table that can be scrolled and sorted.
struct HTMLTable {
  let id: String
  let caption: String
  let headings: [Markup]
  let rows: [Markup]
  /// The references of each row to the notes below the table.
  let references: [String]

  /// The table, with a column of references if there are any.
  var node: Markup {
    let hasNotes = references.contains { !$0.isEmpty }
    let notes = hasNotes ? [Markup("th", ["scope": "col"], text: "notes")] : []
    let body = zip(rows, references).map { row, reference in
      var row = row
      if hasNotes { row.children.append(Markup("td", text: reference)) }
      return row
    }
    let table = Markup(
      "table",
      children: [
        Markup("caption", ["id": .text(id)], text: caption),
        Markup("thead", children: [Markup("tr", children: headings + notes)]),
        Markup("tbody", children: body),
      ])
    return Markup(
      "div",
      ["class": "scroll", "tabindex": "0", "role": "region", "aria-labelledby": .text(id)],
      children: [table])
  }

  /// A header cell that sorts its column.
  static func heading(_ title: String, isNumber: Bool) -> Markup {
    Markup(
      "th",
      ["scope": "col", "class": isNumber ? "number" : "text", "aria-sort": "none"],
      children: [Markup("button", ["type": "button"], text: title)])
  }

  /// A cell with its sort key.
  static func cell(
    _ text: String, isNumber: Bool, isHeading: Bool = false, wraps: Bool = false,
    value: Double? = nil
  ) -> Markup {
    let kind = (isNumber ? "number" : "text") + (wraps ? " wraps" : "")
    guard !isHeading else {
      return Markup("th", ["scope": "row", "class": .text(kind)], text: text)
    }
    let cell = Markup("td", ["class": .text(kind)], text: text)
    return value.map { cell.with("data-value", .text(trimmed($0, digits: 9))) } ?? cell
  }

  /// A list of notes below a table; empty without lines.
  static func notes(_ lines: [String]) -> [Markup] {
    guard !lines.isEmpty else { return [] }
    let items = lines.map { Markup("li", text: $0) }
    return [Markup("ul", ["class": "notes"], children: items)]
  }
}

extension RowGroup {
  /// The device and the batch size, for a caption.
  var placeText: String {
    [device?.text, batchSize.map { "batch \($0)" }, precision].compactMap { $0 }
      .joined(separator: ", ")
  }
}
