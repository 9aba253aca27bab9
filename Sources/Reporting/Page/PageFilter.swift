/// The controls that hide tables and rows: by model, device, batch size and method.
struct PageFilter {
  let report: Report

  private static let facts: [(key: String, title: String, value: @Sendable (RowGroup) -> String?)] =
    [
      ("model", "Model", { $0.model.name }),
      ("dataset", "Data set", { $0.dataset.map { "\($0.name) (\(grouped($0.images)))" } }),
      ("device", "Device", { $0.device?.text }),
      ("batch", "Batch size", { $0.batchSize.map(String.init) }),
    ]

  /// What the controls compare with, on each table's section.
  static func attributes(of group: RowGroup) -> String {
    facts.map { fact in
      fact.value(group).map { " data-\(fact.key)=\"\(escapedXML($0))\"" } ?? ""
    }.joined()
  }

  var html: String {
    """
    <form id="filter" aria-label="What is shown">
    \(Self.facts.map { choice($0.key, $0.title, values(of: $0.value)) }.joined(separator: "\n"))
    <fieldset><legend>Methods</legend>\(methods)</fieldset>
    <label>Theme <select id="theme">
    <option value="">as the system</option><option value="light">light</option>
    <option value="dark">dark</option></select></label>
    <button type="reset">Show all</button>
    <output id="shown" aria-live="polite"></output>
    </form>
    """
  }

  private func values(of value: (RowGroup) -> String?) -> [String] {
    report.groups.compactMap(value).reduce(into: []) { known, one in
      if !known.contains(one) { known.append(one) }
    }
  }

  /// A list to choose from, left out where there is nothing to choose.
  private func choice(_ key: String, _ title: String, _ values: [String]) -> String {
    guard values.count > 1 else { return "" }
    let options = values.map {
      "<option value=\"\(escapedXML($0))\">\(escapedXML($0))</option>"
    }
    return "<label>\(title) <select data-filter=\"\(key)\"><option value=\"\">all</option>"
      + options.joined() + "</select></label>"
  }

  private var methods: String {
    let names = report.groups.flatMap { $0.rows.map(\.method.name) }
    let styles = MethodStyle.styles(for: names, report.joined.catalog)
    var shown: [String] = []
    for name in names where !shown.contains(name) { shown.append(name) }
    return shown.map { name in
      let sign = styles[name].map { style in
        SVGNode(
          "svg",
          [
            "class": "sign", "width": 14, "height": 14, "viewBox": "-7 -7 14 14",
            "aria-hidden": "true",
          ], children: [style.marker(at: Point(x: 0, y: 0), isSolid: true)]
        ).rendered()
      }
      return
        "<label><input type=\"checkbox\" name=\"method\" value=\"\(escapedXML(name))\" checked>"
        + "\(sign ?? "")\(escapedXML(name))</label>"
    }.joined(separator: "\n")
  }
}
