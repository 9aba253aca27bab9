/// The space that a figure is drawn for: a column of a page or document, or a phone.
enum FigureLayout: CaseIterable, Sendable {
  case wide, narrow

  /// The font size of point labels; on a phone, no text is smaller than 12 pixels.
  var labelSize: Double { self == .wide ? 10.5 : 12 }

  func columns(of panels: Int) -> Int {
    switch self {
    case .wide: min(panels, panels == 4 ? 2 : 3)
    case .narrow: 1
    }
  }

  /// Size of a panel with its margins.
  func panelSize(columns: Int) -> (width: Double, height: Double) {
    switch (self, columns) {
    case (.narrow, _): (width: 340, height: 310)
    case (.wide, 1): (width: 560, height: 380)
    case (.wide, 2): (width: 400, height: 330)
    case (.wide, _): (width: 330, height: 290)
    }
  }
}
