// The windows: look into a dataset, ask SQL, edit queries, and the guided tour.

import { asked, el, byId, get, post, table, count, bytes, seconds } from "./dom.js";
import { activity, columns, history, rowTrace } from "./look.js";

const styles = ["procedural", "declarative"];

function head(dialog, id, title) {
  return [
    el("button", { type: "button", class: "close", onclick: () => dialog.close() }, "Close"),
    el("h2", { id }, title),
  ];
}

/** Shows the result of some work in a place, or why there is none. */
async function fill(place, work) {
  place.replaceChildren(el("p", { class: "quiet" }, "one moment…"));
  try {
    place.replaceChildren(...[await work()].flat());
  } catch (error) {
    place.replaceChildren(el("p", { class: "error", role: "alert" }, error.message));
  }
}

/** Opens the window of a dataset or activity. */
export function inspect(node, style, state, graph) {
  const dialog = byId("inspector");
  const place = el("div", { role: "tabpanel" });
  const last = state.rounds.filter((round) => round[style]).at(-1)?.[style];
  const event = last?.steps.find((step) => step.step === node.id);
  const tabs = node.dataset
    ? { Rows: () => rows(node.dataset, style), Definition: () => definition(node.dataset),
      Columns: () => columns(node.dataset, style, graph), History: () => history(node.dataset, style),
      Profile: () => profile(node.dataset, style), Expectations: () => expectations(node.dataset, style, event),
      "Last run": () => lastRun(event, node) }
    : { "Last run": () => lastRun(event, node) };
  if (style === "procedural") tabs["Input and output"] = () => activity(node.id);
  const buttons = Object.entries(tabs).map(([name, show]) => {
    const button = el("button", { type: "button", role: "tab", "aria-selected": "false", onclick: () => {
      for (const other of buttons) other.setAttribute("aria-selected", String(other === button));
      fill(place, async () => show());
    } }, name);
    return button;
  });
  const bar = el("div", { class: "tabs", role: "tablist", onkeydown: (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length];
    next.focus();
  } }, buttons);
  dialog.replaceChildren(...head(dialog, "inspector-title", `${node.dataset ?? node.label} (${style})`),
    node.comment ? el("p", { class: "quiet" }, node.comment) : "", bar, place);
  dialog.showModal();
  buttons[0].click();
}

function rows(name, style) {
  const condition = el("input", { placeholder: "a condition in SQL, such as carrier = 'UA'", "aria-label": "Condition" });
  const place = el("div");
  const way = el("div", { "aria-live": "polite" });
  const size = 50;
  let offset = 0;
  const load = () => fill(place, async () => {
    const query = asked({ name, style, offset, limit: size, where: condition.value });
    const answer = await get(`/api/dataset?${query}`);
    const end = Math.min(offset + size, answer.total);
    const turn = (by) => () => { offset = Math.max(0, offset + by); load(); };
    return [
      el("div", { class: "row" },
        el("button", { type: "button", disabled: offset === 0, onclick: turn(-size) }, "← Earlier"),
        el("span", {}, answer.total === 0 ? "no rows" : `rows ${count(offset + 1)}–${count(end)} of ${count(answer.total)}`),
        el("button", { type: "button", disabled: end >= answer.total, onclick: turn(size) }, "Later →")),
      table(answer, `Rows of ${name}; a row's first cell shows where it comes from`, {
        words: "Way back", act: (row) => fill(way, async () => {
          const found = await rowTrace(name, style, answer.columns, row);
          setTimeout(() => way.scrollIntoView({ block: "nearest" }));
          return found;
        }),
      }),
    ];
  });
  const form = el("form", { class: "row", onsubmit: (event) => { event.preventDefault(); offset = 0; load(); } },
    condition, el("button", { type: "submit" }, "Filter"));
  load();
  return [form, place, way];
}

