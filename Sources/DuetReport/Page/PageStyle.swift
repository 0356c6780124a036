/// The page's style: light, dark and print.
enum PageStyle {
    static let text = #"""
        :root {
          --ink: #1b2230; --soft: #566073; --page: #f6f7f9; --card: #ffffff; --line: #d9dee6; --grid: #e7eaf0;
          --p: #2563b0; --d: #b4530a; --good: #176b3a; --bad: #b3261e; --goodback: #e3f3e9; --badback: #fbe5e3;
          --transfer: #6d5bb5; --engine: #2f7d85; --inference: #b0527f; --orchestration: #8a94a6; --focus: #0b57d0;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ink: #e8ebf1; --soft: #a7b0c0; --page: #12161d; --card: #1a2029; --line: #333c4a; --grid: #272f3b;
            --p: #7fb2f0; --d: #f0a35e; --good: #7fd6a0; --bad: #ff9d94; --goodback: #17311f; --badback: #3d1d1b;
            --transfer: #b3a6ee; --engine: #74c6cd; --inference: #ee9fc4; --orchestration: #8e99ab; --focus: #8ab4f8;
          }
        }
        * { box-sizing: border-box; }
        html { scroll-behavior: smooth; }
        body { margin: 0; background: var(--page); color: var(--ink);
          font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
        header, main, footer { max-width: 72rem; margin: 0 auto; padding: 0 1.5rem; }
        header { padding-top: 2rem; }
        .brand { margin: 0; color: var(--soft); letter-spacing: .08em; text-transform: uppercase; font-size: .75rem; }
        h1 { margin: .2rem 0 .4rem; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.01em; }
        h2 { margin: 0 0 .3rem; font-size: 1.25rem; }
        h3 { margin: 1.2rem 0 .3rem; font-size: 1rem; }
        .lead { margin: 0 0 1rem; color: var(--soft); }
        nav { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; padding: .6rem 0; border-block: 1px solid var(--line); }
        a { color: var(--p); text-underline-offset: .15em; }
        nav a { text-decoration: none; } nav a:hover { text-decoration: underline; }
        section { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: 1.2rem 1.4rem;
          margin: 1.2rem 0; }
        section > p { max-width: 62rem; margin: .2rem 0 .8rem; color: var(--soft); }
        .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem; margin-top: .9rem; }
        .card { border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .9rem; }
        .card b { display: block; font-size: 1.45rem; line-height: 1.25; font-weight: 650; }
        .card span { color: var(--soft); font-size: .85rem; }
        section > .verdict { max-width: none; } .verdict { border-radius: .5rem; padding: .8rem 1rem; font-weight: 600; }
        .verdict.yes { background: var(--goodback); color: var(--good); }
        .verdict.no, .warning { background: var(--badback); color: var(--bad); padding: .8rem 1rem; border-radius: .5rem; }
        .legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; color: var(--soft); font-size: .88rem; margin: .2rem 0; }
        .legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin-right: .35rem;
          vertical-align: -.08rem; }
        .controls { display: flex; flex-wrap: wrap; gap: .5rem 1.2rem; align-items: center; margin: .5rem 0; }
        select, button { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line);
          border-radius: .4rem; padding: .25rem .6rem; }
        :focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
        figure { margin: .4rem 0 0; }
        .scroll { overflow-x: auto; }
        svg { display: block; width: 100%; height: auto; font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
        svg text { fill: var(--ink); } svg .soft, svg .tick text { fill: var(--soft); }
        svg .domain, svg .tick line { stroke: var(--line); } svg .grid line { stroke: var(--grid); }
        svg .grid .domain { display: none; }
        .p { fill: var(--p); } .d { fill: var(--d); } .sp { stroke: var(--p); } .sd { stroke: var(--d); }
        .transfer { fill: var(--transfer); } .engine { fill: var(--engine); } .inference { fill: var(--inference); }
        .orchestration { fill: var(--orchestration); }
        .whisker { stroke: var(--ink); stroke-width: 1.3; } .dot { fill: var(--card); stroke: var(--ink); }
        .outlier { stroke: var(--bad); stroke-width: 2; }
        .node rect { fill: var(--page); stroke: var(--line); } .node.changed rect { stroke: var(--d); stroke-width: 2; }
        .node.full rect { fill: var(--badback); } .node.incremental rect, .node.append rect { fill: var(--goodback); }
        .node.different rect { stroke: var(--bad); stroke-width: 3; }
        .edge { fill: none; stroke: var(--soft); opacity: .45; }
        table { border-collapse: collapse; font-size: .87rem; min-width: 100%; margin: .4rem 0; }
        th, td { padding: .28rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--grid); }
        th { color: var(--soft); font-weight: 600; white-space: nowrap; border-bottom-color: var(--line); }
        td.n, th.n { text-align: right; white-space: nowrap; } tbody th { color: var(--ink); border-bottom-color: var(--grid); }
        td.good { color: var(--good); } td.bad { color: var(--bad); font-weight: 650; }
        th.what { min-width: 15rem; white-space: normal; } small { display: block; color: var(--soft); font-weight: 400; } td.why { min-width: 22rem; max-width: 44rem; }
        caption { text-align: left; color: var(--soft); font-size: .85rem; padding-bottom: .2rem; }
        details { margin: .5rem 0; } summary { cursor: pointer; color: var(--p); }
        code, pre { font: .85em ui-monospace, "DejaVu Sans Mono", monospace; } pre { overflow-x: auto; white-space: pre-wrap; }
        footer { color: var(--soft); font-size: .85rem; padding-bottom: 2rem; }
        .skip { position: absolute; left: -999px; } .skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem; }
        @media (max-width: 40rem) { header, main, footer { padding-inline: .8rem; } section { padding: 1rem; } }
        @media print {
          :root { --page: #fff; --card: #fff; } body { font-size: 11px; } nav, .controls, .skip { display: none; }
          section { border: 0; padding: 0; break-inside: auto; } figure, .cards, tr { break-inside: avoid; }
          header, main, footer { max-width: none; }
        }
        """#
}
