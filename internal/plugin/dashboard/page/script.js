"use strict";
const at = id => document.getElementById(id);
const make = (tag, text, className) => {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};
const svg = (tag, attributes) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  return e;
};
// What is as it was stays in the document, so that nobody loses the focus, a selection or the place that they have scrolled to.
const show = (id, content, draw) => {
  const e = at(id), text = JSON.stringify(content);
  if (e.dataset.shown === text) return;
  e.dataset.shown = text;
  e.replaceChildren(...draw(content));
};
const span = cell => make("span", cell.text, cell.style);

// The list of objects: each a link, whose fragment chooses what is shown.
const rows = section => section.blocks.filter(b => b.table).flatMap(b => b.rows.slice(b.headings ? 1 : 0).map(row => ({ row, heads: b.rows[0] })));
function list(id, kind, section) {
  const chosen = location.hash.slice(1);
  show(id, [section, chosen], () => {
    const items = rows(section).map(({ row: [name, status, ...rest], heads }) => {
      const item = make("li"), link = make("a"), mark = span(status);
      link.href = "#" + kind + "/" + name.text;
      if (chosen === kind + "/" + name.text) link.setAttribute("aria-current", "true");
      mark.classList.add("status");
      const facts = rest.map((cell, i) => cell.text && heads[i + 2].text.toLowerCase() + " " + cell.text).filter(Boolean);
      link.append(make("span", name.text, "bold"), " ", mark, make("small", facts.join(" · ")));
      item.append(link);
      return item;
    });
    if (items.length) return items;
    const none = make("li");
    none.append(make("p", "None in this namespace"));
    return [none];
  });
}

// Sections are what kubectl trainyard status prints.
function table(block) {
  const wide = make("div", undefined, "wide"), table = make("table");
  wide.tabIndex = 0;
  wide.role = "group";
  wide.ariaLabel = "Table";
  const columns = Math.max(...block.rows.map(r => r.length));
  block.rows.forEach((cells, i) => {
    const heading = block.headings && i === 0, row = make("tr");
    if (!heading && /[├└]/.test(cells[0].text) || block.rows.some(r => /^[├└]/.test(r[0].text))) row.className = "tree";
    cells.forEach((cell, j) => {
      const e = make(heading || !block.headings && j === 0 ? "th" : "td", cell.text, cell.style);
      if (e.tagName === "TH") e.scope = heading ? "col" : "row";
      row.append(e);
    });
    while (row.children.length < columns) row.append(make(heading ? "th" : "td", ""));
    table.append(row);
  });
  wide.append(table);
  return wide;
}
const line = block => {
  const p = make("p");
  p.append(...block.rows[0].map(span));
  return p;
};
const drawn = sections => sections.map(section => {
  const e = make("section");
  e.append(make("h2", section.title), ...section.blocks.map(b => b.table ? table(b) : line(b)));
  return e;
});

// A chart of one or two lines, over epochs or over the time since the page was opened.
function chart(title, xs, lines, from, text) {
  const figure = make("figure"), width = 300, height = 120;
  const values = lines.flatMap(l => l.values);
  const low = from ?? Math.min(...values), high = Math.max(...values, low + 1e-9);
  const x = i => xs.length < 2 ? width / 2 : (xs[i] - xs[0]) / (xs.at(-1) - xs[0]) * width;
  const y = v => height - (v - low) / (high - low) * height;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label":
    `${title}: ${lines.map(l => `${l.name} ${text(l.values.at(-1))}`).join(", ")}; between ${text(low)} and ${text(high)}` });
  picture.append(svg("line", { x1: 0, x2: width, y1: height, y2: height }), svg("line", { x1: 0, x2: width, y1: 0, y2: 0 }));
  const caption = make("figcaption", `${title}, ${text(low)} to ${text(high)}: `);
  lines.forEach((l, i) => {
    picture.append(svg("polyline", { class: i ? "second" : "", points: l.values.map((v, j) => `${x(j).toFixed(1)},${y(v).toFixed(1)}`).join(" ") }));
    caption.append(i ? " " : "", make("b", `${i ? "┄" : "─"} ${l.name} ${text(l.values.at(-1))}`, i ? "second" : ""));
  });
  figure.append(picture, caption);
  return figure;
}
const three = v => v.toPrecision(3);
const percent = v => (100 * v).toFixed(1) + " %";
function curves(epochs) {
  at("curves").hidden = !epochs?.length;
  if (!epochs?.length) return;
  const of = name => epochs.map(e => e[name]), numbers = of("number");
  show("epochs", epochs, () => [
    chart("Loss by epoch", numbers, [{ name: "validation", values: of("validationLoss") }, { name: "training", values: of("trainLoss") }], undefined, three),
    chart("Accuracy by epoch", numbers, [{ name: "validation", values: of("validationAccuracy") }, { name: "training", values: of("trainAccuracy") }], undefined, percent),
  ]);
}

