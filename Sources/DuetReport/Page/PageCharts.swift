/// The page's own script, second part: the charts.
enum PageCharts {
    static let text = #"""
        const runOf = (step, style) => step[style];
        const hasRuns = step => step.procedural.seconds.length + step.declarative.seconds.length > 0;
        const width = 1000;
        const gridX = (group, scale, height, format) => {
          group.append("g").attr("class", "grid").attr("transform", `translate(0,${height})`)
            .call(d3.axisBottom(scale).ticks(6).tickSize(-height).tickFormat(""));
          group.append("g").attr("transform", `translate(0,${height})`).call(d3.axisBottom(scale).ticks(6).tickFormat(format));
        };
        const gridY = (group, scale, length, format) => {
          group.append("g").attr("class", "grid").call(d3.axisLeft(scale).ticks(5).tickSize(-length).tickFormat(""));
          group.append("g").call(d3.axisLeft(scale).ticks(5).tickFormat(format));
        };
        const wrap = (text, length) => text.length > length ? text.slice(0, length - 1) + "…" : text;

        // Times: a pair of bars for each step, with the interval and every repetition.
        const timeBars = (svg, steps, isLog) => {
          const rowHeight = 44, left = 240, right = 90, top = 8, height = steps.length * rowHeight;
          svg.attr("viewBox", `0 0 ${width} ${height + top + 34}`);
          const group = svg.append("g").attr("transform", `translate(${left},${top})`);
          const all = steps.flatMap(step => styles.flatMap(([style]) => runOf(step, style).seconds));
          const most = d3.max(all) || 1, least = Math.max(d3.min(all.filter(value => value > 0)) || 0.001, 0.001);
          const scale = (isLog ? d3.scaleLog().domain([least / 2, most * 1.1]) : d3.scaleLinear().domain([0, most * 1.05]))
            .range([0, width - left - right]);
          gridX(group, scale, height, isLog ? d3.format(".2~r") : d3.format("~r"));
          group.append("text").attr("class", "soft").attr("x", width - left - right).attr("y", height + 30)
            .attr("text-anchor", "end").text(isLog ? "seconds (logarithmic)" : "seconds");
          steps.forEach((step, index) => {
            const row = group.append("g").attr("transform", `translate(0,${index * rowHeight})`);
            row.append("text").attr("x", -12).attr("y", rowHeight / 2 + 4).attr("text-anchor", "end").text(wrap(step.step, 34));
            styles.forEach(([style, name], place) => {
              const run = runOf(step, style), measured = run.measurement;
              if (!run.seconds.length) return;
              const y = 7 + place * 15, x = scale(isLog ? Math.max(measured.median, least / 2) : measured.median);
              const bar = row.append("g").attr("tabindex", 0).attr("role", "listitem")
                .attr("aria-label", `${step.step}, ${style}: ${seconds(measured.median)}`);
              bar.append("rect").attr("class", name).attr("data-bar", style).attr("y", y).attr("height", 13).attr("rx", 2)
                .attr("width", Math.max(1, x));
              tip(bar, `${step.step}, ${style}: median ${seconds(measured.median)}`
                + (measured.low != null ? `, ${interval} ${seconds(measured.low)} to ${seconds(measured.high)}` : "")
                + ` of ${run.seconds.length}`);
              if (measured.low != null) {
                bar.append("line").attr("class", "whisker").attr("x1", scale(measured.low)).attr("x2", scale(measured.high))
                  .attr("y1", y + 6.5).attr("y2", y + 6.5);
                run.seconds.forEach((value, number) => {
                  bar.append("circle").attr("class", measured.outliers.includes(number) ? "dot outlier" : "dot")
                    .attr("cx", scale(value)).attr("cy", y + 6.5).attr("r", 2.4);
                });
              }
              row.append("text").attr("x", width - left - right + 12).attr("y", y + 11).text(seconds(measured.median));
            });
          });
        };

        // Where the time went: stacked bars of one pair for each step, as parts of the run or in seconds.
        const kinds = ["transfer", "engine", "inference", "orchestration"];
        const splitBars = (svg, steps, isShare) => {
          const rowHeight = 44, left = 240, right = 90, top = 8, height = steps.length * rowHeight;
          svg.attr("viewBox", `0 0 ${width} ${height + top + 34}`);
          const group = svg.append("g").attr("transform", `translate(${left},${top})`);
          const totalOf = run => d3.sum(kinds, kind => run.split[kind + "_seconds"]);
          const runs = steps.flatMap(step => styles.map(([style]) => runOf(step, style))).filter(run => run.split);
          const scale = d3.scaleLinear().domain([0, isShare ? 1 : d3.max(runs, totalOf) || 1]).range([0, width - left - right]);
          gridX(group, scale, height, isShare ? d3.format(".0%") : d3.format("~r"));
          steps.forEach((step, index) => {
            const row = group.append("g").attr("transform", `translate(0,${index * rowHeight})`);
            row.append("text").attr("x", -12).attr("y", rowHeight / 2 + 4).attr("text-anchor", "end").text(wrap(step.step, 34));
            styles.forEach(([style], place) => {
              const run = runOf(step, style);
              if (!run.split) return;
              const total = totalOf(run) || 1;
              let from = 0;
              kinds.forEach(kind => {
                const value = run.split[kind + "_seconds"], part = isShare ? value / total : value;
                const bar = row.append("rect").attr("class", kind).attr("x", scale(from)).attr("y", 7 + place * 15)
                  .attr("height", 13).attr("width", Math.max(0, scale(part) - scale(0)));
                tip(bar, `${step.step}, ${style}, ${kind}: ${seconds(value)} of ${seconds(total)}`);
                from += part;
              });
              row.append("text").attr("class", "soft").attr("x", scale(from) + 6).attr("y", 18 + place * 15)
                .text((style === "procedural" ? "p " : "d ") + seconds(total));
            });
          });
        };

