/// A table of the page: sortable by every column, its first columns in view while it scrolls.
struct PageTable {
  let group: RowGroup
  /// Tells the tables of a page apart.
  let number: Int

  var html: String {
    var notes = NumberedNotes()
    let references = group.rows.map { notes.reference(to: $0.notes) }
    let hasNotes = references.contains { !$0.isEmpty }
    let head = Column.document.map(heading) + (hasNotes ? ["<th scope=\"col\">notes</th>"] : [])
    let body = zip(group.rows, references).map { row, reference in
      line(row) + (hasNotes ? "<td>\(escapedXML(reference))</td>" : "") + "</tr>"
    }
    let listed = notes.lines + [group.droppedText].compactMap { $0 } + group.choiceLines
    let list = listed.map { "<li>\(escapedXML($0))</li>" }.joined(separator: "\n")
    let steps = group.nextStepLines.map { "<li>\(escapedXML($0))</li>" }.joined(separator: "\n")
    return """
      <div class="scroll" tabindex="0" role="region" aria-labelledby="caption-\(number)">
      <table>
      <caption id="caption-\(number)">Methods, \(escapedXML(group.placeText))</caption>
      <thead><tr>\(head.joined())</tr></thead>
      <tbody>
      \(body.joined(separator: "\n"))
      </tbody>
      </table>
      </div>
      \(list.isEmpty ? "" : "<ul class=\"notes\">\(list)</ul>")
      \(steps.isEmpty ? "" : "<h3>Next step down the staircase</h3><ul class=\"notes\">\(steps)</ul>")
      """
  }

  private func heading(_ column: Column) -> String {
    let kind = column.alignment == .leading ? "text" : "number"
    return "<th scope=\"col\" class=\"\(kind)\" aria-sort=\"none\">"
      + "<button type=\"button\">\(escapedXML(column.title))</button></th>"
  }

  private func line(_ row: Row) -> String {
    let cells = Column.document.enumerated().map { index, column in
      let kind = column.alignment == .leading ? "text" : "number"
      let value = column.number(row).map { " data-value=\"\(trimmed($0, digits: 9))\"" } ?? ""
      let text = escapedXML(column.cell(row))
      if index == 0 {
        // A dot says nothing aloud.
        let spoken = row.isOnFront ? "<span class=\"spoken\">on the front</span>" : ""
        return
          "<td class=\"\(kind)\"\(value)><span aria-hidden=\"true\">\(text)</span>\(spoken)</td>"
      }
      // Parameters alone are long enough to be broken.
      let wraps = column.title == "parameters" ? " wraps" : ""
      return index == 1
        ? "<th scope=\"row\" class=\"\(kind)\">\(text)</th>"
        : "<td class=\"\(kind)\(wraps)\"\(value)>\(text)</td>"
    }
    let front =
      row.isOnFront ? " class=\"front\"" : row.isReliable ? "" : " class=\"unreliable\""
    return "<tr\(front) data-method=\"\(escapedXML(row.method.name))\">" + cells.joined()
  }
}

extension RowGroup {
  /// The device and the batch size, for a caption.
  var placeText: String {
    [device?.text, batchSize.map { "batch \($0)" }, precision].compactMap { $0 }
      .joined(separator: ", ")
  }
}
