"use strict";
// The chat's page. The protocol is described in docs/wsd.md.

const $ = (id) => document.getElementById(id);
const sameAuthor = 5 * 60 * 1000; // messages of one person within it stand together
const maxShown = 1000;

const me = { name: "", room: "", key: sessionStorage.getItem("key") || newID() };
sessionStorage.setItem("key", me.key);

let socket = null;
let tries = 0;
let retry = 0; // timer
let heard = 0; // when anything came last
let ready = false;
let stopped = true; // nobody wants a connection
let seen = null; // {epoch, seq} of the room
let unread = 0;
let below = 0; // messages that came below what is shown
const shown = new Map(); // id -> element
const waiting = new Map(); // id -> text that the server has not said yet

function newID() {
  const b = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
}

function element(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

// --- the connection

function connect() {
  clearTimeout(retry);
  if (socket) socket.onclose = socket.onmessage = socket.onopen = null;
  const url = new URL("/chat", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const s = new WebSocket(url);
  socket = s;
  heard = Date.now();
  status("wait", tries ? "reconnecting…" : "connecting…");
  s.onopen = () => {
    heard = Date.now();
    send({ t: "join", room: me.room, name: me.name, key: me.key, since: seen || undefined });
  };
  s.onmessage = (e) => {
    heard = Date.now();
    take(JSON.parse(e.data));
  };
  s.onclose = (e) => lost(e.code);
}

function send(m) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(m));
}

function lost(code) {
  ready = false;
  socket = null;
  if (stopped) return;
  markWaiting();
  if (code === 4001) {
    stopped = true;
    status("off", "not connected");
    banner("You have joined again in another tab.", "Use this one", () => { stopped = false; tries = 0; connect(); });
    return;
  }
  const delay = Math.min(400 * 2 ** tries, 8000) * (0.5 + Math.random() / 2);
  tries++;
  status(tries > 2 ? "off" : "wait", navigator.onLine ? "reconnecting…" : "offline");
  if (tries > 2) banner("The server cannot be reached. What you write is sent when it is back.");
  retry = setTimeout(connect, delay);
}

setInterval(() => {
  if (stopped || !socket || socket.readyState !== WebSocket.OPEN) return;
  const silence = Date.now() - heard;
  if (silence > 35000) {
    const s = socket;
    s.onclose = s.onmessage = null;
    s.close();
    lost(1006);
  } else if (silence > 20000) send({ t: "ping" });
}, 5000);

addEventListener("online", () => { if (!stopped && !ready) { tries = 0; connect(); } });

// --- messages of the server

function take(m) {
  switch (m.t) {
    case "joined":
      me.name = m.name;
      if (seen && seen.epoch !== m.epoch) seen = null; // another run: its numbers are new, the ids tell what is shown already
      seen = { epoch: m.epoch, seq: seen ? seen.seq : 0 };
      enterRoom(m.room);
      break;
    case "msg":
      if (seen) seen.seq = Math.max(seen.seq, m.seq);
      said(m.m);
      break;
    case "ready":
      ready = true;
      tries = 0;
      if (seen) seen.seq = Math.max(seen.seq, m.seq || 0);
      if (m.gap && shown.size && m.count >= 200) note("Some messages before these are not kept any more.");
      status("live", "connected");
      banner("");
      for (const [id, text] of waiting) send({ t: "say", id, text });
      $("empty").hidden = shown.size > 0;
      break;
    case "who":
      who(m.names || [], m.count || 0);
      break;
    case "ack":
      confirmed(m.id);
      break;
    case "error":
      if (m.id) failed(m.id, m.text);
      else if (!ready) refused(m.text);
      break;
  }
}

function refused(text) {
  leave();
  $("enter-error").textContent = "Cannot join: " + text + ".";
  $("enter-error").hidden = false;
}

// --- what is shown

function said(m) {
  const old = shown.get(m.id);
  waiting.delete(m.id);
  if (old && !old.classList.contains("waiting")) return;
  const follow = atEnd();
  if (old) old.remove(); // to where the server has it
  append(m, false);
  if (follow || m.from === me.name) toEnd();
  else { below++; newer(); }
  if (document.hidden && ready) { unread++; title(); }
}