        // Both runs of a step on one axis of time.
        const gantt = (svg, step) => {
          const bars = styles.flatMap(([style, name]) => runOf(step, style).events
            .filter(event => event.event_type !== "step_skipped" && event.details)
            .map(event => ({ style, name, step: event.step, kind: event.step_kind, from: event.details.started_at,
              to: event.details.started_at + event.details.seconds, failed: event.event_type === "step_failed",
              details: event.details })));
          const rowHeight = 18, left = 260, right = 70;
          const groups = styles.map(([style]) => bars.filter(bar => bar.style === style).sort((a, b) => a.from - b.from));
          const height = d3.sum(groups, group => group.length * rowHeight + 30);
          svg.attr("viewBox", `0 0 ${width} ${height + 40}`);
          const group = svg.append("g").attr("transform", `translate(${left},8)`);
          const most = d3.max(bars, bar => bar.to) || 1;
          const scale = d3.scaleLinear().domain([0, most]).range([0, width - left - right]);
          gridX(group, scale, height, value => significant(value) + " s");
          let y = 0;
          groups.forEach((rows, place) => {
            const run = runOf(step, styles[place][0]);
            group.append("text").attr("x", -12).attr("y", y + 16).attr("text-anchor", "end").attr("font-weight", 650)
              .text(`${styles[place][0]}, ${seconds(run.seconds[run.seconds.length - 1])}`);
            if (!rows.length) {
              group.append("text").attr("class", "soft").attr("x", 4).attr("y", y + 16).text("nothing was to do");
            }
            y += 22;
            rows.forEach(bar => {
              group.append("text").attr("class", "soft").attr("x", -12).attr("y", y + 13).attr("text-anchor", "end")
                .text(wrap(bar.step, 36));
              const rect = group.append("rect").attr("data-gantt", bar.style).attr("class", bar.kind === "transfer" ? "transfer" : bar.name)
                .attr("x", scale(bar.from)).attr("y", y + 3).attr("height", rowHeight - 5).attr("rx", 2)
                .attr("width", Math.max(1.5, scale(bar.to) - scale(bar.from)));
              tip(rect, `${bar.step}: ${seconds(bar.to - bar.from)}, from ${seconds(bar.from)}`
                + (bar.details.strategy ? `; ${bar.details.strategy}` : "") + (bar.failed ? "; FAILED" : ""));
              if (bar.failed) {
                group.append("text").attr("x", scale(bar.to) + 4).attr("y", y + 13).style("fill", "var(--bad)").text("failed");
              }
              y += rowHeight;
            });
            y += 8;
          });
        };

