// Drawing: each panel is one SVG, drawn anew whenever the window of time moves.

const gutter = 132, right = 14, lane = 62, axis = 26, strip = 20;
const svgNS = "http://www.w3.org/2000/svg";

function el(name, attributes, parent, text) {
  const e = document.createElementNS(svgNS, name);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  if (text !== undefined) e.textContent = text;
  if (parent) parent.append(e);
  return e;
}

// ticks are round numbers between a and b, about as many as asked for.
function ticks(a, b, about) {
  const raw = (b - a) / about, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const all = [];
  for (let k = Math.ceil(a / step - 1e-9); k * step <= b + 1e-9; k++) all.push([k * step, (k * step).toFixed(digits).replace("-", "\u2212")]);
  return all;
}

class Drawing {
  constructor(panel, world, host) {
    this.panel = panel;
    this.world = world;
    this.rows = this.pack();
    this.top = strip * ((panel.marks.length > 1 ? 1 : 0) + this.rows) + 22;
    this.height = this.top + lane * (panel.nodes - 1) + 34 + axis;
    this.svg = el("svg", { class: "plot", height: this.height, role: "img", "aria-label": `${panel.title}: ${panel.nodes} nodes, ${panel.messages.length} messages` }, host);
    this.y = (node) => this.top + lane * (node - 1);
  }

  // pack puts faults that overlap in time into rows.
  pack() {
    const ends = [];
    for (const f of this.panel.faults) {
      let row = ends.findIndex((end) => end <= f.from_ms);
      if (row < 0) row = ends.length;
      ends[row] = f.to_ms;
      f.row = row;
    }
    return ends.length;
  }

  x(t) {
    const { a, b } = this.world.view;
    return gutter + ((t - a) / (b - a)) * (this.world.width - gutter - right);
  }

  seen(from, to) { return from <= this.world.view.b && to >= this.world.view.a; }

