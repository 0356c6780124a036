// The page: state from the server, events as they come, and what the buttons do.

import { el, byId, get, post, table, count, bytes, seconds } from "./dom.js";
import { GraphView, gantt } from "./graph.js";
import { details } from "./compare.js";
import { inspect, openSQL, openEditor, Tour } from "./panels.js";

const styles = ["procedural", "declarative"];
let state = { rounds: [], steps: [], pending: [] };
const views = {};
/** How many answers of the server have been shown: one that was asked for before the latest is old when it comes. */
let turn = 0;
/** Whether the status tells what is going on. */
let tellsBusy = false;
/** What has come of the run that goes on, for totals that tick. */
const live = {};

function say(text, isError = false) {
  tellsBusy = false;
  const status = byId("status");
  status.textContent = text;
  status.classList.toggle("error", isError);
}

/** Does something and shows the state it leads to; the server's words when it refuses. */
async function act(words, work) {
  say(words);
  try {
    state = await work();
    turn += 1;
    say("");
    render();
    return true;
  } catch (error) {
    say(error.message, true);
    await refresh();
    return false;
  }
}

async function refresh() {
  const own = turn;
  const next = await get("/api/state");
  if (own !== turn) return;
  state = next;
  render();
}

const run = (chosen) => act(`running ${chosen.join(", then ")}…`, () => post("/api/run", { styles: chosen }));
const apply = (index) => act("changing the sources…", () => post("/api/apply", { step: index }));
/** Makes one of the generator's changes; one of the definition draws the graphs anew. */
const change = async (kind, isDefinition) => {
  if (await act("changing…", () => post("/api/change", { kind }))) {
    if (isDefinition) await showGraphs();
    say(`${state.pending.at(-1)}; run both styles to see what each does about it`);
  }
};
const reset = () => act("starting over…", async () => {
  const next = await post("/api/reset");
  for (const style of styles) { views[style].clear(); live[style] = null; }
  return next;
});

/** Performs a lesson's action; gives a table to show for questions. */
async function perform(action) {
  const refused = () => new Error(byId("status").textContent || "that did not work");
  switch (action.verb) {
    case "reset": if (!(await reset())) throw refused(); return null;
    case "run": if (!(await run(action.styles))) throw refused(); return null;
    case "apply": {
      const index = state.steps.findIndex((step) => step.name === action.step);
      if (state.steps[index]?.applied) return null;
      if (!(await apply(index))) throw refused();
      return null;
    }
    case "ask": return table(await post("/api/sql", { style: action.style, sql: action.sql }), "The answer");
    case "edit": {
      const file = (await get("/api/files")).find((one) => one.name === action.file);
      if (!file?.text.includes(action.from)) return null;
      if (!(await act("changing a query…", () =>
        post("/api/edit", { file: action.file, text: file.text.replaceAll(action.from, action.to) })))) throw refused();
      await showGraphs();
      return null;
    }
    default: return null;
  }
}

function render() {
  byId("pipeline").textContent = state.pipeline;
  byId("summary").textContent = state.summary ?? "";
  const isBusy = Boolean(state.busy);
  const next = state.steps.findIndex((step) => !step.applied);
  byId("steps").replaceChildren(...(state.steps.length === 0
    ? [el("span", { class: "quiet" }, "this pipeline has no scenario; its sources are what they are")]
    : state.steps.map((step, index) => el("button", {
      type: "button", class: step.applied ? "applied" : index === next ? "next" : null,
      disabled: isBusy || step.applied, onclick: () => apply(index),
      title: step.files.length > 0 ? `writes ${step.files.join(", ")}` : "leaves the sources as they are",
    }, step.name))));
  const isEmpty = state.steps.length > 0 && !state.steps[0].applied;
  changes(isBusy, isEmpty);
  for (const id of ["run-both", "run-procedural", "run-declarative", "reset", "edit-open"]) byId(id).disabled = isBusy;
  byId("stop").disabled = !isBusy;
  if (isBusy) say(`${state.busy}…`);
  else if (tellsBusy) say("");
  tellsBusy = isBusy;
  const lastRuns = styles.map((style) => state.rounds.filter((round) => round[style]).at(-1)?.[style]);
  const total = Math.max(0.001, ...lastRuns.map((one) => one?.seconds ?? 0));
  styles.forEach((style, index) => {
    if (lastRuns[index]) {
      totals(style, lastRuns[index]);
      gantt(byId(`gantt-${style}`), lastRuns[index].steps, total, `The ${style} run`);
      if (lastRuns[index].errors.length > 0) say(lastRuns[index].errors.join("\n"), true);
    } else {
      totals(style, null);
      byId(`gantt-${style}`).replaceChildren();
    }
  });
  rounds();
}

