'use strict';
// One page, no dependencies: a stream of samples, kept for five minutes, drawn on canvases; every number stands beside its chart as text.
(() => {
  const SPAN = 5 * 60 * 1000;
  const $ = (id) => document.getElementById(id);
  const samples = [];
  let newest = null;

  // --- numbers with units

  const num = (v, digits) => v.toLocaleString('en', { maximumFractionDigits: digits });
  function scaled(v, base, units) {
    let i = 0;
    while (Math.abs(v) >= base && i < units.length - 1) { v /= base; i++; }
    return num(v, v >= 100 || i === 0 && Number.isInteger(v) ? 0 : 1) + units[i];
  }
  const count = (v) => v == null ? '–' : Math.abs(v) < 10000 ? num(v, v < 10 ? 1 : 0) : scaled(v, 1000, ['', ' k', ' M', ' G']);
  const bytes = (v) => v == null ? '–' : scaled(v, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB']);
  const perSecond = (v) => v == null ? '–' : bytes(v) + '/s';
  const percent = (v) => v == null ? '–' : num(v * 100, v < 0.1 ? 1 : 0) + ' %';
  function millis(v) {
    if (v == null) return '–';
    if (v < 1) return num(v * 1000, 0) + ' µs';
    if (v < 1000) return num(v, v < 10 ? 1 : 0) + ' ms';
    return num(v / 1000, 1) + ' s';
  }
  function uptime(ms) {
    const s = Math.floor(ms / 1000), d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
    return d ? d + ' d ' + h + ' h' : h ? h + ' h ' + m + ' min' : m ? m + ' min ' + s % 60 + ' s' : s + ' s';
  }

  // --- charts

  const charts = [
    { id: 'rps', title: 'Requests per second', unit: count, series: [['all', 1, (s) => s.rps], ['4xx', 3, (s) => s.s4xx], ['5xx and lost', 4, (s) => s.s5xx]] },
    { id: 'latency', title: 'Latency (log scale)', unit: millis, log: true, series: [['p50', 2, (s) => s.p50], ['p90', 3, (s) => s.p90], ['p99', 4, (s) => s.p99]] },
    { id: 'busy', title: 'Loop utilisation', unit: percent, max: 1, loops: true, series: [] },
    { id: 'bytes', title: 'Bytes on the wire', unit: perSecond, binary: true, series: [['in', 2, (s) => s.in], ['out', 1, (s) => s.out]] },
    { id: 'conns', title: 'Connections', unit: count, series: [['open', 1, (s) => s.conns], ['in flight', 5, (s) => s.inflight]] },
    { id: 'stalls', title: 'Stalls per second', unit: count, bars: true, series: [['handlers over the limit', 4, (s) => s.stalls]] },
  ];
  let colors = {};

  function readColors() {
    const css = getComputedStyle(document.documentElement);
    for (const k of ['grid', 'quiet', 's1', 's2', 's3', 's4', 's5', 's6']) colors[k] = css.getPropertyValue('--' + k).trim();
  }

  function element(tag, props, ...children) {
    const e = Object.assign(document.createElement(tag), props);
    e.append(...children);
    return e;
  }

  function build() {
    for (const c of charts) {
      c.canvas = element('canvas');
      c.canvas.setAttribute('role', 'img');
      c.legend = element('ul', { className: 'legend' });
      $('charts').append(element('section', { className: 'card', id: 'chart-' + c.id },
        element('div', { className: 'head' }, element('h2', { textContent: c.title }), c.legend), c.canvas));
    }
  }

  function legend(c, now) {
    const words = [];
    const items = c.series.map(([name, color, value]) => {
      const text = c.unit(value(now));
      words.push(name + ' ' + text);
      return element('li', {}, element('i', { className: 'c' + color }), name + ' ', element('b', { textContent: text }));
    });
    if (c.loops && now.busy.length > 1) {
      const skew = Math.max(...now.busy) - Math.min(...now.busy);
      words.push('skew ' + percent(skew));
      items.push(element('li', {}, 'skew ', element('b', { textContent: percent(skew) })));
    }
    c.legend.replaceChildren(...items);
    c.canvas.setAttribute('aria-label', c.title + ', last five minutes. Now: ' + words.join(', '));
  }

  // step is a round distance between ticks: 1, 2 or 5 times a power of ten, or a power of two for bytes.
  function step(max, binary) {
    const rough = max / 3;
    if (binary) return Math.max(1, 2 ** Math.ceil(Math.log2(rough)));
    const p = 10 ** Math.floor(Math.log10(rough));
    for (const m of [1, 2, 5, 10]) if (m * p >= rough) return m * p;
  }

  function scale(c, top, bottom, height) {
    if (c.log) {
      const lo = Math.floor(Math.log10(Math.max(bottom, 0.001))), hi = Math.max(Math.ceil(Math.log10(Math.max(top, 0.002))), lo + 1);
      const ticks = [];
      for (let e = lo; e <= hi; e++) ticks.push(10 ** e);
      return { ticks, y: (v) => height - (Math.log10(Math.max(v, 10 ** lo)) - lo) / (hi - lo) * height };
    }
    const max = c.max || Math.max(top, c.binary ? 1024 : 4);
    const d = c.max ? 0.25 : step(max, c.binary), ticks = [], end = c.max || Math.ceil(max / d) * d;
    for (let v = 0; v <= end + d / 100; v += d) ticks.push(v);
    return { ticks, y: (v) => height - v / end * height };
  }

  function draw(c, now) {
    const ratio = window.devicePixelRatio || 1, w = c.canvas.clientWidth, h = c.canvas.clientHeight;
    if (!w || !h) return;
    if (c.canvas.width !== Math.round(w * ratio) || c.canvas.height !== Math.round(h * ratio)) {
      c.canvas.width = Math.round(w * ratio);
      c.canvas.height = Math.round(h * ratio);
    }
    const g = c.canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, w, h);
    g.font = '11px system-ui, "DejaVu Sans", sans-serif';
    let top = 0, bottom = Infinity;
    for (const s of samples) for (const [, , value] of c.series) {
      const v = value(s);
      if (v == null) continue;
      top = Math.max(top, v);
      bottom = Math.min(bottom, v);
    }
    const pad = { top: 8, bottom: 18, right: 6 }, height = h - pad.top - pad.bottom;
    const sc = scale(c, top, bottom, height);
    const labels = sc.ticks.map((v) => c.unit(v));
    const left = Math.ceil(Math.max(...labels.map((l) => g.measureText(l).width))) + 8, width = w - left - pad.right;
    const end = newest.t, span = Math.min(SPAN, Math.max(60000, end - samples[0].t));
    const x = (t) => left + width * (1 - (end - t) / span), y = (v) => pad.top + sc.y(v);
    g.lineWidth = 1;
    g.strokeStyle = colors.grid;
    g.fillStyle = colors.quiet;
    g.textAlign = 'right';
    g.textBaseline = 'middle';
    sc.ticks.forEach((v, i) => {
      const at = Math.round(y(v)) + 0.5;
      g.beginPath();
      g.moveTo(left, at);
      g.lineTo(w - pad.right, at);
      g.stroke();
      g.fillText(labels[i], left - 6, at);
    });
    g.textBaseline = 'alphabetic';
    const tick = span <= 90000 ? 15 : span <= 180000 ? 30 : 60; // seconds
    for (let at = 0; at * 1000 <= span; at += tick) {
      const px = x(end - at * 1000), last = at > 0 && px - left < 20;
      g.textAlign = at === 0 ? 'right' : last ? 'left' : 'center';
      g.fillText(at === 0 ? 'now' : at % 60 ? '−' + at + ' s' : '−' + at / 60 + ' min', at === 0 ? w - pad.right : px, h - 4);
    }
    g.save();
    g.beginPath();
    g.rect(left, 0, width + pad.right, h);
    g.clip();
    for (const [, color, value] of c.series) c.bars ? bars(g, value, colors['s' + color], x, y) : line(g, value, colors['s' + color], x, y);
    g.restore();
  }

  function line(g, value, color, x, y) {
    g.strokeStyle = g.fillStyle = color;
    g.lineWidth = 1.5;
    g.lineJoin = 'round';
    g.beginPath();
    let before = null, dots = [];
    for (const s of samples) {
      const v = value(s);
      if (v == null) { before = null; continue; }
      if (before !== null && s.t - before < 5000) { g.lineTo(x(s.t), y(v)); dots.pop(); } else g.moveTo(x(s.t), y(v));
      dots.push([x(s.t), y(v)]);
      before = s.t;
    }
    g.stroke();
    for (const [px, py] of dots) { // the end of each stretch, and samples that stand alone
      g.beginPath();
      g.arc(px, py, 2, 0, 7);
      g.fill();
    }
  }

  function bars(g, value, color, x, y) {
    g.fillStyle = color;
    for (const s of samples) {
      const v = value(s), h = y(0) - y(v);
      if (v > 0) g.fillRect(x(s.t) - 1.5, y(v), 3, Math.max(h, 1));
    }
  }

  // --- tables

  function rows(id, all, cells, none) {
    const body = $(id).tBodies[0];
    if (!all || !all.length) {
      body.replaceChildren(element('tr', {}, element('td', { className: 'none', colSpan: 7, textContent: none })));
      return;
    }
    body.replaceChildren(...all.map((r) => element('tr', {}, ...cells(r).map((c) => c instanceof Node ? c : element('td', { textContent: c, title: c })))));
  }

  function bar(share) {
    const fill = element('div');
    fill.style.width = share * 100 + '%';
    return element('td', { className: 'bar', ariaHidden: 'true' }, element('div', {}, fill));
  }

  function withBars(id, all, none) {
    const most = Math.max(1, ...(all || []).map((r) => r.n));
    rows(id, all, (r) => [r.name.replaceAll('_', ' '), bar(r.n / most), count(r.n)], none);
  }

  function tables(s) {
    rows('routes', s.routes, (r) => [r.route, millis(r.mean), millis(r.max), count(r.n), element('td', { textContent: count(r.errors), className: r.errors ? 'hot' : '' })], 'no request had a route yet');
    withBars('reasons', s.reasons, 'none has closed yet');
    withBars('refused', s.refused, 'none');
    withBars('states', s.states && Object.entries(s.states).map(([name, n]) => ({ name, n })), 'none');
    rows('loops', s.loops && s.loops.map((l, i) => ({ ...l, i })), (l) => [String(l.i), percent(s.busy[l.i]), count(l.conns), count(l.reads), count(l.writes), element('td', { textContent: count(l.stalls), className: l.stalls ? 'hot' : '' }), l.longest ? millis(l.longest) : '–'], 'none');
  }

  function sections(all) {
    all.forEach((s, i) => {
      const id = 'section-' + i;
      if (!$(id)) {
        const head = element('tr', {}, ...s.columns.map((c) => element('th', { scope: 'col', textContent: c })));
        $('sections').append(element('section', { className: 'card wide' }, element('h2', { textContent: s.name }),
          element('div', { className: 'scroll' }, element('table', { id }, element('thead', {}, head), element('tbody')))));
      }
      rows(id, s.rows, (r) => r.map((c) => typeof c === 'number' ? count(c) : c), 'none');
    });
  }

  // --- the page

  function value(id, text) {
    const at = text.indexOf(' ');
    $(id).replaceChildren(at < 0 ? text : text.slice(0, at), ...(at < 0 ? [] : [element('small', { textContent: text.slice(at + 1) })]));
  }

  function show() {
    const s = newest;
    value('v-conns', count(s.conns));
    value('v-rps', count(s.rps));
    value('v-p50', millis(s.p50));
    value('v-p99', millis(s.p99));
    value('v-inflight', count(s.inflight));
    value('v-errors', count(s.s5xx));
    value('v-busy', percent(Math.max(0, ...s.busy)));
    $('uptime').textContent = uptime(s.up);
    $('heap').textContent = bytes(s.heap);
    $('requests').textContent = s.requests;
    if (s.goroutines) $('goroutines').textContent = num(s.goroutines, 0);
    if (s.loops) {
      value('v-stalls', count(s.loops.reduce((n, l) => n + l.stalls, 0)));
      tables(s);
      sections(s.sections || []);
    }
    for (const c of charts) {
      if (c.loops && c.series.length !== s.busy.length) c.series = s.busy.map((_, i) => ['loop ' + i, i % 6 + 1, (one) => one.busy[i]]);
      legend(c, s);
      draw(c, s);
    }
  }

  let pending = false;
  function later() { // a burst of history is drawn once
    if (pending) return;
    pending = true;
    setTimeout(() => { pending = false; if (newest) show(); }, 0);
  }

  function state(kind, text) {
    $('status').className = kind;
    $('status-text').textContent = text;
  }

  function take(message) {
    const s = JSON.parse(message.data);
    if (newest && s.t <= newest.t) return; // history that we have
    newest = s;
    samples.push(s);
    while (samples.length && samples[0].t < s.t - SPAN) samples.shift();
    state('live', 'live');
    later();
  }

  readColors();
  build();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { readColors(); later(); });
  addEventListener('resize', later);
  const source = new EventSource('events');
  source.onmessage = take;
  source.onerror = () => state('lost', source.readyState === EventSource.CLOSED ? 'closed: reload the page' : 'lost, connecting again');
})();
