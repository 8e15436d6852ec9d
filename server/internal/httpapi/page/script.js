"use strict";
const at = id => document.getElementById(id);
const percent = p => (100 * p).toFixed(1) + " %";
const make = (tag, text, className) => {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};
const ask = async (path, options) => {
  const r = await fetch(path, options).catch(() => { throw new Error("The server could not be reached. Try again."); });
  const answer = await r.json();
  if (!r.ok) throw new Error(answer.detail);
  return { answer, id: r.headers.get("X-Request-Id") };
};
const bars = (list, entries, text) => list.replaceChildren(...entries.map(([name, share]) => {
  const row = make("li"), bar = make("i");
  bar.style.width = 100 * share + "%";
  row.append(bar, make("span", name), make("span", text(share, name)));
  return row;
}));
const row = (cell, texts) => {
  const tr = make("tr");
  tr.append(...texts.map(t => make(cell, t)));
  return tr;
};

let model;
async function describe() {
  try {
    model = (await ask("model-info")).answer;
  } catch (e) { // it may be loading still
    at("about").textContent = e.message;
    setTimeout(describe, 2000);
    return;
  }
  at("name").textContent = document.title = model.name;
  const names = model.classes.length > 8 ? [...model.classes.slice(0, 7), model.classes.length - 7 + " more"] : model.classes;
  at("about").textContent = "Tells " + names.slice(0, -1).join(", ") + " and " + names.at(-1) + " apart.";
  at("revision").textContent = model.revision || model.sha256.slice(0, 12);
  const facts = {
    Architecture: model.architecture, ...Object.fromEntries(Object.entries(model.metrics || {}).map(([k, v]) => [k, v.toFixed(3)])),
    Input: model.input.size + " × " + model.input.size + " pixels", Run: (model.lineage || {}).run, Dataset: (model.lineage || {}).datasetDigest,
    "Written by": (model.lineage || {}).writtenBy, "SHA-256": model.sha256, Assumed: (model.assumed || []).join(", "),
  };
  at("facts").replaceChildren(...Object.entries(facts).filter(([, v]) => v).flatMap(([k, v]) => [make("dt", k), make("dd", v)]));
  const most = 20;
  if (model.confusion && model.classes.length <= most) {
    const table = at("matrix");
    table.replaceChildren(make("caption", "Images by true class (rows) and predicted class (columns)"), row("th", ["True class", ...model.classes]));
    model.confusion.forEach((counts, i) => {
      const tr = row("td", counts);
      tr.children[i].className = "right";
      tr.prepend(make("th", model.classes[i]));
      table.append(tr);
    });
    at("tested").hidden = false;
  }
}

// classify shows a picture and what it is taken for.
async function classify(file) {
  const item = make("li"), picture = make("div", undefined, "picture"), image = make("img"), said = make("div");
  image.src = URL.createObjectURL(file);
  image.alt = file.name || "The picture";
  image.addEventListener("error", () => picture.replaceChildren(make("span", image.alt, "quiet"))); // the browser can't show it
  picture.append(image);
  said.append(make("p", "Classifying…", "quiet"));
  item.append(picture, said);
  at("answers").prepend(item);
  at("clear").hidden = false;
  const form = new FormData();
  form.append("file", file);
  try {
    const { answer, id } = await ask("predict", { method: "POST", body: form });
    const list = make("ol", undefined, "bars");
    bars(list, Object.entries(answer.probabilities).sort((a, b) => b[1] - a[1]).slice(0, 10), percent);
    const look = make("button", "What it looked at");
    look.type = "button";
    look.addEventListener("click", () => explain(file, picture, look, said));
    const actions = make("p", undefined, "row");
    actions.append(look, feedback(answer, id));
    said.replaceChildren(make("h3", answer.class), list, make("p", "Computed in " + answer.latencyMillis.toFixed(0) + " ms.", "quiet"), actions);
    at("said").textContent = answer.class + ", " + percent(answer.confidence);
  } catch (e) {
    said.replaceChildren(make("p", e.message, "wrong"));
    at("said").textContent = e.message;
  }
}

// feedback asks what the picture shows.
function feedback(answer, id) {
  const select = make("select");
  select.ariaLabel = "What it shows";
  select.append(make("option", "It shows…"), ...Object.keys(answer.probabilities).map(name => make("option", name)));
  select.addEventListener("change", async () => {
    if (!select.selectedIndex) return;
    select.disabled = true;
    try {
      const { answer: judged } = await ask("feedback", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ requestId: id, label: select.value }),
      });
      at("said").textContent = judged.right ? "Noted: the answer was right." : "Noted: the answer was wrong.";
    } catch (e) { at("said").textContent = e.message; }
  });
  return select;
}

