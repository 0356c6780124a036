// Looks behind what a dataset shows: the way of a column, the way of a row, its history, and an activity's input and output.

import { asked, el, get, post, table, count } from "./dom.js";
import { GraphView } from "./graph.js";

/** The columns that a column depends on, by relation, through all datasets; itself included. */
export function wayOf(lineage, dataset, column) {
  const nodes = new Map(lineage.map((node) => [node.dataset.toLowerCase(), node]));
  const way = new Map();
  const waiting = [[dataset, column, ["this column"]]];
  while (waiting.length > 0) {
    const [relation, name, kinds] = waiting.pop();
    const columns = way.get(relation) ?? way.set(relation, new Map()).get(relation);
    if (columns.has(name)) continue;
    columns.set(name, kinds);
    const output = nodes.get(relation.toLowerCase())?.columns?.find((one) => one.name.toLowerCase() === name.toLowerCase());
    for (const origin of output?.origins ?? []) waiting.push([origin.relation, origin.column, origin.kinds]);
  }
  return way;
}

/** The tab in which a column's way lights up in the graph. */
export async function columns(name, style, graph) {
  const lineage = await get(`/api/lineage?${asked({ style })}`);
  const node = lineage.find((one) => one.dataset === name);
  if (!node?.columns) {
    return el("p", { class: "quiet" }, node?.unknown ? `not resolved, because ${node.unknown}` : "Run the style first.");
  }
  const place = el("div", { class: "graph small" });
  const view = new GraphView(place, "Way of a column", () => {});
  view.show(graph);
  const words = el("div", { id: "way", "aria-live": "polite" });
  const light = (column, button) => {
    const way = wayOf(lineage, name, column);
    view.light(new Map([...way].map(([relation, names]) => [relation, [...names.keys()].join(", ")])));
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    const rows = [...way].flatMap(([relation, names]) => [...names].map(([one, kinds]) => [relation, one, kinds.join(", ")]));
    words.replaceChildren(table({
      columns: ["where", "column", "how"].map((one) => ({ name: one, type: "" })), rows,
    }, `The way of ${name}.${column}`));
  };
  const buttons = node.columns.map(({ name: column }) => {
    const show = () => light(column, button);
    const button = el("button", { type: "button", "aria-pressed": "false", onmouseenter: show, onfocus: show, onclick: show }, column);
    return button;
  });
  return [el("p", { class: "quiet" }, "Point at a column, or move to it with the keyboard: its way lights up."),
    el("div", { class: "buttons", role: "group", "aria-label": `Columns of ${name}` }, buttons), place, words];
}

/** The way of a row back to the rows of the sources' files. */
export async function rowTrace(name, style, columns, row) {
  const values = Object.fromEntries(columns.map((column, index) => [column.name, row[index]]));
  const answer = await post("/api/trace", { style, name, values });
  const found = answer.steps.flatMap((step, index) => {
    const names = Object.keys(step.shown[0]?.values ?? {});
    const hasFiles = step.shown.some((one) => one.read_from);
    const place = (one) => (one.read_from ?? []).map((file) => `${file.origin.split("/").at(-1)}:${file.row_number}`).join(" or ");
    return [
      el("h3", {}, `${index === 0 ? "" : "from "}${step.dataset}: ${count(step.rows)} row${step.rows === 1 ? "" : "s"}`
        + (step.context_rows > 0 ? `, ${count(step.context_rows)} only as context` : "")),
      table({
        columns: [...(hasFiles ? ["read from"] : []), ...names].map((one) => ({ name: one, type: "" })),
        rows: step.shown.map((one) => [...(hasFiles ? [place(one)] : []), ...names.map((key) => one.values[key])]),
      }, `Rows of ${step.dataset} that took part${step.rows > step.shown.length ? `, the first ${step.shown.length}` : ""}`),
    ];
  });
  const wholes = answer.wholes.map((whole) =>
    el("p", { class: "quiet" }, `and all of ${whole.name}, read by ${whole.reader}: ${whole.reason}`));
  return el("div", { id: "trace" }, ...found, ...wholes);
}

/** What each update did to a dataset. */
export async function history(name, style) {
  const answer = await get(`/api/history?${asked({ name, style })}`);
  const heads = Object.keys(answer.updates[0] ?? { update: "" });
  return [
    table({ columns: heads.map((one) => ({ name: one, type: "" })), rows: answer.updates.map((one) => heads.map((key) => one[key])) },
      `Updates of ${name}, the oldest first`),
    el("p", { class: "quiet" }, answer.readers.length > 0 ? `Read by ${answer.readers.join(", ")}.` : "Nothing reads it."),
  ];
}

/** What goes into an activity, and what came out. */
export async function activity(name) {
  const answer = await get(`/api/activity?${asked({ name })}`);
  const json = (value) => el("pre", { tabindex: "0" }, JSON.stringify(value, null, 2));
  return [el("h3", {}, "Input"), json(answer.input),
    el("h3", {}, "Output of the last run"), answer.output ? json(answer.output) : el("p", { class: "quiet" }, "It has not run yet.")];
}
