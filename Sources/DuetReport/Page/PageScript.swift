/// The page's own script, first part: reading the data, numbers for people, tables.
enum PageScript {
    static let text = #"""
        "use strict";
        const report = JSON.parse(document.getElementById("data").textContent);
        const main = document.getElementById("main");
        const styles = [["procedural", "p"], ["declarative", "d"]];
        const prefersReduced = matchMedia("(prefers-reduced-motion: reduce)").matches;

        // Of few repetitions the interval is only a spread, and is called that.
        const interval = report.intervals === "spread" ? "spread" : "95 % interval";

        const significant = value => {
          if (value === 0) return "0";
          const size = Math.floor(Math.log10(Math.abs(value)));
          return value.toFixed(Math.min(8, Math.max(0, 2 - size)));
        };
        const seconds = value => value == null ? "–" : significant(value) + " s";
        const count = value => value == null ? "–" : Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
        const bytes = value => {
          if (value == null) return "–";
          const units = ["B", "kB", "MB", "GB", "TB"];
          let unit = 0;
          while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
          return unit === 0 ? value + " B" : value.toFixed(value < 10 ? 2 : 1) + " " + units[unit];
        };
        const percent = value => significant(value) + " %";

        const make = (name, attributes = {}, ...children) => {
          const element = document.createElement(name);
          for (const [key, value] of Object.entries(attributes)) {
            if (value != null && value !== false) element.setAttribute(key, value === true ? "" : value);
          }
          element.append(...children.filter(child => child != null));
          return element;
        };
        const section = (id, title, intro) => {
          const element = make("section", { id, "aria-labelledby": id + "-title" }, make("h2", { id: id + "-title" }, title));
          if (intro) element.append(make("p", {}, intro));
          main.append(element);
          document.getElementById("nav").append(make("a", { href: "#" + id }, title));
          return element;
        };
        // Columns: [title, cell(row), "n" for numbers]. A cell is text, or {text, class, value, key}.
        const table = (columns, rows, caption, name) => {
          const cell = (tag, content, kind) => {
            const item = typeof content === "object" && content !== null && !(content instanceof Node) ? content : { text: content };
            return make(tag, {
              class: [kind, item.class].filter(Boolean).join(" ") || null, "data-key": item.key, "data-value": item.value,
              scope: tag === "th" ? "row" : null
            }, item.text ?? "");
          };
          const head = make("tr", {}, ...columns.map(([title, , kind]) => make("th", { scope: "col", class: kind }, title)));
          const body = rows.map(row => make("tr", {}, ...columns.map(([, value, kind], index) =>
            cell(index === 0 ? "th" : "td", value(row), kind))));
          return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
            make("table", { "data-table": name }, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body)));
        };
        const behind = (title, ...content) => make("details", {}, make("summary", {}, title), ...content);
        const legend = items => make("p", { class: "legend" }, ...items.map(([name, variable]) =>
          make("span", {}, make("i", { style: "background: var(--" + variable + ")" }), name)));
        const pick = (label, options, onChange, start = 0) => {
          const select = make("select", {}, ...options.map((name, index) =>
            make("option", { value: index, selected: index === start }, name)));
          select.addEventListener("change", () => onChange(Number(select.value)));
          return make("label", { class: "controls" }, label + " ", select);
        };
        const figure = (label, draw) => {
          const element = make("figure", { "aria-label": label });
          const redraw = (...given) => {
            element.replaceChildren();
            draw(d3.select(element).append("svg").attr("role", "img").attr("aria-label", label), ...given);
          };
          return { element, redraw };
        };
        const tip = (selection, text) => selection.append("title").text(text);
        addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(item => { item.open = true; }));
        """#
}