// explain lays over a picture what the answer rests on.
async function explain(file, picture, button, said) {
  button.disabled = true;
  try {
    const { answer } = await ask("explain", { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
    const canvas = make("canvas"), n = answer.side, most = Math.max(...answer.drops, 1e-6);
    canvas.width = canvas.height = n;
    const pixels = canvas.getContext("2d").createImageData(n, n);
    answer.drops.forEach((drop, i) => pixels.data.set([0, 0, 0, 180 * (1 - Math.max(drop, 0) / most)], 4 * i));
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    const image = picture.querySelector("img"), crop = model.input.shorterSide > 0;
    const side = Math.min(image.clientWidth, image.clientHeight) * model.input.size / (model.input.shorterSide || model.input.size);
    const width = crop ? side : image.clientWidth, height = crop ? side : image.clientHeight;
    Object.assign(canvas.style, {
      width: width + "px", height: height + "px", left: (image.clientWidth - width) / 2 + "px", top: (image.clientHeight - height) / 2 + "px",
    });
    canvas.role = "img";
    const strongest = answer.drops.indexOf(Math.max(...answer.drops));
    canvas.ariaLabel = "“" + answer.class + "” rests most on what is " + Math.round(100 * (strongest % n + 0.5) / n) + " % from the left and " +
      Math.round(100 * (Math.floor(strongest / n) + 0.5) / n) + " % from the top.";
    picture.append(canvas);
    said.append(make("p", "The brighter, the more the answer depends on it.", "quiet"));
  } catch (e) {
    said.append(make("p", e.message, "wrong"));
    button.disabled = false;
  }
}

const kept = 60, rates = [], medians = [], slowest = [];
const draw = (line, values, most) => line.setAttribute("points", values.map((v, i) => (i + kept - values.length) * 120 / (kept - 1) + "," + (38 - 36 * v / most)).join(" "));
const keep = (values, v) => { values.push(v); if (values.length > kept) values.shift(); };
let before;
async function watch() {
  if (!document.hidden) {
    try {
      const { answer: s } = await ask("stats"), again = before && before.startTime === s.startTime;
      keep(rates, again ? (s.requests - before.requests) / (s.uptimeSeconds - before.uptimeSeconds) : 0);
      keep(medians, s.latency.p50Millis);
      keep(slowest, s.latency.p99Millis);
      before = s;
      draw(at("rates").children[0], rates, Math.max(1, ...rates));
      const top = Math.max(1, ...slowest);
      draw(at("latencies").children[0], medians, top);
      draw(at("latencies").children[1], slowest, top);
      at("rate").textContent = rates.at(-1).toFixed(1);
      at("latency").textContent = s.latency.p50Millis.toFixed(0) + " and " + s.latency.p99Millis.toFixed(0) + " ms";
      const counts = Object.entries(s.predictions).sort((a, b) => b[1] - a[1]), total = counts.reduce((sum, c) => sum + c[1], 0);
      at("images").textContent = total;
      bars(at("classes"), counts.slice(0, 6).map(([name, n]) => [name, n / total]), percent);
      const parts = [total ? "Mean confidence " + percent(s.meanConfidence) + "." : ""];
      if (s.feedback) parts.push(percent(s.feedback.accuracy) + " of " + s.feedback.labeled + " labeled requests right.");
      if (s.drift) parts.push("Drift index " + s.drift.index.toFixed(2) + " over " + s.drift.images + " images.");
      at("judged").textContent = parts.join(" ");
      if (at("recent").open) await list();
    } catch { /* the next time */ }
  }
  setTimeout(watch, 2000);
}
async function list() {
  const { answer } = await ask("logs?limit=20");
  at("requests").replaceChildren(row("th", ["Time", "Endpoint", "Status", "ms", "Classes"]), ...answer.requests.map(r => row("td", [
    new Date(r.time).toLocaleTimeString(), r.endpoint, r.code ? r.status + " " + r.code : r.status, r.latencyMillis.toFixed(1), (r.classes || []).join(", "),
  ])));
}

const all = files => { for (const file of files) classify(file); };
for (const id of ["file", "camera"]) at(id).addEventListener("change", e => { all([...e.target.files]); e.target.value = ""; });
at("clear").addEventListener("click", () => { at("answers").replaceChildren(); at("clear").hidden = true; at("file").focus(); });
at("recent").addEventListener("toggle", () => { if (at("recent").open) list().catch(() => {}); });
addEventListener("dragover", e => { e.preventDefault(); at("drop").classList.add("over"); });
addEventListener("dragleave", () => at("drop").classList.remove("over"));
addEventListener("drop", e => { e.preventDefault(); at("drop").classList.remove("over"); all(e.dataTransfer.files); });
addEventListener("paste", e => all(e.clipboardData.files));
describe();
watch();