        // The datasets, layer by layer, each with what the step changed in it.
        const graph = (svg, step) => {
          const depth = new Map();
          const nodes = [...new Set(report.datasets.flatMap(item => item.sources))].map(name => ({ name, isSource: true, inputs: [] }))
            .concat(report.datasets.map(item => ({ name: item.dataset, kind: item.kind,
              inputs: item.inputs.concat(item.sources.map(name => "source " + name)) })));
          nodes.forEach(node => { if (node.isSource) node.name = "source " + node.name; });
          const byName = new Map(nodes.map(node => [node.name, node]));
          const depthOf = (node, seen = new Set()) => {
            if (depth.has(node.name)) return depth.get(node.name);
            if (seen.has(node.name)) return 0;
            seen.add(node.name);
            const inputs = node.inputs.map(name => byName.get(name)).filter(Boolean);
            const value = inputs.length ? 1 + d3.max(inputs, input => depthOf(input, seen)) : 0;
            depth.set(node.name, value);
            return value;
          };
          const columns = d3.nest().key(node => depthOf(node)).sortKeys((a, b) => a - b).entries(nodes);
          const box = { width: 168, height: 50 }, gap = { x: Math.max(30, (width - columns.length * 168) / Math.max(1, columns.length - 1)), y: 12 };
          const tall = d3.max(columns, column => column.values.length);
          const height = tall * (box.height + gap.y);
          const full = Math.max(width, columns.length * (box.width + 30));
          svg.attr("viewBox", `0 0 ${full} ${height + 10}`);
          // A node stands as high as what it reads on average, so that few edges cross.
          columns.forEach((column, index) => {
            const place = node => d3.mean(node.inputs.map(name => byName.get(name)).filter(input => input && input.y != null), input => input.y) ?? 0;
            column.values.sort((a, b) => place(a) - place(b));
            column.values.forEach((node, row) => {
              node.x = index * (box.width + gap.x);
              node.y = (row + (tall - column.values.length) / 2) * (box.height + gap.y) + 4;
            });
          });
          nodes.forEach(node => node.inputs.map(name => byName.get(name)).filter(Boolean).forEach(input => {
            const from = [input.x + box.width, input.y + box.height / 2], to = [node.x, node.y + box.height / 2];
            const middle = (from[0] + to[0]) / 2;
            svg.append("path").attr("class", "edge").attr("d", `M${from}C${middle},${from[1]} ${middle},${to[1]} ${to}`);
          }));
          const events = new Map(step.declarative.events.map(event => [event.step.toLowerCase(), event]));
          const verdicts = new Map(step.datasets.map(item => [item.dataset.toLowerCase(), item]));
          nodes.forEach(node => {
            const event = events.get(node.name.toLowerCase()), details = event?.details || {};
            const added = details.rows_inserted || 0, removed = details.rows_deleted || 0, verdict = verdicts.get(node.name.toLowerCase());
            const strategy = details.strategy || (node.isSource && details.files_changed ? "append" : "nothing");
            const item = svg.append("g").attr("transform", `translate(${node.x},${node.y})`).attr("data-node", node.name)
              .attr("class", ["node", strategy, added + removed > 0 ? "changed" : "", verdict && !verdict.equal ? "different" : ""].join(" "));
            item.append("rect").attr("width", box.width).attr("height", box.height).attr("rx", node.isSource ? 24 : 6);
            item.append("text").attr("x", 10).attr("y", 20).attr("font-weight", 600).text(wrap(node.name, 23));
            const text = node.isSource
              ? (details.files_changed ? `${count(details.files_changed)} of ${count(details.files_total)} files new` : "no new file")
              : added + removed > 0 ? `+${count(added)} −${count(removed)} · ${strategy}` : strategy === "nothing" ? "unchanged" : strategy;
            item.append("text").attr("class", "soft").attr("x", 10).attr("y", 38).text(wrap(text, 27));
            tip(item, `${node.name}: ${text}` + (details.reason ? `; ${details.reason}` : "")
              + (verdict ? `; ${verdict.equal ? "equal in both styles" : verdict.note}` : ""));
          });
        };

        // Two lines over the change's size or the data's size.
        const lines = (svg, points, values, xLabel, isLogX, mark) => {
          const left = 70, right = 110, top = 14, height = 300;
          svg.attr("viewBox", `0 0 ${width} ${height + top + 50}`);
          const group = svg.append("g").attr("transform", `translate(${left},${top})`);
          const inner = width - left - right;
          // Zero has no logarithm: it stands at the left, a decade before the least.
          const least = d3.min(points.filter(point => point.x > 0), point => point.x) || 1;
          const place = x => isLogX ? Math.max(x, least / 10) : x;
          const x = (isLogX ? d3.scaleLog() : d3.scaleLinear()).domain(d3.extent(points, point => place(point.x))).range([0, inner]);
          const y = d3.scaleLinear().domain([0, d3.max(points, point => d3.max(values, ([, value]) => value(point))) * 1.08]).range([height, 0]);
          gridY(group, y, inner, value => significant(value) + " s");
          const ticks = points.map(point => point.x);
          group.append("g").attr("transform", `translate(0,${height})`)
            .call(d3.axisBottom(x).tickValues(ticks.map(place)).tickFormat((value, index) => String(ticks[index])));
          group.append("text").attr("class", "soft").attr("x", inner).attr("y", height + 40).attr("text-anchor", "end").text(xLabel);
          values.forEach(([name, value, style]) => {
            const line = d3.line().x(point => x(place(point.x))).y(point => y(value(point)));
            group.append("path").datum(points).attr("class", "s" + style).attr("data-line", name).attr("fill", "none")
              .attr("stroke-width", 2.5).attr("d", line);
            points.forEach(point => tip(group.append("circle").attr("class", style).attr("r", 4)
              .attr("cx", x(place(point.x))).attr("cy", y(value(point))), `${name}, ${point.x}: ${seconds(value(point))}`));
            const last = points[points.length - 1];
            group.append("text").attr("x", inner + 8).attr("y", y(value(last)) + 4).text(name);
          });
          if (mark != null && mark >= 0) {
            group.append("line").attr("class", "whisker").attr("stroke-dasharray", "4 4").attr("x1", x(place(mark)))
              .attr("x2", x(place(mark))).attr("y1", 0).attr("y2", height);
            group.append("text").attr("class", "soft").attr("x", x(place(mark)) + 6).attr("y", 12).text("break-even " + percent(mark));
          }
        };
        """#
}