const most = 600; // points of a chart of time: 20 minutes
let seen = { of: "", points: [] };
function traffic(of, now) {
  at("traffic").hidden = !now;
  if (!now) return;
  if (seen.of !== of) seen = { of, points: [] };
  seen.points.push({ at: performance.now() / 1000, rate: now.requestsPerSecond, p50: now.p50Millis, p99: now.p99Millis });
  seen.points.splice(0, seen.points.length - most);
  const figures = { "Requests/s": now.requestsPerSecond.toFixed(1), p50: three(now.p50Millis) + " ms", p99: three(now.p99Millis) + " ms",
    Requests: now.requests, Failures: now.failures, Pods: now.pods };
  show("figures", figures, () => Object.entries(figures).map(([name, value]) => {
    const pair = make("div");
    pair.append(make("dt", name), make("dd", value, name === "Failures" && value ? "bad" : ""));
    return pair;
  }));
  const times = seen.points.map(p => p.at), of_ = name => seen.points.map(p => p[name]);
  at("rates").replaceChildren(
    chart("Requests/s since this page was opened", times, [{ name: "rate", values: of_("rate") }], 0, v => v.toFixed(1)),
    chart("Latency in ms", times, [{ name: "p50", values: of_("p50") }, { name: "p99", values: of_("p99") }], 0, three));
  const total = Object.values(now.predictions).reduce((a, b) => a + b, 0);
  show("classes", now.predictions, () => Object.entries(now.predictions).sort((a, b) => b[1] - a[1]).slice(0, 20).map(([name, n]) => {
    const row = make("li"), bar = make("i");
    bar.style.width = 100 * n / total + "%";
    row.append(bar, make("span", name), make("span", `${n} (${percent(n / total)})`));
    return row;
  }));
}

function detail(d) {
  at("hint").hidden = Boolean(d?.sections);
  at("object").hidden = !d?.sections;
  if (!d?.sections) {
    at("hint").textContent = d?.missing ? `${d.kind} ${d.name}: ${d.missing}` : "Choose a server or a run.";
    document.title = "Trainyard";
    return;
  }
  document.title = d.name + " – Trainyard";
  at("bar").hidden = d.percent === undefined;
  at("bar").ariaValueNow = d.percent ?? 0;
  at("bar").firstChild.style.width = (d.percent ?? 0) + "%";
  traffic(d.kind + d.name, d.traffic);
  curves(d.curve);
  show("sections", d.sections, drawn);
}

// What comes from the cluster.
let events;
function say(text, className) {
  at("state").textContent = text;
  at("state").className = "quiet " + (className ?? "");
}
function follow() {
  events?.close();
  const object = location.hash.slice(1);
  events = new EventSource("events" + (object ? "?object=" + encodeURIComponent(object) : ""));
  events.addEventListener("view", e => {
    const view = JSON.parse(e.data);
    at("namespace").textContent = view.namespace;
    list("servers", "modelserver", view.servers);
    list("runs", "trainingrun", view.runs);
    detail(view.detail);
    say("Follows the cluster");
  });
  events.addEventListener("problem", e => say("Not up to date: " + JSON.parse(e.data), "bad"));
  events.addEventListener("error", () => say("kubectl trainyard dashboard has ended, or can't be reached: this is what was last seen", "bad"));
}
addEventListener("hashchange", () => {
  follow();
  at("detail").focus({ preventScroll: innerWidth > 800 });
});
follow();