async function definition(name) {
  const answer = await get(`/api/definition?${asked({ name })}`);
  const properties = answer.properties.length ? [el("p", { class: "quiet" }, answer.properties.join(", "))] : [];
  return [el("p", { class: "quiet" }, `${answer.kind}, defined at ${answer.location}`), ...properties,
    el("pre", { tabindex: "0" }, answer.query)];
}

async function profile(name, style) {
  return table(await get(`/api/profile?${asked({ name, style })}`), `Columns of ${name}`);
}

async function expectations(name, style, event) {
  const answer = await get(`/api/definition?${asked({ name })}`);
  if (answer.expectations.length === 0) return el("p", { class: "quiet" }, "This dataset has no expectations.");
  const counts = new Map((event?.details?.expectations ?? []).map((entry) => [entry.name, entry]));
  const list = table({
    columns: ["expectation", "condition", "on violation", "passed", "failed"].map((column) => ({ name: column, type: "" })),
    rows: answer.expectations.map((rule) => [rule.name, rule.condition, rule.action,
      counts.get(rule.name)?.passed_records ?? counts.get(rule.name)?.passed ?? null,
      counts.get(rule.name)?.failed_records ?? counts.get(rule.name)?.failed ?? null]),
  }, "Expectations, with the rows of the last run that looked at any");
  const kept = await get(`/api/quarantine?${asked({ name, style })}`);
  return kept ? [list, table(kept, "Rows kept out, with the rule that did it")] : [list];
}

function lastRun(event, node) {
  if (!event) return el("p", { class: "quiet" }, `'${node.label}' was not part of the last run.`);
  const details = event.details ?? {};
  const facts = [
    ["what", event.message], ["strategy", details.strategy], ["why", details.reason], ["rule", details.rule],
    ["time", details.seconds !== undefined ? seconds(details.seconds) : null],
    ["rows read", details.rows_read], ["rows added", details.rows_inserted], ["rows taken away", details.rows_deleted],
    ["rows now", details.rows_total], ["fetched", details.bytes_transferred ? bytes(details.bytes_transferred) : null],
    ["error", event.error],
  ].filter(([, value]) => value !== undefined && value !== null);
  const statements = (details.statements ?? []).map((sql) => el("pre", { tabindex: "0" }, sql));
  return [
    el("table", {}, el("tbody", {}, facts.map(([name, value]) =>
      el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "wrap" }, typeof value === "number" ? count(value) : value))))),
    statements.length > 0 ? el("h3", {}, "Statements") : "", ...statements,
  ];
}

/** Opens the window for questions. */
export function openSQL() {
  const dialog = byId("sql");
  const style = el("select", { "aria-label": "Warehouse" }, styles.map((name) => el("option", { value: name }, name)));
  style.value = "declarative";
  const text = el("textarea", { "aria-label": "SELECT statement", spellcheck: "false" });
  text.value = "SELECT carrier, airline, sum(departures) AS departures\nFROM gold.carrier_month\nGROUP BY ALL ORDER BY departures DESC";
  const place = el("div");
  dialog.replaceChildren(...head(dialog, "sql-title", "Ask a warehouse"),
    el("p", { class: "quiet" }, "SELECT statements only: nothing can be changed from here."),
    text, el("div", { class: "row" }, style, el("button", { type: "button", class: "primary", id: "sql-ask", onclick: () =>
      fill(place, async () => {
        const answer = await post("/api/sql", { style: style.value, sql: text.value });
        return table(answer, `${count(answer.rows.length)} rows${answer.cut ? ", and more" : ""}`);
      }) }, "Ask")), place);
  dialog.showModal();
}