function append(m, isWaiting) {
  const log = $("log");
  const at = new Date(m.at);
  let last = log.lastElementChild;
  while (last && !isWaiting && last.classList.contains("waiting")) last = last.previousElementSibling;
  const day = at.toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" });
  const li = element("li", "msg");
  const lastDay = last ? last.dataset.day : "";
  if (lastDay !== day) {
    const d = element("li", "day", day === new Date().toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" }) ? "Today" : day);
    d.dataset.day = day;
    log.insertBefore(d, last ? last.nextSibling : log.firstChild);
    last = d;
  }
  const mine = m.from === me.name;
  if (mine) li.classList.add("mine");
  if (last && last.dataset.from === m.from && m.at - Number(last.dataset.at) < sameAuthor) li.classList.add("more");
  if (isWaiting) li.classList.add("waiting");
  if (ready) li.classList.add("fresh");
  Object.assign(li.dataset, { from: m.from, at: m.at, day, id: m.id });
  const by = element("p", "by");
  const time = element("time", "", at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = at.toISOString();
  by.append(element("b", "", m.from), time);
  const bubble = element("div", "bubble");
  bubble.title = at.toLocaleString();
  linked(bubble, m.text);
  li.append(avatar(m.from), by, bubble);
  log.insertBefore(li, last ? last.nextSibling : log.firstChild);
  shown.set(m.id, li);
  $("empty").hidden = true;
  while (shown.size > maxShown) {
    const first = log.firstElementChild;
    shown.delete(first.dataset.id);
    first.remove();
  }
  return li;
}

// linked puts text into e, with links where it has http addresses.
function linked(e, text) {
  let rest = 0;
  for (const m of text.matchAll(/https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g)) {
    e.append(text.slice(rest, m.index));
    const a = element("a", "", m[0]);
    a.href = m[0];
    a.target = "_blank";
    a.rel = "noopener noreferrer";
    e.append(a);
    rest = m.index + m[0].length;
  }
  e.append(text.slice(rest));
}

function avatar(name) {
  let h = 0;
  for (const c of name) h = (h * 31 + c.codePointAt(0)) >>> 0;
  const a = element("span", "avatar", Array.from(name)[0].toUpperCase());
  a.style.setProperty("--hue", h % 360);
  a.setAttribute("aria-hidden", "true");
  return a;
}

function note(text) { $("log").append(element("li", "note", text)); }

function confirmed(id) {
  waiting.delete(id);
  const li = shown.get(id);
  if (!li) return;
  li.classList.remove("waiting");
  li.querySelector(".state")?.remove();
}

function failed(id, text) {
  waiting.delete(id);
  const li = shown.get(id);
  if (!li) return;
  li.classList.remove("waiting");
  li.classList.add("failed");
  state(li, text);
}

function state(li, text) {
  li.querySelector(".state")?.remove();
  li.append(element("p", "state", text));
}

function markWaiting() {
  for (const id of waiting.keys()) {
    const li = shown.get(id);
    if (li) state(li, "waiting for the connection");
  }
}

function who(names, count) {
  $("people-count").textContent = $("people-total").textContent = count;
  const list = names.map((name) => {
    const li = element("li");
    li.append(avatar(name), element("span", "", name));
    if (name === me.name) li.append(element("span", "quiet small", "you"));
    return li;
  });
  if (count > names.length) list.push(element("li", "quiet", "and " + (count - names.length) + " more"));
  $("names").replaceChildren(...list);
}

function atEnd() {
  const s = $("scroll");
  return s.scrollHeight - s.scrollTop - s.clientHeight < 80;
}

function toEnd() {
  const s = $("scroll");
  s.scrollTop = s.scrollHeight;
  below = 0;
  newer();
}

function newer() {
  $("newer").hidden = below === 0;
  $("newer").textContent = below === 1 ? "1 new message ↓" : below + " new messages ↓";
}

function title() { document.title = (unread ? "(" + unread + ") " : "") + "#" + me.room + " · calandria chat"; }

function status(kind, text) {
  $("status").dataset.state = kind;
  $("status-text").textContent = text;
  $("chat").classList.toggle("away", kind !== "live");
}

function banner(text, button, action) {
  $("banner").hidden = !text;
  $("banner-text").textContent = text;
  $("banner-button").hidden = !button;
  if (button) {
    $("banner-button").textContent = button;
    $("banner-button").onclick = () => { banner(""); action(); };
  }
}

// --- rooms

function enterRoom(room) {
  if (me.shown === room) return;
  me.shown = room;
  $("room-name").textContent = room;
  $("enter").hidden = true;
  $("chat").hidden = false;
  title();
  toEnd();
  $("text").focus();
}

function join(name, room) {
  Object.assign(me, { name, room: room.toLowerCase(), shown: "" });
  localStorage.setItem("name", name);
  history.replaceState(null, "", "#" + me.room);
  $("enter-error").hidden = true;
  $("log").replaceChildren();
  shown.clear();
  waiting.clear();
  seen = null;
  tries = 0;
  stopped = false;
  sessionStorage.setItem("joined", "yes");
  connect();
}

function leave() {
  stopped = true;
  ready = false;
  sessionStorage.removeItem("joined");
  clearTimeout(retry);
  if (socket) { socket.onclose = null; socket.close(1000); socket = null; }
  banner("");
  document.title = "calandria chat";
  $("chat").hidden = true;
  $("people").classList.remove("open");
  $("people-toggle").setAttribute("aria-expanded", "false");
  $("enter").hidden = false;
  $("name").focus();
}

// --- the person

$("enter-form").addEventListener("submit", (e) => {
  e.preventDefault();
  join($("name").value.trim(), $("room").value.trim());
});

function say() {
  const text = $("text").value.trim();
  if (!text) return;
  const id = newID();
  waiting.set(id, text);
  const li = append({ id, from: me.name, at: Date.now(), text }, true);
  if (ready) send({ t: "say", id, text });
  else state(li, "waiting for the connection");
  $("text").value = "";
  grow();
  toEnd();
}

$("say-form").addEventListener("submit", (e) => { e.preventDefault(); say(); $("text").focus(); });
$("text").addEventListener("keydown", (e) => {
  if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); say(); }
});

function grow() {
  const t = $("text");
  t.style.height = "auto";
  t.style.height = Math.min(t.scrollHeight + 2, 144) + "px";
}
$("text").addEventListener("input", grow);

$("scroll").addEventListener("scroll", () => { if (below && atEnd()) toEnd(); });
$("newer").addEventListener("click", toEnd);
$("leave").addEventListener("click", leave);
$("people-toggle").addEventListener("click", () => {
  const open = $("people").classList.toggle("open");
  $("people-toggle").setAttribute("aria-expanded", String(open));
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) { unread = 0; if (!stopped) title(); } });
addEventListener("hashchange", () => {
  const room = decodeURIComponent(location.hash.slice(1));
  if (!stopped && room && room !== me.room) { leave(); $("room").value = room; join(me.name, room); }
});
addEventListener("resize", () => { if (!below) toEnd(); });

const hash = decodeURIComponent(location.hash.slice(1));
if (hash) $("room").value = hash;
$("name").value = localStorage.getItem("name") || "";
if (sessionStorage.getItem("joined") && $("name").value) join($("name").value, $("room").value); // a reload
else $("name").focus();