/** The buttons of all that may be changed, each with a sentence on what it does. */
function changes(isBusy, isEmpty) {
  const place = byId("changes");
  // Drawn once: what has the focus would lose it.
  if (place.childElementCount === 0) {
    place.replaceChildren(...(state.changes ?? []).map((one) => el("div", { class: "change" },
      el("button", { type: "button", "data-kind": one.kind, "aria-describedby": `about-${one.kind}`,
        onclick: () => change(one.kind, one.definition) }, one.kind.replaceAll("_", " ")),
      el("span", { id: `about-${one.kind}`, class: "quiet" }, `${one.meaning}${one.fault ? "; it passes after the next run" : ""}`))));
  }
  for (const button of place.querySelectorAll("button")) {
    const isDefinition = (state.changes ?? []).find((one) => one.kind === button.dataset.kind)?.definition;
    button.disabled = isBusy || (isEmpty || state.steps.length === 0) && !(isDefinition && state.steps.length === 0);
  }
}

function totals(style, figures) {
  const entry = (name, value) => el("div", {}, el("span", {}, name), el("strong", {}, value));
  byId(`totals-${style}`).replaceChildren(
    entry("time", figures ? seconds(figures.seconds) : "–"),
    entry("refreshed", figures ? `${count(figures.refreshed)} of ${count(figures.datasets)}` : "–"),
    entry("rows written", figures ? count(figures.rows_written) : "–"),
    entry("fetched", figures ? bytes(figures.bytes_transferred) : "–"),
    entry("requests", figures ? count(figures.requests) : "–"));
}

function rounds() {
  const last = state.rounds.filter((round) => round.equal !== undefined).at(-1);
  const verdict = byId("verdict");
  if (last) {
    const equal = last.datasets.filter((one) => one.equal).length;
    verdict.className = last.equal ? "yes" : "no";
    verdict.textContent = last.equal ? `equal: all ${equal} published datasets have the same rows in both styles`
      : `different: ${last.datasets.filter((one) => !one.equal).map((one) => one.dataset).join(", ")}`;
  } else {
    verdict.className = "";
    verdict.textContent = "run both styles to hold their tables against each other";
  }
  const open = new Set([...byId("details").querySelectorAll("details[open]")].map((one) => one.id));
  byId("details").replaceChildren(...details(state.rounds));
  for (const one of byId("details").children) one.open = open.has(one.id);
  if (state.rounds.length === 0) { byId("rounds").replaceChildren(); return; }
  const longest = Math.max(...state.rounds.flatMap((round) => styles.map((style) => round[style]?.seconds ?? 0)), 0.001);
  const bar = (round, style, name) => {
    const strip = el("div", { class: name });
    strip.style.width = `${(100 * (round[style]?.seconds ?? 0)) / longest}%`;
    return strip;
  };
  const cell = (round, style, show) => el("td", { class: "number" }, round[style] ? show(round[style]) : "–");
  const heads = ["", "procedural", "declarative", "ratio", "time", "rows written", "fetched", "tables"];
  byId("rounds").replaceChildren(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "All rounds" },
    el("table", {}, el("caption", {}, "What each round took; pairs are procedural / declarative"),
      el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, state.rounds.map((round) => el("tr", {},
        el("th", { scope: "row" }, round.name),
        cell(round, "procedural", (one) => seconds(one.seconds)), cell(round, "declarative", (one) => seconds(one.seconds)),
        el("td", { class: "number" }, round.procedural && round.declarative
          ? (round.declarative.seconds / round.procedural.seconds).toFixed(3) : "–"),
        el("td", {}, el("div", { class: "pair", "aria-hidden": "true" }, bar(round, "procedural", "p"), bar(round, "declarative", "d"))),
        el("td", { class: "number" }, styles.map((style) => (round[style] ? count(round[style].rows_written) : "–")).join(" / ")),
        el("td", { class: "number" }, styles.map((style) => (round[style] ? bytes(round[style].bytes_transferred) : "–")).join(" / ")),
        el("td", { class: round.equal === undefined ? null : round.equal ? "yes" : "no" },
          round.equal === undefined ? "not compared" : round.equal ? "equal" : "different")))))));
}

