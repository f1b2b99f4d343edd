// The status page: asks the proxy every other second how it is, and shows it. Others' words only ever become text.
"use strict";

const EVERY = 2000; // milliseconds
const PATIENCE = 10000;
const SVG = "http://www.w3.org/2000/svg";
const words = JSON.parse(document.body.dataset.words);
const locked = document.body.dataset.locked === "yes";
const lang = document.documentElement.lang;
const here = /^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname);
const at = (id) => document.getElementById(id);

let key = locked ? sessionStorage.getItem("key") || "" : "";
let tag = ""; // of the data that is shown
let uptime = null; // what it was, and when, by the browser's own clock
let version = "";
let timer = 0;
let asking = false;

// ---- Small things -----------------------------------------------------------------------------------------------

function say(name, values = {}) {
  return words[name].replace(/\{(\w+)\}/g, (_, value) => values[value]);
}

function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

function draw(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

function number(value) {
  return value.toLocaleString(lang, { notation: value < 10000 ? "standard" : "compact", maximumFractionDigits: 1 });
}

function dollars(amount) {
  if (amount && amount < 0.000001) return "< $0.000001";
  const figures = amount >= 1 ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : { maximumSignificantDigits: 2 };
  return "$" + amount.toLocaleString(lang, figures);
}

// What isn't known is no 0.
function cost({ usd, unpriced }) {
  if (unpriced) return usd ? "≥ " + dollars(usd) : words.unknown;
  return usd === null ? "–" : dollars(usd);
}

function duration(seconds) {
  const [minutes, hours, days] = [60, 3600, 86400].map((length) => Math.floor(seconds / length));
  if (days) return say("days", { days, hours: hours % 24 });
  if (hours) return say("hours", { hours, minutes: minutes % 60 });
  return minutes ? say("minutes", { minutes }) : say("seconds", { seconds: Math.floor(seconds) });
}

function clock(time) {
  const moment = new Date(time * 1000);
  const far = moment.toDateString() !== new Date().toDateString();
  return moment.toLocaleString(lang, { ...(far && { dateStyle: "short" }), timeStyle: "medium" });
}

function dayName(day) {
  return new Date(day + "T12:00").toLocaleDateString(lang, { month: "short", day: "numeric" });
}

// ---- The parts of the page, each from the data ------------------------------------------------------------------

function usage({ today, month, in_flight, waiting, wait }) {
  const sums = (title, used) => [
    [title, words.cost, cost(used)],
    [title, words.requests, number(used.requests)],
    [title, words.tokens_in, number(used.prompt), used.cached && say("cached", { count: number(used.cached) })],
    [title, words.tokens_out, number(used.output)],
  ];
  const now = [
    [words.now, words.in_flight, number(in_flight)],
    [words.now, words.waiting, number(waiting), waiting && say("wait", { seconds: Math.ceil(wait) })],
  ];
  return [sums(words.today, today), sums(words.month, month), now].map((numbers) =>
    make("div", { class: "numbers" },
      make("h3", {}, numbers[0][0]),
      make("dl", {}, ...numbers.map(([, name, value, note]) =>
        make("div", {}, make("dt", {}, name), make("dd", {}, value, ...(note ? [make("small", {}, note)] : [])))))),
  );
}

function chart({ days }) {
  const most = Math.max(...days.map((day) => day.usd));
  const top = days.find((day) => day.usd === most);
  const total = days.reduce((sum, day) => ({ usd: sum.usd + day.usd, unpriced: sum.unpriced + day.unpriced }),
    { usd: 0, unpriced: 0 });
  const told = [say("chart_total", { total: cost(total) }),
    ...(most ? [say("chart_most", { most: cost(top), day: dayName(top.day) })] : [])].join(" ");
  const bars = days.map((day, place) => {
    const height = most ? (day.usd / most) * 84 : 0;
    const shown = day.usd ? Math.max(height, 2) : 1;
    const title = draw("title", {}, `${dayName(day.day)}: ${cost(day)}`);
    const bar = draw("rect", { x: place * 20 + 3, y: 100 - shown, width: 14, height: shown, rx: 2,
      class: day.usd ? "bar" : "none" });
    const mark = day.unpriced ? [draw("text", { x: place * 20 + 10, y: 95 - shown, "text-anchor": "middle" }, "?")] : [];
    return draw("g", {}, title, draw("rect", { x: place * 20, y: 0, width: 20, height: 100, class: "day" }), bar, ...mark);
  });
  const picture = draw("svg", { viewBox: "0 0 600 101", role: "img", "aria-label": `${words.chart}. ${told}` }, ...bars);
  const ends = [days[0], days[days.length - 1]].map(({ day }) => make("span", {}, dayName(day)));
  const notes = total.unpriced ? [make("p", { class: "soft" }, words.chart_note)] : [];
  return [make("p", { class: "soft" }, told), picture, make("p", { class: "ends soft" }, ...ends),
    ...notes];
}

function caps({ caps }) {
  const amount = (unit, value) => (unit === "usd" ? dollars(value) : say("cap_tokens", { count: number(value) }));
  return caps.map(({ client, unit, period, spent, cap }) => {
    const so_far = unit === "usd" ? dollars(spent) : number(spent);
    const name = `${client || words.cap_all} · ${words["cap_" + period]}`;
    const told = say("cap_spent", { spent: so_far, cap: amount(unit, cap) });
    const meter = make("meter", { min: 0, max: cap || 1, high: cap * 0.8, optimum: 0, value: cap ? spent : 1,
      "aria-label": `${name}: ${told}` });
    return make("div", { class: "cap" }, make("span", {}, name), make("span", {}, told), meter);
  });
}

function accounts({ accounts }) {
  if (!accounts.length) return [make("p", {}, words.no_accounts)];
  const clouds = [...new Set(accounts.map(({ cloud }) => cloud))];
  return clouds.flatMap((cloud) => [
    make("h3", {}, cloud),
    make("ul", { class: "accounts" }, ...accounts.filter((one) => one.cloud === cloud).map(account)),
  ]);
}

function account({ label, rests }) {
  const whole = rests.some(({ model }) => model === null);
  const state = whole ? [] : [make("span", { class: "ok" }, "● " + words.state_ok)];
  const told = rests.map(({ model, state, until, said }) =>
    make("div", { class: "rest" },
      make("p", { class: state === "cooling" ? "cooling" : "bad" }, "▲ ", ...(model ? [make("code", {}, model), ": "] : []),
        say("state_" + state, { until: clock(until) })),
      make("p", { class: "soft" }, words["remedy_" + state]),
      make("p", { class: "soft said" }, say("said", { message: said }))));
  return make("li", {}, make("code", {}, label), " ", ...state, ...told);
}

function table(kind, names, rows) {
  const cell = (value, place) => make("td", { role: "cell", "data-name": names[place] }, value);
  return make("table", { role: "table", class: kind },
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...names.map((name) =>
      make("th", { scope: "col", role: "columnheader" }, name)))),
    make("tbody", { role: "rowgroup" }, ...rows.map((row) => make("tr", { role: "row" }, ...row.map(cell)))));
}

