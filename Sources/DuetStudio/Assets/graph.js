// Draws one style's graph and its Gantt chart. Places come from dagre; this file only draws and colours.

import { svg, el, count, seconds } from "./dom.js";

const layers = ["source", "bronze", "silver", "gold"];

/** Beyond this many nodes labels are drawn only when zoomed in, and the quicker ranking is used. */
const large = 200;

export class GraphView {
  constructor(container, name, open) {
    this.container = container;
    this.name = name;
    this.open = open;
    this.nodes = new Map();
    this.scale = 1;
    /** What each step was last marked as, for when it is drawn again. */
    this.last = new Map();
  }

  /** Lays out and draws the graph anew; a large one may be asked for by layers, or one layer at a time. */
  show(graph) {
    this.whole = graph;
    this.draw(graph);
  }

  /** The graph with one node for each layer that is not the open one. */
  grouped(open) {
    const { nodes, edges } = this.whole;
    if (open === "") return this.whole;
    const groups = new Map();
    for (const node of nodes) groups.set(node.group, [...(groups.get(node.group) ?? []), node]);
    const place = new Map(nodes.map((node) => [node.id, node.group === open ? node.id : `layer ${node.group}`]));
    const shown = nodes.filter((node) => node.group === open);
    for (const [group, members] of groups) {
      if (group !== open) shown.push({ id: `layer ${group}`, label: `${group} (${count(members.length)})`, group, kind: "layer", isLayer: true });
    }
    const seen = new Set();
    const bundled = edges.map((edge) => ({ from: place.get(edge.from), to: place.get(edge.to) })).filter((edge) => {
      const key = `${edge.from}\u0000${edge.to}`;
      return edge.from !== edge.to && !seen.has(key) && seen.add(key);
    });
    return { nodes: shown, edges: bundled };
  }

  draw(graph) {
    const { graphlib, dagre } = window.dagreD3;
    const layout = new graphlib.Graph().setGraph({
      rankdir: "LR", nodesep: 10, ranksep: 44, marginx: 8, marginy: 8,
      ranker: graph.nodes.length > large ? "longest-path" : "network-simplex",
    }).setDefaultEdgeLabel(() => ({}));
    for (const node of graph.nodes) {
      layout.setNode(node.id, { width: Math.max(96, 7.4 * node.label.length + 26), height: 38 });
    }
    for (const edge of graph.edges) layout.setEdge(edge.from, edge.to);
    dagre.layout(layout);
    this.size = { width: layout.graph().width || 100, height: layout.graph().height || 100 };
    this.nodes.clear();
    const edges = layout.edges().map((edge) => {
      const points = layout.edge(edge).points;
      return svg("path", { class: "edge", d: `M${points.map((p) => `${p.x},${p.y}`).join("L")}` });
    });
    const nodes = graph.nodes.map((node) => this.node(node, layout.node(node.id)));
    this.edges = edges;
    this.canvas = svg("g", {}, svg("g", { class: "edges" }, edges), svg("g", {}, nodes));
    this.drawing = svg("svg", {
      viewBox: `0 0 ${this.size.width} ${this.size.height}`, preserveAspectRatio: "xMidYMid meet",
      role: "group", "aria-label": `${this.name}: ${graph.nodes.length} steps`,
    }, this.canvas);
    this.drawing.classList.toggle("large", graph.nodes.length > large);
    const find = el("input", { type: "search", placeholder: "find", "aria-label": `Find in ${this.name}`,
      oninput: (event) => this.find(event.target.value) });
    const groups = [...new Set(this.whole.nodes.map((node) => node.group))];
    const choice = el("select", { "aria-label": `Layers of ${this.name}`, onchange: (event) => {
      this.group = event.target.value;
      this.draw(this.grouped(this.group));
      for (const [id, marks] of this.last) this.mark(id, ...marks);
      this.container.querySelector("select").focus();
    } }, el("option", { value: "" }, "everything"), el("option", { value: "*" }, "layers"),
    groups.map((group) => el("option", { value: group }, group)));
    choice.value = this.group ?? "";
    const zoom = (factor) => () => this.zoom(factor);
    this.container.replaceChildren(
      el("div", { class: "graph-tools" }, groups.length > 1 ? choice : "", find,
        el("button", { type: "button", "aria-label": "Zoom in", onclick: zoom(1.4) }, "+"),
        el("button", { type: "button", "aria-label": "Zoom out", onclick: zoom(1 / 1.4) }, "−"),
        el("button", { type: "button", "aria-label": "Whole graph", onclick: () => this.zoom(0) }, "⤢")),
      el("div", { class: "canvas", tabindex: "0", role: "region", "aria-label": `${this.name} graph` }, this.drawing));
  }

