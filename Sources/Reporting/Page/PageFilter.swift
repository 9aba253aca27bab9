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

  /// The attributes of a table's section that the controls compare with.
  static func attributes(of group: RowGroup) -> [(name: String, value: String)] {
    facts.compactMap { fact in fact.value(group).map { ("data-\(fact.key)", $0) } }
  }

  var form: Markup {
    let choices = Self.facts.compactMap { choice($0.key, $0.title, values(of: $0.value)) }
    let title = report.tables.allSatisfy(\.isOfModels) ? "Models" : "Methods"
    let methods = methods
    let rest: [Markup?] = [
      methods.isEmpty
        ? nil : Markup("fieldset", children: [Markup("legend", text: title)] + methods), axis,
      theme,
      Markup("button", ["type": "reset"], text: "Show all"),
      Markup("output", ["id": "shown", "aria-live": "polite"]),
    ]
    return Markup(
      "form", ["id": "filter", "aria-label": "What is shown"],
      children: choices + rest.compactMap { $0 })
  }

  /// The choice of the latency axis, if accuracy over latency is drawn.
  private var axis: Markup? {
    guard ParetoFigure(report) != nil else { return nil }
    return list(
      "axis", "Latency axis",
      [("", "automatic"), ("linear", "linear"), ("log", "logarithmic")])
  }

  private var theme: Markup {
    list("theme", "Theme", [("", "as the system"), ("light", "light"), ("dark", "dark")])
  }

  private func list(_ id: String, _ title: String, _ options: [(String, String)]) -> Markup {
    Markup(
      "label", text: "\(title) ",
      children: [Markup("select", ["id": .text(id)], children: options.map(Self.option))])
  }

  private static func option(_ value: String, _ text: String) -> Markup {
    Markup("option", ["value": .text(value)], text: text)
  }

  private func values(of value: (RowGroup) -> String?) -> [String] {
    report.tables.compactMap(value).reduce(into: []) { known, one in
      if !known.contains(one) { known.append(one) }
    }
  }

  /// A selection list; `nil` if there is only one value.
  private func choice(_ key: String, _ title: String, _ values: [String]) -> Markup? {
    guard values.count > 1 else { return nil }
    let options = [Self.option("", "all")] + values.map { Self.option($0, $0) }
    return Markup(
      "label", text: "\(title) ",
      children: [Markup("select", ["data-filter": .text(key)], children: options)])
  }

  private var methods: [Markup] {
    let names = report.tables.flatMap { $0.rows.map(\.method.name) }
    let styles = MethodStyle.styles(for: names, report.joined.catalog)
    var shown: [String] = []
    for name in names where !shown.contains(name) { shown.append(name) }
    return shown.map { name in
      let sign = styles[name].map { style in
        Markup(
          "svg",
          [
            "class": "sign", "width": 14, "height": 14, "viewBox": "-7 -7 14 14",
            "aria-hidden": "true",
          ], children: [style.marker(at: Point(x: 0, y: 0), isSolid: true)])
      }
      let box = Markup(
        "input", ["type": "checkbox", "name": "method", "value": .text(name), "checked": ""])
      return Markup("label", children: [box, sign, Markup.text(name)].compactMap { $0 })
    }
  }
}