function sums(title, first, rows) {
  if (!rows.length) return [];
  const names = [first, words.requests, words.tokens_in, words.tokens_out, words.cost];
  const cells = rows.map((one) =>
    [one.name, number(one.requests), number(one.prompt), number(one.output), cost(one)]);
  return [make("h3", {}, title), table("sums", names, cells)];
}

function recent({ recent, web }) {
  if (!recent.length) return [make("p", { class: "soft" }, words.no_recent)];
  const names = [words.time, words.client, words.model, words.cloud, words.tokens, words.cost, words.took, words.outcome];
  const rows = recent.map((one) => [
    when(one, web),
    one.client,
    one.operation === "chat" || one.operation === "messages" ? one.model : `${one.model} (${one.operation})`,
    one.cloud,
    say("tokens_both", { input: number(one.prompt), output: number(one.output) }),
    cost(one),
    one.seconds.toLocaleString(lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
    outcome(one),
  ]);
  return [table("recent", names, rows)];
}

// mitmweb listens on the proxy's own machine, so only a browser there can follow the link.
function when({ flow, began }, web) {
  if (!flow || !here) return clock(began);
  const href = `${web}/#/flows/${encodeURIComponent(flow)}/request`;
  return make("a", { href, target: "_blank", rel: "noreferrer", title: words.watch }, clock(began));
}

function outcome({ error, status, left, finish }) {
  if (error) return make("span", { class: "bad" }, `✗ ${error}` + (status >= 400 ? ` (${status})` : ""));
  if (left) return make("span", { class: "cooling" }, "■ " + words.outcome_left);
  if (status >= 400) return make("span", { class: "bad" }, `✗ ${status}`);
  if (finish === "length") return make("span", { class: "cooling" }, "✂ " + words.outcome_length);
  if (finish === "content_filter") return make("span", { class: "cooling" }, "⊘ " + words.outcome_refused);
  return make("span", { class: "ok" }, "✓ " + words.outcome_ok);
}

const MARKS = { ok: "✓", warning: "▲", failed: "✗", skipped: "–" };
const COLOURS = { ok: "ok", warning: "cooling", failed: "bad", skipped: "soft" };

function checkup({ check: { running, findings, usd } }) {
  const button = make("button", { type: "button", "aria-disabled": running }, running ? words.check_running : words.check_run);
  if (!running) button.addEventListener("click", beginCheckup);
  const lines = findings.map(({ subject, state, message, remedy }) =>
    make("li", {}, make("span", { class: COLOURS[state] }, `${MARKS[state]} ${words["finding_" + state]}`), " ",
      make("b", {}, subject), ": ", make("span", { lang: "en" }, [message, remedy].filter(Boolean).join(" "))));
  const after = running || usd === null ? []
    : [make("p", {}, usd ? say("check_cost", { cost: dollars(usd) }) : words.check_free)];
  return [make("p", { class: "soft" }, words.check_why), button,
    ...(lines.length ? [make("ul", { class: "findings" }, ...lines)] : []), ...after];
}

async function beginCheckup() {
  try {
    const response = await fetch("status/check", { method: "POST", body: "{}",
      headers: { ...headers(), "content-type": "application/json" } });
    if (!response.ok) tell((await response.json()).error.message);
    else poll();
  } catch {
    runs(false);
  }
}

function models({ models }) {
  const list = make("ul", { class: "models" }, ...models.map((name) => make("li", {}, make("code", {}, name))));
  return [make("details", {}, make("summary", {}, say("models", { count: models.length })), list)];
}

function told({ told }) {
  return told.length ? [make("ul", { lang: "en" }, ...told.map((sentence) => make("li", {}, sentence)))] : [];
}

// Its title, the fields of the data that it is made of, and how; what has not changed is left alone, so that a
// selection or an open fold stays.
const PARTS = {
  usage: [words.usage, ["today", "month", "in_flight", "waiting", "wait"], usage],
  chart: [words.chart, ["days"], chart],
  caps: [words.caps, ["caps"], caps],
  accounts: [words.accounts, ["accounts"], accounts],
  told: [words.told, ["told"], told],
  check: [words.check, ["check"], checkup],
  sums: ["", ["by_model", "by_client"], (data) => [
    ...sums(words.by_model, words.model, data.by_model), ...sums(words.by_client, words.client, data.by_client)]],
  models: ["", ["models"], models],
  recent: [words.recent, ["recent", "web"], recent],
};

function show(data) {
  for (const [name, [title, fields, render]] of Object.entries(PARTS)) {
    const from = JSON.stringify(fields.map((field) => data[field]));
    let part = at("part-" + name);
    if (!part) {
      part = make("section", { id: "part-" + name, class: "card" });
      at("live").append(part);
    }
    if (part.from === from) continue;
    part.from = from;
    const made = render(data);
    const focused = part.contains(document.activeElement);
    part.hidden = !made.length;
    part.replaceChildren(...(title ? [make("h2", {}, title)] : []), ...made);
    if (focused) part.querySelector("a, button, summary")?.focus();
  }
  at("demo").hidden = !data.demo;
  version = data.version;
  uptime = { was: data.now - data.started_at, at: performance.now() };
}

// Told once, since what is told is read aloud.
function tell(trouble) {
  if (at("trouble").textContent !== trouble) at("trouble").textContent = trouble;
}

function runs(answers) {
  document.body.classList.toggle("gone", !answers);
  tell(answers ? "" : words.gone);
  at("state").hidden = !answers;
  if (!answers || !uptime) return;
  const time = duration(uptime.was + (performance.now() - uptime.at) / 1000);
  at("state").textContent = ["● " + words.running, say("version", { version }), say("up", { time })].join(" · ");
}

// ---- Asking -----------------------------------------------------------------------------------------------------

function headers() {
  return { ...(key && { authorization: "Bearer " + key }) };
}

async function ask() {
  const response = await fetch("status/details", { headers: { ...headers(), ...(tag && { "if-none-match": tag }) },
    cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (response.status === 401) {
    askForKey((await response.json()).error.message);
    return;
  }
  if (response.status === 304) {
    runs(true);
    return;
  }
  const data = await response.json();
  if (!response.ok) {
    tell(data.error.message);
    return;
  }
  show(data);
  runs(true);
  tag = response.headers.get("etag") || "";
}

async function poll() {
  if (asking || document.hidden || !at("key").hidden) return;
  asking = true;
  clearTimeout(timer);
  try {
    await ask();
  } catch {
    runs(false);
  } finally {
    asking = false;
  }
  timer = setTimeout(poll, EVERY);
}

function askForKey(error) {
  key = tag = "";
  sessionStorage.removeItem("key");
  at("live").replaceChildren();
  at("state").hidden = true;
  tell("");
  at("key-error").textContent = error;
  at("key").hidden = false;
  if (error) at("key-field").focus();
}

at("key").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = at("key-field").value.trim();
  if (!/^[\x21-\x7e]+$/.test(given)) {
    at("key-error").textContent = words.key_unfit; // a header can't hold it
    return;
  }
  key = given;
  sessionStorage.setItem("key", key);
  at("key-field").value = at("key-error").textContent = "";
  at("key").hidden = true;
  poll();
});

// ---- Copying ----------------------------------------------------------------------------------------------------

async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch { // browsers have no clipboard for pages of another machine without TLS
    getSelection().selectAllChildren(code);
    document.execCommand("copy");
  }
}

for (const code of document.querySelectorAll(".url")) {
  // Whoever has opened the page from elsewhere reaches the proxy under the address that is in the browser.
  if (!here) code.textContent = location.origin + new URL(code.textContent).pathname;
}

for (const code of document.querySelectorAll(".bases .url")) {
  const button = make("button", { type: "button", "aria-label": say("copy_label", { text: code.textContent }) }, words.copy);
  button.addEventListener("click", async () => {
    await copy(code);
    button.textContent = words.copied;
    setTimeout(() => { button.textContent = words.copy; }, 1500);
  });
  code.after(" ", button);
}

document.addEventListener("visibilitychange", poll);
if (locked && !key) askForKey("");
else {
  at("state").hidden = false;
  poll();
}