  draw() {
    const { svg, world } = this, clip = `clip-${world.id}-${this.panel.index}`;
    this.lines = [];
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${world.width} ${this.height}`);
    const defs = el("defs", {}, svg);
    el("rect", { x: gutter, y: 0, width: Math.max(1, world.width - gutter - right), height: this.height }, el("clipPath", { id: clip }, defs));
    const hatch = el("pattern", { id: clip + "-hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, defs);
    el("rect", { width: 6, height: 6, fill: "#e69f00" }, hatch);
    el("rect", { width: 2, height: 6, fill: "#fff", "fill-opacity": .75 }, hatch);
    const stop = el("pattern", { id: clip + "-stop", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(-45)" }, defs);
    el("rect", { width: 1.6, height: 7, fill: "#d55e00", "fill-opacity": .55 }, stop);
    this.hatch = `url(#${clip}-hatch)`;
    this.stop = `url(#${clip}-stop)`;
    const body = el("g", { "clip-path": `url(#${clip})` }, svg);
    this.drawAxis(svg, body);
    this.drawFaults(body);
    this.drawPhases(body);
    this.drawBars(body);
    this.drawMessages(body);
    this.drawStates(body);
    this.drawSigns(body);
    this.drawCursor(body);
    this.drawCards(svg);
    this.guide = el("line", { y1: 0, y2: this.height - axis, stroke: "#333", "stroke-dasharray": "2 3", visibility: "hidden" }, body);
  }

  drawAxis(svg, body) {
    const { a, b } = this.world.view, zero = this.world.zero, bottom = this.height - axis;
    const about = (this.world.width - gutter) / 95;
    for (const [t, label] of ticks(a - zero, b - zero, about)) {
      const x = this.x(t + zero);
      if (x < gutter - 1) continue;
      el("line", { x1: x, x2: x, y1: this.top - 14, y2: bottom, stroke: t === 0 ? "#999" : "#ececec" }, body);
      el("text", { x, y: bottom + 13, "font-size": 11, "text-anchor": "middle" }, svg, label);
    }
    el("text", { x: 2, y: bottom + 13, "font-size": 11, style: "fill:#666" }, svg, this.world.unit);
  }

  drawFaults(g) {
    const top = this.panel.marks.length > 1 ? strip : 0;
    for (const f of this.panel.faults) {
      if (!this.seen(f.from_ms, f.to_ms)) continue;
      const x = this.x(f.from_ms), w = Math.max(3, this.x(f.to_ms) - x), y = top + strip * f.row;
      const on = (f.nodes || []).length ? f.nodes : null;
      const mild = /^(clock|disk|link)/.test(f.text); // nobody is gone
      for (const n of (!mild && on) || []) el("rect", { x, y: this.y(n) - 22, width: w, height: 44, fill: "#d55e00", "fill-opacity": .08 }, g);
      if (!on && !mild) el("rect", { x, y: this.top - 16, width: w, height: this.height - axis - this.top + 16, fill: "#d55e00", "fill-opacity": .07 }, g);
      const band = el("rect", { x, y: y + 2, width: w, height: strip - 4, rx: 2, fill: "#fbe3d3", stroke: "#d55e00" }, g);
      el("title", {}, band, f.text);
      this.fit(g, Math.max(x, gutter) + 5, y + 14, Math.min(x + w, this.world.width - right) - 4, "\u26a1 fault: " + f.text, { "font-size": 11 });
      el("line", { x1: x, x2: x, y1: y + 2, y2: this.height - axis, stroke: "#d55e00", "stroke-width": 1.2, "stroke-dasharray": "5 3" }, g);
    }
  }

  drawPhases(g) {
    const marks = this.panel.marks;
    for (let i = 1; i < marks.length; i++) {
      const from = marks[i - 1].at_ms, to = marks[i].at_ms, x = this.x(from), w = Math.max(1, this.x(to) - x);
      if (!this.seen(from, to)) continue;
      const r = el("rect", { class: "phase", "data-from": from, "data-to": to, x, y: 1, width: w, height: strip - 3, rx: 2, fill: ["#e8e8e8", "#cfcfcf", "#b4b4b4"][i - 1], stroke: "#fff" }, g);
      const text = `${marks[i].name} ${(to - from).toFixed(1)} ms`;
      const wait = this.panel.header.protocol === "zab" && marks[i].name === "vote" ? "; a server whom a quorum agrees with waits for finalizeWait, in case a better vote is on its way" : "";
      el("title", {}, r, `${text}: ${phases[marks[i].name]}${wait}. Click to look closer.`);
      this.fit(g, Math.max(x, gutter) + 5, 14, Math.min(x + w, this.world.width - right) - 3, text, { "font-size": 11, "pointer-events": "none" });
      if (marks[i].name === "activate") {
        el("line", { x1: x + w, x2: x + w, y1: 0, y2: this.height - axis, stroke: "#000", "stroke-width": 1, "stroke-dasharray": "1 3" }, g);
        this.fit(g, Math.max(x + w, gutter) + 6, 14, this.world.width - right, `\u25c0 a new leader after ${(to - marks[0].at_ms).toFixed(1)} ms`, { "font-size": 11, "font-weight": 600 });
      }
    }
  }

  // fit writes text where there is room for it.
  fit(g, x, y, end, text, attributes) {
    if (width(text) > end - x) return null;
    return el("text", { x, y, ...attributes }, g, text);
  }

  bar(s) {
    const r = roles[s.state.role], x = this.x(s.from_ms);
    return { r, x, y: this.y(s.node), w: Math.max(1, this.x(s.to_ms) - x) };
  }

  drawBars(g) {
    for (let n = 1; n <= this.panel.nodes; n++) {
      const y = this.y(n);
      el("line", { x1: gutter, x2: this.world.width - right, y1: y, y2: y, stroke: "#aaa", "stroke-dasharray": "2 4" }, g);
    }
    for (const s of this.panel.states) {
      if (!this.seen(s.from_ms, s.to_ms)) continue;
      const { r, x, y, w } = this.bar(s);
      const bar = el("rect", { x, y: y - r.half, width: w, height: 2 * r.half, fill: s.state.role === "candidate" ? this.hatch : r.fill, stroke: r.fill }, g);
      if (!s.state.active && s.state.role !== "candidate") {
        bar.setAttribute("fill", "#fff");
        bar.setAttribute("stroke-width", 1.5);
      }
    }
  }

  // drawStates writes roles and terms, over the messages, and marks deaths and pauses.
  drawStates(g) {
    for (const s of this.panel.states) {
      if (!this.seen(s.from_ms, s.to_ms) || !(s.news || s.from_ms < this.world.view.a || s.state.role === "leader")) continue;
      const { r, x, y, w } = this.bar(s);
      const label = `${this.panel.epoch} ${s.state.epoch}`;
      const on = s.state.role === "leader";
      const from = Math.max(on && s.state.active ? x + 9 : x, gutter) + 4, end = Math.min(x + w, this.world.width - right);
      if (on) this.fit(g, from, y + 4, end, `${s.state.active ? "leader" : "elected"}, ${label}`, { "font-size": 11, "font-weight": 600, style: `fill:${s.state.active ? "#fff" : "#000"}` });
      else this.fit(g, from, y - r.half - 4, end, s.state.role === "candidate" ? `${s.state.role}, ${label}` : label, { "font-size": 10, class: "halo", style: "fill:#333" });
    }
    for (const e of this.panel.events) {
      if (e.kind === "stop" && this.seen(e.at_ms, e.at_ms)) {
        el("path", { d: "M-7-7 7 7M7-7-7 7", transform: `translate(${this.x(e.at_ms)} ${this.y(e.node)})`, stroke: "#d55e00", "stroke-width": 3.5, "stroke-linecap": "round" }, g);
      }
    }
    for (const f of this.panel.faults) {
      if (!f.text.startsWith("pause") || !this.seen(f.from_ms, f.to_ms)) continue;
      for (const n of f.nodes) el("rect", { x: this.x(f.from_ms), y: this.y(n) - 11, width: this.x(f.to_ms) - this.x(f.from_ms), height: 22, fill: this.stop }, g);
    }
  }

  drawSigns(g) {
    const ends = {};
    for (const e of this.panel.signs) {
      if (!this.seen(e.at_ms, e.at_ms) || this.world.hidden.has(e.type)) continue;
      const s = signs[e.type], x = this.x(e.at_ms), y = this.y(e.node);
      el("path", { d: s.path, transform: `translate(${x} ${y})`, fill: s.fill, stroke: "#000", "stroke-width": e.type === "CommitAdvanced" ? 0 : 1 }, g);
      this.lines.push({ e, x1: x, y1: y, x2: x, y2: y, reach: 8 });
      const at = e.type === "CommitAdvanced" ? 32 : 21;
      const text = e.type === "CommitAdvanced" ? `commit ${e.position}` : e.text.replace(" epoch ", ` ${this.panel.epoch} `);
      if (x > (ends[e.node + "," + at] || 0) && this.world.scale() > 12) {
        el("text", { x: x + 2, y: y + at, "font-size": 10, class: "halo" }, g, text);
        ends[e.node + "," + at] = x + width(text) + 6;
      }
    }
  }

  // path is where a message goes, from edge to edge of the two lines.
  path(m) {
    const x1 = this.x(m.at_ms), down = m.peer > m.node ? 1 : -1, y1 = this.y(m.node) + 4 * down;
    const end = this.y(m.peer) - 5 * down;
    if (m.received_ms !== undefined) return { x1, y1, x2: this.x(m.received_ms), y2: end, head: true };
    if (m.lost_ms > m.at_ms) return { x1, y1, x2: this.x(m.lost_ms), y2: end, lost: true };
    const y2 = y1 + (end - y1) * (m.lost ? .4 : .5); // lost on its way, or still on it
    return { x1, y1, x2: x1 + 12, y2, lost: !!m.lost };
  }

  drawMessages(g) {
    const shafts = {}, heads = {}, counts = {}, labels = [];
    let crosses = "";
    for (const m of this.panel.messages) {
      if (this.world.hidden.has(m.type)) continue;
      if (!this.seen(m.at_ms, m.received_ms || m.lost_ms || this.panel.to)) continue;
      const p = this.path(m);
      counts[m.type] = (counts[m.type] || 0) + 1;
      shafts[m.type] = (shafts[m.type] || "") + `M${f1(p.x1)} ${f1(p.y1)}L${f1(p.x2)} ${f1(p.y2)}`;
      if (p.head) heads[m.type] = (heads[m.type] || "") + head(p, 7, 3);
      if (p.lost) crosses += `M${f1(p.x2 - 4)} ${f1(p.y2 - 4)}l8 8m0-8l-8 8`;
      this.lines.push({ e: m, ...p, reach: 6 });
      labels.push([m, p]);
    }
    for (const type of this.panel.types) {
      if (!shafts[type]) continue;
      const [, colour, dash] = look(type);
      const opacity = Math.max(.15, Math.min(1, 150 / counts[type])); // where there are many, no single one is looked at
      el("path", { class: "messages", "data-type": type, d: shafts[type], stroke: colour, "stroke-dasharray": dash, "stroke-width": colour === chatter ? 1 : 1.4, fill: "none", opacity }, g);
      if (heads[type]) el("path", { d: heads[type], fill: colour, opacity }, g);
    }
    if (crosses) el("path", { d: crosses, stroke: "#d55e00", "stroke-width": 2, "stroke-linecap": "round" }, g);
    const taken = [];
    if (labels.length <= 80) for (const [m, p] of labels) this.label(g, m, p, taken);
  }

  // label writes a message's type along its arrow, where the arrow is long and flat enough.
  label(g, m, p, taken) {
    const dx = p.x2 - p.x1, dy = p.y2 - p.y1, length = Math.hypot(dx, dy);
    if (dx < 40 || length < width(m.type) + 30) return;
    const fits = (k) => !taken.some((t) => Math.abs(t.x - p.x1 - dx * k) < 44 && Math.abs(t.y - p.y1 - dy * k) < 15);
    const at = [.5, .35, .65, .25, .75].find(fits);
    if (!at) return;
    const x = p.x1 + dx * at, y = p.y1 + dy * at;
    taken.push({ x, y });
    el("text", { x, y: y - 3, "font-size": 10, "text-anchor": "middle", transform: `rotate(${(Math.atan2(dy, dx) * 180) / Math.PI} ${x} ${y})`, class: "halo", style: `fill:${look(m.type)[1]}` }, g, m.type);
  }

  // drawCursor veils what is still to come and stresses what the step is about.
  drawCursor(g) {
    const step = this.world.step();
    if (!step) return;
    const x = this.x(step.at), bottom = this.height - axis;
    if (x < this.world.width) el("rect", { x: Math.max(gutter, x), y: this.top - 16, width: Math.max(0, this.world.width - right - Math.max(gutter, x)), height: bottom - this.top + 16, fill: "#fff", "fill-opacity": .62 }, g);
    el("line", { class: "cursor", x1: x, x2: x, y1: this.top - 16, y2: bottom, stroke: "#000", "stroke-width": 1.5 }, g);
    if (step.panel !== this.panel) return;
    if (step.node) el("circle", { cx: x, cy: this.y(step.node), r: 13, fill: "none", stroke: "#000", "stroke-width": 2 }, g);
    for (const part of step.parts) {
      if (part.e.kind !== "message" || this.world.hidden.has(part.e.type)) continue;
      const p = this.path(part.e), colour = look(part.e.type)[1];
      el("path", { d: `M${p.x1} ${p.y1}L${p.x2} ${p.y2}`, stroke: "#fff", "stroke-width": 6 }, g);
      el("path", { class: "current", d: `M${p.x1} ${p.y1}L${p.x2} ${p.y2}`, stroke: colour, "stroke-width": 2.8, "stroke-dasharray": look(part.e.type)[2] }, g);
      if (p.head) el("path", { d: head(p, 11, 5), fill: colour }, g);
      if (p.lost) el("path", { d: `M${p.x2 - 5} ${p.y2 - 5}l10 10m0-10l-10 10`, stroke: "#d55e00", "stroke-width": 3 }, g);
    }
  }

  // drawCards says beside each line what its node is at the cursor.
  drawCards(svg) {
    const step = this.world.step();
    const order = step ? this.world.orderIn(this.panel) : this.world.firstOrder(this.panel);
    for (let n = 1; n <= this.panel.nodes; n++) {
      const s = this.panel.stateAt(n, order), r = roles[s.role], y = this.y(n);
      const g = el("g", { class: "node", "data-node": n, "data-role": s.role, "data-epoch": s.epoch, "data-leader": s.leader, "data-active": s.active }, svg);
      el("text", { x: 2, y: y + 6, "font-size": 17, "font-weight": 700 }, g, n);
      el("path", { d: r.icon, transform: `translate(32 ${y})`, fill: s.role === "down" ? "none" : s.active || s.role === "candidate" ? r.fill : "#fff", stroke: s.role === "down" ? r.fill : "#000", "stroke-width": s.role === "down" ? 3 : 1 }, g);
      el("text", { x: 46, y: y - 1, "font-size": 12, "font-weight": s.role === "leader" ? 700 : 400 }, g, s.role === "leader" && !s.active ? "elected" : s.role);
      el("text", { x: 46, y: y + 13, "font-size": 11, style: "fill:#555" }, g, s.role === "down" ? "" : `${this.panel.epoch} ${s.epoch}${s.leader && s.leader !== n ? ` \u00b7 of ${s.leader}` : ""}`);
    }
  }

  // nearest finds what is drawn closest to a point.
  nearest(x, y) {
    let best = null, least = Infinity;
    for (const l of this.lines) {
      const dx = l.x2 - l.x1, dy = l.y2 - l.y1, k = dx || dy ? Math.max(0, Math.min(1, ((x - l.x1) * dx + (y - l.y1) * dy) / (dx * dx + dy * dy))) : 0;
      const d = Math.hypot(x - l.x1 - k * dx, y - l.y1 - k * dy);
      if (d <= l.reach && d < least) [best, least] = [l.e, d];
    }
    return best;
  }
}

const phases = {
  detect: "from the fault to the first server giving the leader up",
  vote: "from there to somebody having won the vote",
  activate: "from there to the winner being able to commit",
};

const f1 = (v) => v.toFixed(1);

function head(p, long, wide) {
  const l = Math.hypot(p.x2 - p.x1, p.y2 - p.y1) || 1, ux = (p.x2 - p.x1) / l, uy = (p.y2 - p.y1) / l;
  const bx = p.x2 - ux * long, by = p.y2 - uy * long;
  return `M${f1(p.x2)} ${f1(p.y2)}L${f1(bx - uy * wide)} ${f1(by + ux * wide)}L${f1(bx + uy * wide)} ${f1(by - ux * wide)}Z`;
}

// width of a text of size 11, about.
const width = (text) => text.length * 6;
