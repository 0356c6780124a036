// The comparison's details: steps, the proof of equality, and from how much change on the procedural style is faster.

import { el, svg, table, count, seconds } from "./dom.js";

const heads = (...names) => names.map((name) => ({ name, type: "" }));

/** The steps of the latest round in which both styles ran, side by side. */
export function stepTable(round) {
  const rows = ["procedural", "declarative"].flatMap((style) => (round?.[style]?.steps ?? []).map((step) => [style, step.step,
    step.details?.strategy ?? (step.step_kind === "transfer" ? "transfer" : step.event_type.replace("step_", "")),
    seconds(step.details?.seconds ?? 0), (step.details?.rows_inserted ?? 0) + (step.details?.rows_deleted ?? 0),
    step.details?.reason ?? step.error ?? null]));
  return table({ columns: heads("style", "step", "what", "time", "rows written", "why"), rows }, "Every step of the last round");
}

/** Whether each published dataset has the same rows in both styles. */
export function proof(round) {
  return table({
    columns: heads("dataset", "rows, procedural", "rows, declarative", "equal", "note"),
    rows: (round?.datasets ?? []).map((one) => [one.dataset, one.rows[0], one.rows[1], one.equal ? "yes" : "no",
      one.note ?? (one.samples ?? []).join("; ")]),
  }, "Each table's rows held against those of its namesake, as multisets");
}

/** Rounds as points: how much of the sources' rows changed, and how long each style took. */
export function points(rounds) {
  return rounds.filter((round) => round.changed_percent !== undefined && round.procedural?.success && round.declarative?.success)
    .map((round) => ({ name: round.name, x: round.changed_percent, p: round.procedural.seconds, d: round.declarative.seconds }))
    .sort((a, b) => a.x - b.x);
}

/** The percentage from which the procedural style is faster, on the line between the points around it; null for none. */
export function breakEven(list) {
  const last = list.findLastIndex((one) => one.p > one.d);
  if (last < 0) return list[0]?.x ?? null;
  const [below, above] = [list[last], list[last + 1]];
  if (!above) return null;
  const [a, b] = [below.p - below.d, above.p - above.d];
  return below.x + ((above.x - below.x) * a) / (a - b);
}

/** The chart of the points, with the place where the lines cross. */
export function breakEvenChart(rounds) {
  const list = points(rounds);
  if (list.length < 2) {
    return el("p", { class: "quiet" }, "Two rounds with both styles draw the chart: change some of the sources and run again.");
  }
  const [width, height, left, bottom] = [640, 220, 56, 34];
  const most = Math.max(...list.flatMap((one) => [one.p, one.d]));
  // Logarithmic, with nothing changed at the left.
  const place = (x) => Math.log10(Math.max(0.01, x));
  const x = (value) => left + ((place(value) + 2) / 4) * (width - left - 14);
  const y = (value) => 10 + (1 - value / most) * (height - bottom - 10);
  const line = (key) => svg("path", { class: `line ${key}`, d: `M${list.map((one) => `${x(one.x)},${y(one[key])}`).join("L")}` });
  const dots = ["p", "d"].flatMap((key) => list.map((one) => svg("circle", { class: `dot ${key}`, cx: x(one.x), cy: y(one[key]), r: 4 },
    Object.assign(svg("title"), { textContent: `${one.name}: ${one.x.toFixed(2)} %, ${seconds(one[key])}` }))));
  const text = (words, attributes) => Object.assign(svg("text", attributes), { textContent: words });
  const ticks = [[0.01, "0"], [0.1, "0.1 %"], [1, "1 %"], [10, "10 %"], [100, "100 %"]].map(([value, words]) =>
    text(words, { x: x(value), y: height - 18, "text-anchor": "middle" }));
  const marks = [0, most / 2, most].map((value) => text(seconds(value), { x: left - 6, y: y(value) + 4, "text-anchor": "end" }));
  const even = breakEven(list);
  const words = even === null ? "The declarative style was faster in every round."
    : `From ${even.toFixed(even < 10 ? 2 : 0)} % of the rows changed on, the procedural style was faster.`;
  const cross = even === null ? [] : [svg("line", { class: "even", x1: x(even), x2: x(even), y1: 10, y2: height - bottom })];
  return el("figure", { id: "break-even" },
    svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Time by share of changed rows. ${words}` },
      ...ticks, ...marks, text("rows of the sources' tables changed", { x: width / 2, y: height - 3, "text-anchor": "middle" }),
      ...cross, line("p"), line("d"), ...dots),
    el("figcaption", {}, el("span", { class: "key p" }, "procedural"), el("span", { class: "key d" }, "declarative"), ` ${words}`));
}

/** All details of the comparison. */
export function details(rounds) {
  const round = rounds.filter((one) => one.datasets).at(-1);
  if (!round) return [];
  const part = (name, content, id) => el("details", { id }, el("summary", {}, name), content);
  const equal = round.datasets.filter((one) => one.equal).length;
  return [
    part("Break-even: from how much change on is it cheaper to make everything anew?", breakEvenChart(rounds), "part-even"),
    part("Timing of each step", stepTable(round), "part-steps"),
    part(`Proof of equality: ${count(equal)} of ${count(round.datasets.length)} datasets`, proof(round), "part-proof"),
  ];
}
