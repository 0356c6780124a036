/// The page's own script, third part: the sections in their order.
enum PageSections {
    static let text = #"""
        const played = report.steps.filter(hasRuns);
        const names = played.map(step => step.step);
        const ratioText = step => !step.ratio ? "–" : step.ratio.too_noisy ? "too noisy"
          : significant(step.ratio.value) + (step.ratio.low != null ? ` (${significant(step.ratio.low)} – ${significant(step.ratio.high)})` : "");
        const equalCount = d3.sum(report.steps, step => step.datasets.filter(item => item.equal).length);
        const allCount = d3.sum(report.steps, step => step.datasets.length);

        const changeWords = { correct: "rows corrected", append: "rows added" };
        const pointColumns = (place, mark) => [
          ["point", place], ["rows before", point => count(point.rows_before), "n"],
          ...styles.map(([style]) => [style, point => ({ text: seconds(point[style].median), key: `${mark}:${style}:${point.x}`, value: point[style].median }), "n"]),
          ["ratio", ratioText, "n"], ["measured", point => count(point.declarative.values.length), "n"],
          ["tables", point => ({ text: point.equal ? "equal" : "DIFFERENT", class: point.equal ? "good" : "bad" })],
          ["what was done", point => point.note],
        ];

        { // Summary
          const part = section("summary", "Summary");
          const published = new Set(report.steps.flatMap(step => step.datasets.map(item => item.dataset)));
          part.append(make("p", { class: "verdict " + (report.equal ? "yes" : "no"), id: "verdict" }, report.equal
            ? `After every step all ${published.size} published datasets were equal in both styles: same columns, same types, same rows, each as often.`
            : report.first_difference
              ? `The styles differ, first in ${report.first_difference.dataset} at the step “${report.first_difference.step}”.`
              : "The styles differ."));
          const card = (value, what, key) => make("div", { class: "card" }, make("b", { "data-key": key }, value), make("span", {}, what));
          const faster = played.filter(step => step.ratio && !step.ratio.too_noisy);
          const least = faster.slice().sort((a, b) => a.ratio.value - b.ratio.value)[0];
          const most = faster.slice().sort((a, b) => b.ratio.value - a.ratio.value)[0];
          const faults = report.steps.flatMap(step => step.faults);
          part.append(make("div", { class: "cards" },
            card(`${equalCount} of ${allCount}`, "comparisons of a dataset after a step were equal", "equal-count"),
            card(String(report.steps.length), `steps, played ${report.repetitions} time${report.repetitions === 1 ? "" : "s"}`, "step-count"),
            least ? card(significant(least.ratio.value), `declarative by procedural time at its best: ${least.step}`) : null,
            most ? card(significant(most.ratio.value), `and at its worst: ${most.step}`) : null,
            faults.length ? card(String(d3.sum(faults, fault => fault.rows_lost + fault.rows_doubled)), `rows lost or doubled by ${faults.length} faults`) : null,
            ...(report.sweep ? report.sweep.break_even.map(item => card(item.percent == null ? "none" : item.crossings > 1 ? "unclear" : percent(item.percent),
              `of the ${changeWords[item.change]}: from there full reprocessing is faster`, "break-even:" + item.change)) : [])));
          part.append(make("h3", {}, "Steps"));
          part.append(table([
            ["step", step => ({ text: make("span", {}, step.step, step.notes.length ? make("small", {}, step.notes.join("; ")) : null), class: "what" })],
            ["procedural", step => ({ text: seconds(step.procedural.median_seconds), key: "procedural:" + step.step, value: step.procedural.median_seconds }), "n"],
            ["declarative", step => ({ text: seconds(step.declarative.median_seconds), key: "declarative:" + step.step, value: step.declarative.median_seconds }), "n"],
            ["ratio", ratioText, "n"],
            ["rows written p / d", step => count(step.procedural.rows_written) + " / " + count(step.declarative.rows_written), "n"],
            ["fetched p / d", step => bytes(step.procedural.bytes_transferred) + " / " + bytes(step.declarative.bytes_transferred), "n"],
            ["tables", step => ({ text: !step.datasets.length ? "–" : step.equal ? "equal" : "DIFFERENT", class: step.equal ? "good" : "bad" })],
          ], report.steps, "Every step: times are medians; ratio is declarative by procedural, with its " + interval, "steps"));
        }

