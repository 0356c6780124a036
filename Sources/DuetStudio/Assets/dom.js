// Small helpers: elements, numbers for people, and requests to the server.

/** Makes an element: attributes by name, listeners as onclick and so on, children as elements or text. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** The same for drawings. */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.flat());
  return element;
}

export const byId = (id) => document.getElementById(id);

export const count = (value) => Math.round(value ?? 0).toLocaleString("en-US");

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB"];
  let amount = value ?? 0;
  let unit = 0;
  while (amount >= 1000 && unit < units.length - 1) { amount /= 1000; unit += 1; }
  return unit === 0 ? `${amount} B` : `${amount.toFixed(amount < 10 ? 2 : 1)} ${units[unit]}`;
}

export function seconds(value) {
  const amount = value ?? 0;
  return amount < 1 ? `${Math.round(amount * 1000)} ms` : `${amount.toFixed(2)} s`;
}

/** Values for an address; a space is %20, since only forms have + for it. */
export const asked = (values) => new URLSearchParams(values).toString().replaceAll("+", "%20");

/** Asks the server; throws its own words when it refuses. */
export async function get(path) {
  return read(await fetch(path));
}

/** Tells the server to do something. */
export async function post(path, body = {}) {
  return read(await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Duet": "1" },
    body: JSON.stringify(body),
  }));
}

async function read(response) {
  const value = await response.json();
  if (!response.ok) throw new Error(value.error ?? `the server answered ${response.status}`);
  return value;
}

/** A table of an answer's columns and rows; with a deed each row begins with a button that does it. */
export function table(answer, caption, deed = null) {
  const cell = (value) => {
    const isNumber = typeof value === "number";
    return el("td", { class: value === null ? "null" : isNumber ? "number" : null },
      value === null ? "NULL" : isNumber ? String(value) : String(value));
  };
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, [deed ? el("th", { scope: "col" }, deed.words) : null, answer.columns.map((column) =>
        el("th", { scope: "col", title: column.type }, column.name))].flat().filter(Boolean))),
      el("tbody", {}, answer.rows.map((row, index) => el("tr", {},
        deed ? el("td", {}, el("button", { type: "button", class: "deed", "aria-label": `${deed.words} of row ${index + 1}`,
          onclick: () => deed.act(row) }, "⤺")) : "",
        row.map(cell))))));
}