/** Shows an event of a run: the node's colour, and totals that tick. */
function take(event) {
  const style = event.style;
  const view = views[style];
  if (!view) return;
  if (event.event_type === "run_started") {
    view.clear();
    live[style] = { start: performance.now(), datasets: 0, refreshed: 0, rows_written: 0, bytes_transferred: 0, requests: 0 };
  }
  view.take(event);
  const sum = live[style];
  if (!sum || !event.details) return;
  if (event.step_kind === "dataset" && ["step_completed", "step_skipped"].includes(event.event_type)) {
    sum.datasets += 1;
    if (event.event_type === "step_completed" && event.details.strategy !== "nothing") sum.refreshed += 1;
    sum.rows_written += (event.details.rows_inserted ?? 0) + (event.details.rows_deleted ?? 0);
  }
  sum.bytes_transferred += event.details.bytes_transferred ?? 0;
  sum.requests += event.details.requests ?? 0;
}

// Totals are drawn once a frame, however fast events come.
function tick() {
  for (const style of styles) {
    if (live[style] && state.busy?.includes(style)) {
      totals(style, { ...live[style], seconds: (performance.now() - live[style].start) / 1000 });
    }
  }
  requestAnimationFrame(tick);
}

async function showGraphs() {
  const graphs = await get("/api/graph");
  for (const style of styles) {
    views[style] = new GraphView(byId(`graph-${style}`), style === "procedural" ? "Procedural" : "Declarative",
      (node) => inspect(node, style, state, graphs[style]));
    views[style].show(graphs[style]);
    const last = state.rounds.filter((round) => round[style]).at(-1)?.[style];
    for (const step of last?.steps ?? []) views[style].take(step);
  }
}

function listen(after) {
  const source = new EventSource(`/api/events?after=${after}`);
  source.addEventListener("run", (message) => take(JSON.parse(message.data)));
  let isWaiting = false;
  source.addEventListener("state", () => {
    // Several changes in a row are asked for once.
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(async () => { isWaiting = false; await refresh().catch((error) => say(error.message, true)); });
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) say("duet has ended; start it again to go on", true);
  });
}

function theme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
}

async function start() {
  // The token has become a cookie; it need not stay where people may copy it from.
  history.replaceState(null, "", "/");
  byId("run-both").addEventListener("click", () => run(styles));
  for (const style of styles) byId(`run-${style}`).addEventListener("click", () => run([style]));
  byId("stop").addEventListener("click", () => post("/api/stop").catch((error) => say(error.message, true)));
  byId("reset").addEventListener("click", reset);
  byId("sql-open").addEventListener("click", openSQL);
  byId("edit-open").addEventListener("click", () =>
    openEditor(async (text) => { await refresh(); await showGraphs(); say(text); }).catch((error) => say(error.message, true)));
  byId("theme").addEventListener("click", theme);
  const tour = new Tour(() => state, perform);
  byId("tour-open").addEventListener("click", () => tour.open().catch((error) => say(error.message, true)));
  try {
    state = await get("/api/state");
    render();
    await showGraphs();
    listen(state.last_event);
    requestAnimationFrame(tick);
    document.body.dataset.ready = "yes";
  } catch (error) {
    say(error.message, true);
  }
}

start();