        { // Times
          const part = section("times", "Time for each step", report.repetitions >= 3
            ? `Medians of ${report.repetitions} repetitions with their ${interval}s (bootstrap); every repetition is a dot, outliers are ringed.`
              + (report.intervals === "spread" ? ` ${report.spread_note.replaceAll("`", "")}` : "")
            : report.repetitions === 1 ? "Each step was run once in each style; take small differences for noise."
              : "Two repetitions; too few for an interval.");
          part.append(legend([["procedural", "p"], ["declarative", "d"]]));
          const chart = figure("Time for each step in both styles", (svg, isLog) => timeBars(svg, played, isLog));
          part.append(pick("Scale", ["linear", "logarithmic"], index => chart.redraw(index === 1)), chart.element);
          chart.redraw(false);
          part.append(behind("All repetitions as a table", table([
            ["step", row => row.step], ["style", row => row.style],
            ["median", row => seconds(row.run.measurement.median), "n"],
            [interval, row => row.run.measurement.low == null ? "–" : seconds(row.run.measurement.low) + " – " + seconds(row.run.measurement.high), "n"],
            ["repetitions", row => row.run.seconds.map(seconds).join(", ")], ["outliers", row => count(row.run.measurement.outliers.length), "n"],
          ], played.flatMap(step => styles.map(([style]) => ({ step: step.step, style, run: step[style] }))), "Times of every repetition", "repetitions")));
        }

        { // Split
          const part = section("split", "Where the time went",
            "Of the last repetition. Where steps of several kinds ran at once, each has its share; orchestration is what no step covers: opening the warehouse, planning, recording, ending.");
          part.append(legend(kinds.map(kind => [kind, kind])));
          const chart = figure("Parts of each run's time", (svg, isShare) => splitBars(svg, played, isShare));
          part.append(pick("Show", ["seconds", "parts of the run"], index => chart.redraw(index === 1)), chart.element);
          chart.redraw(false);
          const rows = played.flatMap(step => styles.map(([style]) => ({ step: step.step, style, run: step[style] }))).filter(row => row.run.split);
          const resource = (row, name) => (row.run.resources[row.run.resources.length - 1] || {})[name];
          part.append(behind("As a table, with memory, statements and background load", table([
            ["step", row => row.step], ["style", row => row.style],
            ...kinds.map(kind => [kind, row => seconds(row.run.split[kind + "_seconds"]), "n"]),
            ["statements", row => count(row.run.statements), "n"], ["requests", row => count(row.run.requests), "n"],
            ["peak memory", row => bytes(resource(row, "peak_memory_bytes")), "n"],
            ["read", row => bytes(resource(row, "bytes_read")), "n"], ["written", row => bytes(resource(row, "bytes_written")), "n"],
            ["processor", row => seconds(resource(row, "processor_seconds")), "n"],
            ["others' load (cores)", row => resource(row, "background_cores") == null ? "–" : significant(resource(row, "background_cores")), "n"],
          ], rows, "Time, memory and bytes of each run; bytes and memory are the whole process's, the sources' server included", "split")));
        }

        if (report.sweep) { // Break-even
          const sweep = report.sweep;
          const part = section("break-even", "Break-even",
            `Rows of '${sweep.source}' were corrected all over it, or added to it; each point began from the same state. ${sweep.stopped_because}.`
            + (sweep.left_out.length ? ` Left out: ${sweep.left_out.join(", ")}.` : ""));
          const found = (list, change) => list.find(item => item.change === change);
          const line = (series, change) => sweep.points.filter(point => point.series === series && point.change === change).sort((a, b) => a.x - b.x);
          const both = [["procedural", point => point.procedural.median, "p"], ["declarative", point => point.declarative.median, "d"]];
          const time = (point, name) => point.datasets.find(item => item.dataset === name);
          const of = name => [["procedural", point => time(point, name).procedural_seconds, "p"], ["declarative", point => time(point, name).declarative_seconds, "d"]];
          const list = sweep.datasets.map(item => item.dataset);
          const label = "rows changed, in percent (logarithmic, 0 at the left)";
          for (const change of Object.keys(changeWords)) {
            const points = line("change", change);
            if (!points.length) continue;
            part.append(make("h3", {}, `More and more ${changeWords[change]}`));
            const even = found(sweep.break_even, change);
            if (even) part.append(make("p", {}, "Full reprocessing is cheaper ", make("b", { "data-key": "break-even-text:" + change }, even.text), "."));
            const chart = figure(`Time by the part of ${changeWords[change]}`, (svg, index) => {
              if (!index) return lines(svg, points, both, label, true, even?.percent);
              const name = list[index - 1];
              lines(svg, points.filter(point => time(point, name)), of(name), label, true, found(sweep.datasets[index - 1].break_even, change)?.percent);
            });
            part.append(pick("Time of", ["the whole run"].concat(list), index => chart.redraw(index)), chart.element);
            chart.redraw(0);
            part.append(behind("As a table", table(pointColumns(point => percent(point.x), "sweep-" + change), points, `Time by the part of ${changeWords[change]}`, "sweep-" + change)));
          }
          part.append(behind("Break-even and growth of each dataset", table([
            ["dataset", item => item.dataset],
            ...Object.keys(changeWords).flatMap(change => [
              [`${changeWords[change]}: the procedural step is faster`, item => found(item.break_even, change)?.text || "–"],
              ["growth p / d", item => { const growth = found(item.growth, change); return growth ? significant(growth.procedural) + " / " + significant(growth.declarative) : "–"; }, "n"],
            ]),
          ], sweep.datasets, "Break-even by dataset, and how many times longer its steps took at the largest size than at the smallest", "break-even")));
          for (const change of Object.keys(changeWords)) {
            const points = line("size", change);
            if (!points.length) continue;
            const growth = found(sweep.growth, change);
            part.append(make("h3", {}, `The same number of ${changeWords[change]}, with more data there already`));
            if (growth) part.append(make("p", {}, `With ${significant(growth.size)} times the data the procedural run took ${significant(growth.procedural)} times as long, the declarative ${significant(growth.declarative)} times.`));
            const chart = figure(`Time by the data that are there already, ${changeWords[change]}`, svg => lines(svg, points, both, "size, as a multiple of the first", false));
            part.append(chart.element);
            chart.redraw();
            part.append(behind("As a table", table(pointColumns(point => "× " + point.x, "size-" + change), points, `Time by size, ${changeWords[change]}`, "size-" + change)));
          }
        }

        if (played.length) { // Gantt
          const part = section("gantt", "Both runs on one clock", "Each bar is a step of the run, from when it began to when it ended; both runs begin at 0.");
          part.append(legend([["transfer", "transfer"], ["datasets, procedural", "p"], ["datasets, declarative", "d"]]));
          const chart = figure("When each step of both runs ran", (svg, index) => gantt(svg, played[index]));
          const holder = make("div");
          const show = index => {
            chart.redraw(index);
            holder.replaceChildren(behind("As a table", table([
              ["style", row => row.style], ["step", row => row.event.step], ["began", row => seconds(row.event.details.started_at), "n"],
              ["took", row => seconds(row.event.details.seconds), "n"], ["strategy", row => row.event.details.strategy || "–"],
            ], styles.flatMap(([style]) => played[index][style].events.filter(event => event.details).map(event => ({ style, event }))),
            "Steps of both runs", "gantt")));
          };
          part.append(pick("Step", names, show), make("div", { class: "scroll" }, chart.element), holder);
          show(0);
        }

        if (played.length) { // Graph
          const part = section("graph", "What changed where", "The datasets from the sources on the left to what people look at on the right. Rows added and taken away by the declarative style; green boxes took the change, red ones were made anew, and framed boxes changed.");
          const chart = figure("The datasets and what the step changed in them", (svg, index) => graph(svg, played[index]));
          const holder = make("div");
          const show = index => {
            chart.redraw(index);
            const verdicts = new Map(played[index].datasets.map(item => [item.dataset.toLowerCase(), item]));
            holder.replaceChildren(behind("As a table, with the reasons", table([
              ["dataset", event => event.step], ["strategy", event => event.details?.strategy || "–"],
              ["rows", event => count(event.details?.rows_total ?? verdicts.get(event.step.toLowerCase())?.rows_declarative), "n"],
              ["+", event => count(event.details?.rows_inserted || 0), "n"], ["−", event => count(event.details?.rows_deleted || 0), "n"],
              ["why", event => ({ text: [event.details?.rule, event.details?.reason].filter(Boolean).join("; "), class: "why" })],
            ], played[index].declarative.events.filter(event => event.step_kind === "dataset"), "Datasets of the declarative run", "graph")));
          };
          const start = Math.min(2, played.length - 1);
          part.append(pick("Step", names, show, start), make("div", { class: "scroll" }, chart.element), holder);
          show(start);
        }

        { // Equality
          const part = section("equality", "Equality", "Every published dataset after every step, as a multiset of rows: = equal, ≈ equal within the tolerance for floating-point sums, ≠ different, – not there.");
          const datasets = [...new Set(report.steps.flatMap(step => step.datasets.map(item => item.dataset)))];
          const find = (step, name) => step.datasets.find(item => item.dataset === name);
          part.append(table([["dataset", name => name], ...report.steps.map((step, index) => [String(index + 1), name => {
            const item = find(step, name);
            return item ? { text: item.equal ? (item.note ? "≈" : "=") : "≠", class: item.equal ? "good" : "bad" } : "–";
          }, "n"])], datasets, "Columns are steps: " + report.steps.map((step, index) => `${index + 1} ${step.step}`).join(", "), "equality"));
          report.steps.filter(step => !step.equal).forEach(step => {
            part.append(make("h3", {}, `Differences after “${step.step}”`));
            step.datasets.filter(item => !item.equal).forEach(item => part.append(
              make("p", {}, make("code", {}, item.dataset), ": " + (item.note || "differs")), make("pre", {}, item.samples.join("\n"))));
          });
          part.append(behind("Rows of the last step", table([
            ["dataset", item => item.dataset], ["procedural", item => count(item.rows_procedural), "n"], ["declarative", item => count(item.rows_declarative), "n"],
            ["compared by", item => item.method], ["note", item => item.note || ""],
          ], report.steps[report.steps.length - 1]?.datasets || [], "Rows in both warehouses", "rows")));
        }

        { // Expectations
          const all = played.flatMap(step => styles.flatMap(([style]) => step[style].events.flatMap(event =>
            (event.details?.expectations || []).map(item => ({ step: step.step, style, dataset: event.step, ...item })))));
          if (all.length) {
            const part = section("quality", "Data quality", "Rows that each run held to the rules: the procedural style all rows each time, the declarative style those it touched.");
            const columns = [["dataset", item => item.dataset], ["expectation", item => item.name], ["on violation", item => item.action],
              ["passed", item => count(item.passed), "n"], ["failed", item => ({ text: count(item.failed), class: item.failed ? "bad" : "" }), "n"]];
            part.append(table(columns, all.filter(item => item.step === names[0] && item.style === "declarative"), `Declarative, at “${names[0]}”`, "expectations"));
            part.append(behind("All steps and both styles", table([["step", item => item.step], ["style", item => item.style], ...columns], all, "Every count", "all-expectations")));
          }
        }

        const lineagePart = (lineage, mark, title, intro) => {
          if (!lineage) return;
          const part = section(mark, title, intro + " Where each column comes from: what its dataset's own query makes it from, the sources' columns at the end of the way, and the datasets between. "
            + "Kinds as OpenLineage names them: identity, transformation and aggregation carry values; the others decide about rows or values.");
          if (lineage.problem) part.append(make("p", { class: "verdict no" }, `There is none: ${lineage.problem}.`));
          const all = lineage.datasets;
          const origins = list => make("span", {}, ...list.flatMap((item, index) =>
            [index ? make("br") : null, make("code", {}, `${item.relation}.${item.column}`), " " + item.kinds.join(", ")].filter(Boolean)));
          const rowsOf = dataset => dataset.unknown ? [{ column: "all", note: `not resolved, because ${dataset.unknown}` }]
            : dataset.columns.concat(dataset.rows.length ? [{ column: "which rows there are", inputs: dataset.rows, sources: [], through: [] }] : []);
          const holder = make("div");
          const show = index => holder.replaceChildren(table([
            ["column", row => ({ text: row.column, key: `${mark}:${all[index].dataset}:${row.column}` })],
            ["made from", row => ({ text: row.note ? row.note : row.inputs.length ? origins(row.inputs) : "–", class: "why" })],
            ["comes from", row => ({ text: row.sources?.length ? origins(row.sources) : "–", class: "why" })],
            ["through", row => row.through?.length ? row.through.join(", ") : "–"],
          ], rowsOf(all[index]), `Columns of ${all[index].dataset}`, mark));
          if (all.length) {
            const start = Math.max(0, all.findIndex(dataset => dataset.last));
            part.append(pick("Dataset", all.map(dataset => dataset.dataset), show, start), holder);
            show(start);
            part.append(behind("All datasets in one table", table([
              ["dataset", row => row.dataset], ["column", row => row.column],
              ["made from", row => row.note || row.inputs.map(item => `${item.relation}.${item.column} (${item.kinds.join(", ")})`).join("; ") || "–"],
              ["comes from", row => (row.sources || []).map(item => `${item.relation}.${item.column}`).join("; ") || "–"],
              ["through", row => (row.through || []).join(", ") || "–"],
            ], all.flatMap(dataset => rowsOf(dataset).map(row => ({ dataset: dataset.dataset, ...row }))), "Every column", "all-" + mark)));
          }
        };
        lineagePart(report.lineage, "lineage", "Lineage", "");
        lineagePart(report.procedural_lineage, "procedural-lineage", "Lineage in the factory",
          "The same columns as the factory's activities wrote them; a source is a dataset of the factory.");

        { // Faults
          const rows = report.steps.flatMap(step => step.faults.map(fault => ({ step, fault })));
          if (rows.length) {
            const part = section("faults", "Faults", "Both styles ran under each fault; then it was taken back and both ran again. Lost and doubled rows are counted after that, one style against the other.");
            part.append(table([
              ["fault", row => row.step.step], ["style", row => row.fault.style], ["the run", row => ({ text: row.fault.ending, class: row.fault.ending === "held" ? "good" : "" })],
              ["left behind: changed / as before / gone", row => `${row.fault.datasets_changed} / ${row.fault.datasets_kept} / ${row.fault.datasets_lost}`, "n"],
              ["time to recover", row => seconds(row.fault.recovery_seconds), "n"], ["steps done again", row => count(row.fault.steps_repeated), "n"],
              ["rows written again", row => count(row.fault.rows_rewritten), "n"], ["fetched again", row => bytes(row.fault.bytes_refetched), "n"],
              ["rows lost", row => ({ text: count(row.fault.rows_lost), class: row.fault.rows_lost ? "bad" : "good" }), "n"],
              ["rows doubled", row => ({ text: count(row.fault.rows_doubled), class: row.fault.rows_doubled ? "bad" : "good" }), "n"],
            ], rows, "What each fault did", "faults"));
            part.append(behind("What was told", ...rows.filter(row => row.fault.error).map(row =>
              make("div", {}, make("h3", {}, `${row.step.step}, ${row.fault.style}`), make("pre", {}, row.fault.error)))));
          }
        }

        if (report.effort) { // Effort
          const part = section("effort", "Effort", "Counted in the definitions' files: how large they are, and in how many places they name what a typical change is about.");
          part.append(table([
            ["definition", size => size.definition], ["files", size => count(size.files), "n"], ["statements or activities", size => count(size.statements), "n"],
            ["lines", size => count(size.lines), "n"], ["tokens", size => count(size.tokens), "n"],
          ], report.effort.sizes, "Size of each definition", "sizes"));
          part.append(table([
            ["change", item => item.change],
            ...report.effort.sizes.map((size, index) => [size.definition, item => item.places[index] == null ? "–" : significant(item.places[index]), "n"]),
            ["counted", item => item.counted],
          ], report.effort.changes, "Places on average that name one of the kind", "places"));
        }

        if (report.cost) { // Cost
          const cost = report.cost;
          const part = section("cost", "Cost at these prices", `At the prices of ${cost.file}, of ${cost.date}, in ${cost.currency}: an estimate to compare styles by, and no quote.`);
          const bill = (step, style) => cost.bills.find(item => item.step === step && item.style === style);
          part.append(table([
            ["step", name => name],
            ...styles.map(([style]) => [style, name => bill(name, style) ? bill(name, style).amount.toFixed(6) : "–", "n"]),
            ["ratio", name => bill(name, "procedural")?.amount ? significant(bill(name, "declarative").amount / bill(name, "procedural").amount) : "–", "n"],
          ], names, `What each run would come to, in ${cost.currency}`, "cost"));
          part.append(behind("Every line of every bill", table([
            ["step", row => row.bill.step], ["style", row => row.bill.style], ["price", row => row.item.price],
            ["quantity", row => significant(row.item.quantity) + " " + row.item.unit, "n"], ["amount", row => row.item.amount.toFixed(6), "n"],
          ], cost.bills.flatMap(bill => bill.items.map(item => ({ bill, item }))), "Lines of the bills", "bills")));
          part.append(behind("Assumptions and sources of the prices", make("ul", {}, ...cost.assumptions.concat(cost.sources).map(text => make("li", {}, text)))));
        }

        { // Method
          const part = section("method", "Method");
          const m = report.method, machine = report.machine;
          const say = [
            `Scenario: ${m.scenario}, seed ${m.seed}. Procedural form: ${m.procedural_form}.`,
            "Both styles ran in one process, in turn and in alternating order, on the same machine with the same settings of DuckDB, each on a warehouse of its own that was empty before the first step.",
            m.served_over_http ? "Sources came over HTTP from a server on this machine." : "Sources were read from a folder.",
            m.warm_up ? "The first step was played once before anything was measured." : "There was no warm-up: the first step pays for cold code and caches.",
            `Repetitions: ${report.repetitions} (${m.stopped_because}). Times are wall times of whole runs; a ratio is not given when its interval's upper end is more than twice the lower.`,
            "After each step every published dataset was compared as a multiset in SQL: by number and by two sums of 64-bit hashes of all rows, and row by row for all but very large tables. Floating-point columns that differ are equal within a relative tolerance of 1e-11; the note says so where it was needed.",
            `Machine: ${machine.processor}, ${machine.cores} cores, ${bytes(machine.memory_bytes)} memory, ${machine.system}; DuckDB ${machine.duckdb}, ${m.threads ?? "all"} threads, ${m.workers} steps at once. Load before: ${m.load_before.map(value => value.toFixed(2)).join(", ") || "unknown"}.`,
          ];
          const loads = played.flatMap(step => styles.flatMap(([style]) => step[style].resources.filter(Boolean).map(item => item.background_cores)));
          if (loads.length) say.push(`While runs were measured others kept ${significant(d3.median(loads))} cores busy on the median, and ${significant(d3.max(loads))} at most.`);
          part.append(make("ul", {}, ...say.map(text => make("li", {}, text))));
        }

        { // Raw
          const part = section("raw", "Raw numbers", "All of this page is drawn from the report as JSON, which is inside it.");
          const button = make("button", { type: "button" }, "Show the JSON");
          const holder = make("pre", { hidden: true, tabindex: "0" });
          button.addEventListener("click", () => {
            holder.hidden = !holder.hidden;
            holder.textContent = holder.hidden ? "" : JSON.stringify(report, null, 2);
            button.textContent = holder.hidden ? "Show the JSON" : "Hide the JSON";
          });
          part.append(button, holder);
        }
        document.documentElement.dataset.drawn = "yes";
        """#
}