/** Opens the window in which queries are changed. */
export async function openEditor(say) {
  const dialog = byId("edit");
  const files = await get("/api/files");
  const choice = el("select", { "aria-label": "File" }, files.map((file) => el("option", {}, file.name)));
  const text = el("textarea", { "aria-label": "SQL", spellcheck: "false" });
  const problem = el("p", { class: "error", role: "alert" });
  const show = () => { text.value = files.find((file) => file.name === choice.value)?.text ?? ""; };
  choice.addEventListener("change", show);
  if (files.length > 0) choice.value = files.find((file) => file.name.includes("gold"))?.name ?? files[0].name;
  show();
  dialog.replaceChildren(...head(dialog, "edit-title", "Edit queries"),
    el("p", { class: "quiet" }, "This changes a copy; the pipeline's own files stay as they are."),
    el("div", { class: "row" }, choice, el("button", { type: "button", class: "primary", onclick: async () => {
      problem.textContent = "";
      try {
        await post("/api/edit", { file: choice.value, text: text.value });
        dialog.close();
        say(`${choice.value} was changed; run both styles to see what each does about it.`);
      } catch (error) { problem.textContent = error.message; }
    } }, "Save")), problem, text);
  dialog.showModal();
}

/** Text with `code` in it, as paragraphs. */
function prose(text) {
  return text.split(/\n\s*\n/).map((paragraph) => el("p", {}, paragraph.replaceAll("\n", " ").split("`")
    .map((part, index) => (index % 2 === 1 ? el("code", {}, part) : part))));
}

/** A lesson's text with the figures of the latest runs. */
function filled(text, state) {
  return text.replaceAll(/\{\{(\w+)\.(\w+)\}\}/g, (_, style, name) => {
    const run = state.rounds.filter((round) => round[style]).at(-1)?.[style];
    if (!run) return "…";
    return { rows: count(run.rows_written), bytes: bytes(run.bytes_transferred), requests: count(run.requests),
      datasets: count(run.datasets), refreshed: count(run.refreshed), seconds: seconds(run.seconds) }[name] ?? "…";
  });
}

/** The guided tour: what to see, a button that does it, what happened, a question and its answer. */
export class Tour {
  constructor(state, perform) {
    this.state = state;
    this.perform = perform;
    this.place = byId("tour");
    this.index = 0;
  }

  async open() {
    this.lessons ??= await get("/api/lessons");
    if (this.lessons.length === 0) return;
    this.place.hidden = false;
    this.show();
    this.place.querySelector("button")?.focus();
  }

  show(result) {
    const lesson = this.lessons[this.index];
    const turn = (by) => () => { this.index += by; this.show(); };
    const after = el("div", { "aria-live": "polite" });
    const act = el("button", { type: "button", class: "primary", id: "tour-do", onclick: async () => {
      act.disabled = true;
      after.replaceChildren(el("p", { class: "quiet" }, "one moment…"));
      try {
        const extra = [];
        for (const action of lesson.actions) extra.push(await this.perform(action));
        after.replaceChildren(el("h3", {}, "What happened"), ...prose(filled(lesson.happened, this.state())),
          ...extra.filter((one) => one instanceof Node),
          el("h3", {}, "Question"), ...prose(lesson.question),
          el("details", {}, el("summary", {}, "Answer"), ...prose(lesson.answer)));
      } catch (error) {
        after.replaceChildren(el("p", { class: "error", role: "alert" }, error.message));
      }
      act.disabled = false;
    } }, "Do it");
    this.place.replaceChildren(
      el("button", { type: "button", class: "close", onclick: () => { this.place.hidden = true; } }, "Close"),
      el("p", { class: "quiet" }, `Lesson ${lesson.number} of ${this.lessons.length}`),
      el("h2", { id: "tour-title" }, lesson.title), ...prose(lesson.see),
      el("ol", {}, lesson.actions.map((action) => el("li", {}, action.words))),
      el("div", { class: "row" },
        el("button", { type: "button", disabled: this.index === 0, onclick: turn(-1) }, "Back"), act,
        el("button", { type: "button", id: "tour-next", disabled: this.index === this.lessons.length - 1, onclick: turn(1) }, "Next")),
      result ?? "", after);
  }
}
