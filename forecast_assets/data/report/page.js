"use strict";
// Draws the report from the data beside it. Text of data becomes text nodes and plot labels, never markup.
let data = null;
const SHOWN_ROWS = 200;
const BLUE = "#1f5fa8", ORANGE = "#d9752b", GREY = "#8a8a8a";
const LAYOUT = {
  margin: { l: 60, r: 20, t: 36, b: 48 }, height: 340, font: { family: "sans-serif", size: 13 },
  plot_bgcolor: "#fff", paper_bgcolor: "#fff", hovermode: "x unified",
};
const OPTIONS = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] };

// Plot labels know a few tags of their own; text of data is not meant to use them.
function plain(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function element(tag, text, parent) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = text;
  if (parent) parent.appendChild(made);
  return made;
}

function written(value) {
  if (value === null || value === undefined) return "-";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function table(place, columns, rows, onRow) {
  const made = element("table", null, place);
  const head = element("tr", null, element("thead", null, made));
  columns.forEach((name) => element("th", name.replaceAll("_", " "), head));
  const body = element("tbody", null, made);
  rows.forEach((row) => {
    const line = element("tr", null, body);
    row.forEach((value) => {
      const cell = element("td", written(value), line);
      if (typeof value === "number") cell.className = "number";
    });
    if (onRow) onRow(line, row);
  });
  return made;
}

// What has to be read and taken apart decides how soon a large page opens.
function unpacked(id) {
  const packed = atob(document.getElementById(id).textContent), bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at += 1) bytes[at] = packed.charCodeAt(at);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}

// The plotting library is most of the page and half of its start: it is run when the first plot is about to be seen.
let library = null;
function plotting() {
  library ??= unpacked("library").text().then((text) => {
    const script = document.createElement("script");
    script.textContent = text;
    document.head.appendChild(script);
  });
  return library;
}

// Many plots on one page: each is drawn when it is about to be seen.
const watcher = new IntersectionObserver((entries) => {
  entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    watcher.unobserve(entry.target);
    entry.target.draw();
  });
}, { rootMargin: "300px" });

function plot(place, title, makeTraces, layout) {
  const made = element("div", null, place);
  made.className = "plot";
  made.draw = () => plotting().then(() => Plotly.newPlot(
    made, makeTraces(), { ...LAYOUT, ...layout, title: { text: plain(title), font: { size: 15 } } }, OPTIONS));
  watcher.observe(made);
}

function overview() {
  const place = document.getElementById("overview");
  const list = element("dl", null, place);
  data.facts.forEach(([name, value]) => { element("dt", name, list); element("dd", written(value), list); });
}

// Tens of thousands of rows: all are searched and sorted, the first ones stand on the page.
function searchable(id) {
  const place = document.getElementById(id), { columns, values, size } = data[id];
  if (!size) {
    element("p", "Nothing yet.", place);
    return;
  }
  const all = Array.from({ length: size }, (_, at) => at), row = (at) => values.map((column) => column[at]);
  const search = element("input", null, place);
  search.type = "search";
  search.placeholder = "store, product, candidate, reason ...";
  search.setAttribute("aria-label", `Search ${id}`);
  const count = element("p", null, place), slot = element("div", null, place);
  slot.className = "wide";
  let texts = null;
  let by = null, up = true;
  function show() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length && texts === null) {
      texts = all.map((at) => row(at).filter((value) => typeof value === "string").join(" ").toLowerCase());
    }
    let found = words.length ? all.filter((at) => words.every((word) => texts[at].includes(word))) : all;
    if (by !== null) {
      const keys = values[by];
      const compare = (a, b) => (a === null) - (b === null) || (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1);
      found = [...found].sort((a, b) => compare(keys[a], keys[b]));
    }
    count.textContent = `${found.length.toLocaleString("en")} of ${size.toLocaleString("en")}`
      + (found.length > SHOWN_ROWS ? `, the first ${SHOWN_ROWS} are listed` : "");
    slot.replaceChildren();
    const made = table(slot, columns, found.slice(0, SHOWN_ROWS).map(row), (line, [key]) => {
      if (!data.plots[key]) return;
      const link = element("a", key);
      link.href = "#" + encodeURIComponent(key);
      line.firstChild.replaceChildren(link);
    });
    made.querySelectorAll("th").forEach((head, at) => head.addEventListener("click", () => {
      up = by === at ? !up : true;
      by = at;
      show();
    }));
  }
  search.addEventListener("input", show);
  show();
}

function candidates() {
  const place = document.getElementById("candidates"), { columns, rows } = data.candidates;
  const names = rows.map((row) => plain(row[0])), errors = rows.map((row) => row[columns.indexOf("median_wape")]);
  plot(place, "Champions by candidate", () => [{
    type: "bar", x: names, y: rows.map((row) => row[1]), marker: { color: BLUE }, name: "champions",
    customdata: errors, hovertemplate: "%{y} champions, median WAPE %{customdata:.1f} %<extra></extra>",
  }], { yaxis: { title: { text: "series" } } });
  table(place, columns, rows);
}

