/// The page's style sheet: light and dark, narrow and wide, screen and paper.
enum PageStyle {
  private static let light = """
    --paper: #ffffff; --ink: #222222; --soft: #5c5c5c; --line: #e2e2e2; --shade: #f5f6f8;
    --accent: #00598c; --front: #eef5fb; --grid: #e6e6e6; --halo: #ffffff; --blue: #0072B2; color-scheme: light;
    """
  private static let dark = """
    --paper: #15171a; --ink: #ececec; --soft: #a8abb0; --line: #34383e; --shade: #1f2226;
    --accent: #7cc4f5; --front: #1c2a36; --grid: #2e3238; --halo: #15171a; --blue: #4ea3dc; color-scheme: dark;
    """

  static let text = """
    :root { \(light) }
    @media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) { \(dark) } }
    :root[data-theme="dark"] { \(dark) }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--paper); color: var(--ink);
      font: 15px/1.5 Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif; }
    header, main, form { max-width: 1400px; margin: 0 auto; padding: 0 20px; }
    header { padding-top: 24px; }
    h1 { font-size: 26px; margin: 0 0 2px; }
    h2 { font-size: 18px; margin: 36px 0 6px; }
    h3 { font-size: 15px; margin: 14px 0 2px; }
    summary h2 { display: inline-block; margin: 24px 0 6px; }
    .summary, figcaption, caption, .notes { color: var(--soft); }
    .headline { margin: 0 0 8px; }
    .verdict { margin: 8px 0; padding: 8px 12px; border-left: 4px solid #D55E00; background: var(--shade); }
    tr.unreliable td, tr.unreliable th { color: var(--soft); }
    .skip { position: absolute; left: -9999px; }
    .skip:focus { left: 8px; top: 8px; background: var(--paper); padding: 6px 10px; z-index: 3; }
    .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    a { color: var(--accent); }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    form { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; position: sticky;
      top: 0; z-index: 2; background: var(--paper); padding-top: 8px; padding-bottom: 8px;
      border-bottom: 1px solid var(--line); }
    fieldset { border: 0; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: 4px 14px; }
    legend { float: left; padding: 0; margin-right: 10px; }
    fieldset label { display: inline-flex; align-items: center; gap: 4px; }
    select, form button { font: inherit; color: inherit; background: var(--shade);
      border: 1px solid var(--line); border-radius: 4px; padding: 2px 8px; max-width: 260px; }
    output { color: var(--soft); }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; font-size: 13px; width: 100%;
      font-variant-numeric: tabular-nums; }
    caption { text-align: left; padding: 2px 0 4px; }
    thead th { border-bottom: 1.5px solid var(--ink); text-align: left; vertical-align: bottom;
      padding: 0; }
    thead th button { all: unset; cursor: pointer; padding: 4px 6px; display: block; }
    thead th button:focus-visible { outline: 2px solid var(--accent); }
    thead th.number button { text-align: right; }
    thead th button::after { content: "\\2195"; color: var(--soft); opacity: .45; margin-left: 4px; }
    thead th[aria-sort="ascending"] button::after { content: "\\2191"; opacity: 1; }
    thead th[aria-sort="descending"] button::after { content: "\\2193"; opacity: 1; }
    tbody th, td { padding: 3px 6px; border-bottom: 1px solid var(--line); font-weight: 400;
      text-align: left; white-space: nowrap; }
    .wraps { white-space: normal; min-width: 110px; max-width: 260px; }
    .number { text-align: right !important; }
    tr.front td, tr.front th { background: var(--front); font-weight: 600; }
    tbody tr:hover td, tbody tr:hover th { background: var(--shade); }
    .notes { margin: 6px 0 0; padding: 0; list-style: none; font-size: 13px; }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr));
      gap: 18px; margin: 16px 0; }
    figure { margin: 0; min-width: 0; }
    figure.wide { grid-column: 1 / -1; }
    figcaption { font-size: 13px; padding-left: 72px; }
    svg { max-width: 100%; height: auto; display: block; }
    svg.sign { display: inline; flex: none; }
    svg .page { fill: none; }
    svg [fill="#222222"] { fill: var(--ink); }
    svg [fill="#666666"] { fill: var(--soft); }
    svg [fill="#000000"] { fill: var(--ink); }
    svg [fill="#ffffff"]:not(text) { fill: var(--halo); }
    svg [stroke="#222222"], svg [stroke="#000000"] { stroke: var(--ink); }
    svg [stroke="#666666"] { stroke: var(--soft); }
    svg [stroke="#e6e6e6"] { stroke: var(--grid); }
    svg [stroke="#ffffff"] { stroke: var(--halo); }
    svg [stroke="#0072B2"] { stroke: var(--blue); }
    svg [fill="#0072B2"]:not(.cell *) { fill: var(--blue); }
    svg .labels text { fill: var(--ink); }
    svg .cell text[fill="#222222"] { fill: #222222; }
    .point { cursor: default; outline: none; }
    .point:focus-visible > *, .point:hover > * { filter: drop-shadow(0 0 2.5px var(--accent)); }
    [hidden], .off { display: none !important; }
    #tip { position: fixed; z-index: 4; pointer-events: none; background: var(--ink);
      color: var(--paper); padding: 4px 8px; border-radius: 4px; font-size: 13px;
      max-width: 340px; }
    @media (max-width: 700px) { form { position: static; } figcaption { padding-left: 0; }
      figure.wide svg { min-width: 760px; } }
    @media print {
      :root, :root[data-theme="dark"] { \(light) }
      form, .skip, #tip { display: none !important; }
      header, main { max-width: none; padding: 0; }
      body { font-size: 10.5pt; }
      table { font-size: 7.6pt; }
      tbody th, td, thead th button { padding: 1px 3px; }
      thead th button::after { content: none !important; }
      .scroll { overflow: visible; }
      figure, tr { break-inside: avoid; }
      .figures { grid-template-columns: 1fr 1fr; gap: 6px; margin: 6px 0; }
      .wraps { min-width: 60px; }
      section.group + section.group { break-before: page; }
      h2 { break-after: avoid; }
      details > *:not(summary) { display: block; }
    }
    """
}