  node(node, place) {
    const layer = layers.includes(node.group) ? node.group : "other";
    const detail = svg("text", { class: "detail", x: 10, y: 29 });
    const group = svg("g", {
      class: `node ${layer}`, tabindex: "0", role: "button",
      transform: `translate(${place.x - place.width / 2},${place.y - place.height / 2})`,
      onclick: () => this.enter(node),
      onkeydown: (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); this.enter(node); }
      },
    },
    svg("title", {}),
    svg("rect", { width: place.width, height: place.height, rx: 7 }),
    svg("rect", { class: "band", width: 4, height: place.height, rx: 2 }),
    Object.assign(svg("text", { class: "label", x: 10, y: 16 }), { textContent: node.label }),
    detail);
    this.nodes.set(node.id, { node, group, detail });
    this.mark(node.id, "waiting", node.kind, "not run yet");
    return group;
  }

  /** Opens a dataset or activity, or a layer. */
  enter(node) {
    if (!node.isLayer) { this.open(node); return; }
    this.group = node.group;
    this.draw(this.grouped(node.group));
    for (const [id, marks] of this.last) this.mark(id, ...marks);
  }

  /** Lights up the nodes of some datasets and sources, with a text for each; the others step back. */
  light(texts) {
    for (const { node, group, detail } of this.nodes.values()) {
      const text = texts.get(node.dataset ?? node.id) ?? texts.get(`source ${node.label.replace(/^Copy /, "")}`);
      group.classList.toggle("hit", text !== undefined);
      group.classList.toggle("dim", text === undefined);
      detail.textContent = text ?? "";
    }
  }

  /** Colours a node and says why. */
  mark(id, state, detail, reason) {
    this.last.set(id, [state, detail, reason]);
    const entry = this.nodes.get(id);
    if (!entry) return;
    const { node, group } = entry;
    group.dataset.state = state;
    entry.detail.textContent = detail;
    const words = `${node.label}, ${node.kind}: ${reason}`;
    group.setAttribute("aria-label", words);
    group.querySelector("title").textContent = node.comment ? `${node.comment}\n${words}` : words;
  }

  /** Takes all colours away: a run begins. */
  clear() {
    for (const { node } of this.nodes.values()) this.mark(node.id, "waiting", node.kind, "waiting");
  }

  /** Shows one event of a run. */
  take(event) {
    if (!event.step) return;
    const details = event.details ?? {};
    switch (event.event_type) {
      case "step_started": return this.mark(event.step, "running", "running…", "running");
      case "step_retried": return this.mark(event.step, "running", "trying again", event.error ?? "trying again");
      case "step_failed": return this.mark(event.step, "failed", "failed", event.error ?? event.message);
      case "step_skipped": return this.mark(event.step, event.level === "INFO" ? "nothing" : "failed",
        event.level === "INFO" ? "nothing to do" : "skipped", details.reason ?? event.message);
      case "step_completed": {
        const changed = (details.rows_inserted ?? 0) + (details.rows_deleted ?? 0);
        if (event.step_kind === "transfer") {
          const files = details.files_changed ?? 0;
          return this.mark(event.step, files > 0 ? "full" : "nothing",
            files > 0 ? `${count(files)} file${files === 1 ? "" : "s"}` : "unchanged", event.message);
        }
        const strategy = details.strategy ?? "full";
        const state = strategy === "nothing" ? "nothing" : strategy === "full" ? "full" : "incremental";
        return this.mark(event.step, state, state === "nothing" ? "nothing to do" : `${count(changed)} rows`,
          `${strategy}: ${details.reason ?? event.message}`);
      }
      default: return undefined;
    }
  }

  /** Makes the nodes whose name has the text stand out. */
  find(text) {
    const wanted = text.trim().toLowerCase();
    let first = null;
    for (const { node, group } of this.nodes.values()) {
      const isHit = wanted !== "" && (node.dataset ?? node.label).toLowerCase().includes(wanted);
      group.classList.toggle("hit", isHit);
      group.classList.toggle("dim", wanted !== "" && !isHit);
      if (isHit && !first) first = group;
    }
    first?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  /** Enlarges by a factor; 0 shows the whole. */
  zoom(factor) {
    this.scale = factor === 0 ? 1 : Math.min(12, Math.max(1, this.scale * factor));
    this.drawing.setAttribute("width", `${this.scale * 100}%`);
    this.drawing.setAttribute("height", `${this.scale * 100}%`);
  }
}

/** Bars of a run's steps on one time axis; the longest run's length, so that both styles' bars compare. */
export function gantt(container, steps, total, label) {
  const bars = steps.filter((step) => (step.details?.seconds ?? 0) > 0);
  if (bars.length === 0) {
    container.replaceChildren(el("p", { class: "quiet" }, steps.length > 0 ? "No step had anything to do." : ""));
    return;
  }
  const shown = bars.slice().sort((a, b) => b.details.seconds - a.details.seconds).slice(0, 40)
    .sort((a, b) => (a.details.started_at ?? 0) - (b.details.started_at ?? 0));
  const line = 15;
  const left = 150;
  const width = 640;
  const height = shown.length * line + 22;
  const x = (time) => left + (time / total) * (width - left - 60);
  const rows = shown.map((step, index) => {
    const start = step.details.started_at ?? 0;
    const strategy = step.details.strategy ?? "transfer";
    const name = step.step.length > 24 ? `${step.step.slice(0, 23)}…` : step.step;
    return svg("g", { transform: `translate(0,${index * line})` },
      Object.assign(svg("text", { x: left - 6, y: 11, "text-anchor": "end" }), { textContent: name }),
      svg("rect", { class: `bar ${strategy}`, x: x(start), y: 2, height: line - 4, rx: 2,
        width: Math.max(1.5, x(start + step.details.seconds) - x(start)) }),
      Object.assign(svg("text", { class: "time", x: x(start + step.details.seconds) + 4, y: 11 }),
        { textContent: seconds(step.details.seconds) }));
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) =>
    Object.assign(svg("text", { class: "tick", x: x(part * total), y: height - 5, "text-anchor": "middle" }),
      { textContent: seconds(part * total) }));
  container.replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${label}: ${shown.map((s) => `${s.step} ${seconds(s.details.seconds)}`).join(", ")}` }, rows, ticks));
}