function heatmap() {
  const place = document.getElementById("heatmap"), { stores, products, wape, bias, total_error } = data.heatmap;
  const said = (value) => value === null ? "unknown" : value.toFixed(2);
  const beside = () => wape.map((line, row) => line.map((_, at) => [said(bias[row][at]), said(total_error[row][at])]));
  plot(place, "WAPE of the champions, percent", () => [{
    type: "heatmap", x: products.map(plain), y: stores.map(plain), z: wape, colorscale: "YlOrRd", reversescale: true, hoverongaps: false,
    texttemplate: stores.length * products.length <= 400 ? "%{z:.0f}" : undefined,
    customdata: beside(),
    hovertemplate: "store %{y}, product %{x}: WAPE %{z:.1f} %<br>bias %{customdata[0]} a day, total off by %{customdata[1]} %<extra></extra>",
  }], {
    height: Math.min(2400, Math.max(320, 110 + 24 * stores.length)), hovermode: "closest",
    xaxis: { title: { text: "product" }, type: "category", automargin: true },
    yaxis: { title: { text: "store" }, type: "category", automargin: true },
  });
}

function band(days, low, high, name, opacity) {
  return [
    { x: days, y: high, mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false },
    { x: days, y: low, mode: "lines", line: { width: 0 }, fill: "tonexty", name, hoverinfo: "skip",
      fillcolor: `rgba(31, 95, 168, ${opacity})` },
  ];
}

function fanTraces({ history, ahead }) {
  const traces = [{ x: history.days, y: history.units, mode: "lines", name: "sold", line: { color: GREY } }];
  if (ahead) {
    // Bands lie on each other, so that the colour deepens towards the median.
    [["95 %", "lower_95", "upper_95"], ["90 %", "q05", "q95"], ["80 %", "lower_80", "upper_80"], ["60 %", "q20", "q80"],
      ["40 %", "q30", "q70"], ["20 %", "q40", "q60"]].filter(([, low]) => ahead[low])
      .forEach(([share, low, high]) => traces.push(...band(ahead.days, ahead[low], ahead[high], `${share} interval`, 0.12)));
    if (ahead.median) {
      traces.push({ x: ahead.days, y: ahead.median, mode: "lines", name: "median", line: { color: BLUE, width: 1, dash: "dash" } });
    }
    traces.push({ x: ahead.days, y: ahead.units, mode: "lines", name: `expected by ${plain(ahead.candidate)}`,
      line: { color: BLUE, width: 3 } });
  }
  return traces;
}

function fan(place, one) {
  plot(place, "Sold and expected", () => fanTraces(one), { yaxis: { title: { text: "units" }, rangemode: "tozero" } });
}

function foldTraces(one) {
  const traces = [{ x: one.folds.days, y: one.folds.actual, mode: "lines+markers", name: "sold",
    line: { color: GREY }, marker: { size: 4 } }];
  one.folds.candidates.forEach(({ name, units }, at) => traces.push({
    x: one.folds.days, y: units, mode: "lines", name: plain(name), line: { color: at ? ORANGE : BLUE } }));
  return traces;
}

function folds(place, one) {
  plot(place, "Folds: what the best candidates would have forecast", () => foldTraces(one),
    { yaxis: { title: { text: "units" }, rangemode: "tozero" } });
}

function drivers(place, one) {
  plot(place, "What the next forecast is made of", () => [{
    type: "waterfall", orientation: "h", x: one.drivers.map((driver) => driver.units),
    y: one.drivers.map((driver, at) => at), customdata: one.drivers.map((driver) => plain(driver.name)),
    connector: { line: { color: GREY } }, increasing: { marker: { color: BLUE } },
    decreasing: { marker: { color: ORANGE } }, hovertemplate: "%{customdata}: %{x:.2f} units<extra></extra>",
  }], { xaxis: { title: { text: "units" } }, hovermode: "closest", height: 130 + 26 * one.drivers.length,
    yaxis: { tickvals: one.drivers.map((driver, at) => at), ticktext: one.drivers.map((driver) => plain(driver.name)),
      autorange: "reversed", automargin: true } });
}

function plots() {
  const place = document.getElementById("plots");
  Object.entries(data.plots).forEach(([key, one]) => {
    const section = element("section", null, place);
    section.id = encodeURIComponent(key);
    element("h3", key, section);
    element("p", one.sentence, section);
    fan(section, one);
    if (one.folds) folds(section, one);
    if (one.drivers && one.drivers.length) drivers(section, one);
  });
}

async function start() {
  data = await unpacked("data").json();
  overview();
  ["series", "orders", "drift", "decisions"].forEach(searchable);
  candidates();
  heatmap();
  plots();
  document.body.dataset.ready = "yes";
}

if (typeof DecompressionStream === "undefined") {
  element("p", "This page needs a browser of 2023 or later.", document.getElementById("overview"));
} else {
  start();
}
