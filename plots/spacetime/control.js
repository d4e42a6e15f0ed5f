// The world of one diagram: its window of time, its cursor, and who moves them.

class World {
  constructor(section, panels) {
    this.section = section;
    this.id = document.querySelectorAll("section.spacetime").length; // of the sections so far
    this.panels = panels;
    this.from = Math.min(...panels.map((p) => p.from));
    this.to = Math.max(...panels.map((p) => p.to));
    const begins = panels.map((p) => (p.marks.length ? p.marks[0].at_ms : NaN));
    this.zero = begins.every((b) => b === begins[0] && b > 0) ? begins[0] : 0;
    this.unit = this.zero ? "ms since the fault" : "ms of the run";
    this.view = { a: this.from, b: this.to };
    this.hidden = new Set();
    this.only = "all";
    this.at = -1;
    this.build();
    this.list();
    new ResizeObserver(() => this.resize()).observe(section);
    this.resize();
  }

  // list gathers the steps of which something is shown.
  list() {
    const now = this.step();
    const shown = (s) => s.parts.some((p) => !(p.e.kind === "message" || p.e.kind === "event") || !this.hidden.has(p.e.type));
    this.steps = this.panels.filter((p) => this.only === "all" || this.only === String(p.index)).flatMap((p) => p.steps.filter(shown));
    this.steps.sort((a, b) => a.at - b.at || a.panel.index - b.panel.index || a.order - b.order);
    this.at = now ? this.steps.findLastIndex((s) => s.at < now.at || s === now || (s.at === now.at && s.panel === now.panel && s.order <= now.order)) : -1;
  }

  step() { return this.steps && this.at >= 0 ? this.steps[this.at] : null; }

  // orderIn is up to where a panel's events have happened at the cursor.
  orderIn(panel) {
    const now = this.step();
    let order = this.firstOrder(panel);
    for (const s of panel.steps) if (s.at < now.at || (s.at === now.at && (s.panel !== now.panel || s.order <= now.order))) order = s.parts[s.parts.length - 1].order;
    return order;
  }

  firstOrder(panel) { return panel.steps.length ? panel.steps[0].order - 1 : Infinity; }

  scale() { return (this.width - gutter - right) / (this.view.b - this.view.a); } // pixels a millisecond

  build() {
    const make = (name, attributes = {}, parent = this.section, text) => {
      const e = document.createElement(name);
      for (const k in attributes) e.setAttribute(k, attributes[k]);
      if (text !== undefined) e.textContent = text;
      parent.append(e);
      return e;
    };
    const bar = make("div", { class: "bar", role: "toolbar", "aria-label": "Steps and zoom" });
    const group = () => make("span", { class: "group" }, bar);
    const button = (g, name, label, text, act) => (make("button", { type: "button", name, title: label, "aria-label": label }, g, text).onclick = act);
    let g = group();
    button(g, "first", "To the beginning (Home)", "|\u25c0", () => this.go(-1));
    button(g, "back", "Step back (\u2190)", "\u25c0 step", () => this.go(this.at - 1));
    button(g, "forward", "Step forward (\u2192)", "step \u25b6", () => this.go(this.at + 1));
    g = group();
    button(g, "previous", "To the turn before: a fault, a change of role, term or leader (\u2191)", "\u25c0\u25c0 turn", () => this.turn(-1));
    button(g, "next", "To the next turn: a fault, a change of role, term or leader (\u2193)", "turn \u25b6\u25b6", () => this.turn(1));
    button(g, "play", "Play (space)", "play", () => this.play());
    this.counter = make("span", { class: "count" }, bar);
    g = group();
    button(g, "out", "Zoom out (\u2212)", "\u2212", () => this.zoom(1.6));
    button(g, "in", "Zoom in (+)", "+", () => this.zoom(1 / 1.6));
    button(g, "fit", "Show everything (0)", "all", () => this.show(this.from, this.to));
    if (this.panels[0].marks.length > 1) button(g, "election", "Show the election (e)", "election", () => this.election());
    if (this.panels.length > 1) {
      const label = make("label", {}, bar, "step through ");
      const select = make("select", { name: "only" }, label);
      make("option", { value: "all" }, select, "all");
      for (const p of this.panels) make("option", { value: p.index }, select, p.title);
      select.onchange = () => { this.only = select.value; this.list(); this.draw(); };
    }
    const hint = make("span", { class: "hint" }, bar);
    hint.innerHTML = "<kbd>\u2190</kbd> <kbd>\u2192</kbd> step \u00b7 <kbd>\u2191</kbd> <kbd>\u2193</kbd> turn \u00b7 click, then wheel to zoom \u00b7 drag to move";
    this.now = make("div", { class: "now", role: "status", "aria-live": "polite" });
    this.legend(make("div", { class: "legend", "aria-label": "Legend" }), make);
    this.drawings = this.panels.map((p) => {
      const box = make("div", { class: "panel" });
      const head = make("div", { class: "head" }, box);
      make("h3", {}, head, p.title);
      this.filters(head, p, make);
      const d = new Drawing(p, this, box);
      this.listen(d);
      return d;
    });
    this.tip = make("div", { class: "tip", hidden: "" });
    this.section.addEventListener("keydown", (e) => this.key(e));
  }

  legend(host, make) {
    const entry = (text, draw) => {
      const span = make("span", {}, host);
      const svg = el("svg", { width: 24, height: 18, viewBox: "-12 -9 24 18", style: "width:24px" }, span);
      draw(svg);
      span.append(text);
    };
    const bar = (r, attributes) => (s) => el("rect", { x: -11, y: -r.half, width: 22, height: 2 * r.half, fill: r.fill, stroke: r.fill, ...attributes }, s);
    entry("leader, active", bar(roles.leader));
    entry("elected, not yet active", bar(roles.leader, { fill: "#fff", "stroke-width": 1.5 }));
    entry("candidate, looking", (s) => { bar(roles.candidate)(s); for (const x of [-7, -1, 5]) el("path", { d: `M${x} 6l5-12`, stroke: "#fff", "stroke-width": 1.6 }, s); });
    entry("follower", bar(roles.follower));
    entry("follower that does not serve yet", bar(roles.follower, { fill: "#fff", "stroke-width": 1.5 }));
    entry("process stops", (s) => el("path", { d: "M-6-6 6 6M6-6-6 6", stroke: "#d55e00", "stroke-width": 3 }, s));
    entry("lost", (s) => el("path", { d: "M-4-4 4 4M4-4-4 4", stroke: "#d55e00", "stroke-width": 2 }, s));
    for (const k of ["RoundBegan", "VoteCast", "VoteRefused", "Elected", "Activated", "CommitAdvanced"]) {
      if (this.panels.some((p) => p.signs.some((e) => e.type === k))) entry(signs[k].word, (s) => el("path", { d: signs[k].path, fill: signs[k].fill, stroke: "#000", "stroke-width": k === "CommitAdvanced" ? 0 : 1, transform: k === "CommitAdvanced" ? "translate(0 -11)" : "" }, s));
    }
  }

  filters(host, p, make) {
    const set = make("fieldset", {}, host);
    make("legend", {}, set, "show");
    const box = (type, n, draw) => {
      const label = make("label", {}, set);
      const input = make("input", { type: "checkbox", checked: "", "data-type": type }, label);
      const svg = el("svg", { width: 26, height: 10, viewBox: "0 0 26 10", style: "width:26px" }, label);
      draw(svg);
      label.append(type === "CommitAdvanced" ? "commits" : type);
      make("small", {}, label, n);
      input.onchange = () => {
        this.hidden[input.checked ? "delete" : "add"](type);
        for (const other of this.section.querySelectorAll(`input[data-type="${type}"]`)) other.checked = input.checked;
        this.list();
        this.draw();
      };
    };
    for (const type of p.types) {
      const [, colour, dash] = look(type);
      box(type, p.count(type), (s) => { el("path", { d: "M1 5H20", stroke: colour, "stroke-width": 2, "stroke-dasharray": dash }, s); el("path", { d: "M25 5 18 1.5V8.5Z", fill: colour }, s); });
    }
    const commits = p.signs.filter((e) => e.type === "CommitAdvanced").length;
    if (commits) box("CommitAdvanced", commits, (s) => el("path", { d: "M13 1v8", stroke: "#000", "stroke-width": 2 }, s));
  }

  listen(d) {
    const svg = d.svg;
    const time = (e) => {
      const r = svg.getBoundingClientRect();
      return this.view.a + ((e.clientX - r.left) * (this.width / r.width) - gutter) / this.scale();
    };
    svg.addEventListener("wheel", (e) => {
      if (!this.section.contains(document.activeElement) && !e.ctrlKey) return; // the page scrolls
      e.preventDefault();
      if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) this.pan(((e.deltaX || e.deltaY) / this.scale()));
      else this.zoom(Math.exp(Math.max(-1, Math.min(1, e.deltaY / 300))), time(e));
    }, { passive: false });
    let from = null;
    svg.addEventListener("pointerdown", (e) => { if (e.button === 0) { from = { x: e.clientX, a: this.view.a, moved: false, e }; this.section.focus({ preventScroll: true }); } });
    svg.addEventListener("pointermove", (e) => {
      if (from && (from.moved || Math.abs(e.clientX - from.x) > 4)) {
        if (!from.moved) svg.setPointerCapture(e.pointerId);
        from.moved = true;
        svg.classList.add("drag");
        const wide = this.view.b - this.view.a;
        this.show(from.a - (e.clientX - from.x) / this.scale(), from.a - (e.clientX - from.x) / this.scale() + wide);
      } else this.hover(d, e, time(e));
    });
    const end = (e) => {
      if (from && !from.moved && e.type === "pointerup") this.click(d, e);
      from = null;
      svg.classList.remove("drag");
    };
    svg.addEventListener("pointerup", end);
    svg.addEventListener("pointercancel", end);
    svg.addEventListener("pointerleave", () => this.hover(d, null));
    svg.addEventListener("dblclick", (e) => this.zoom(.5, time(e)));
  }

  // click looks closer at a phase, or goes to the step of what is there.
  click(d, e) {
    const data = e.target.dataset;
    if (e.target.classList.contains("phase")) {
      const a = +data.from, b = +data.to, room = (b - a) * .12 + 1;
      this.show(a - room, b + room);
      return;
    }
    const found = this.under(d, e);
    if (found) {
      const i = this.steps.findIndex((s) => s.panel === d.panel && s.parts.some((p) => p.e === found));
      if (i >= 0) this.go(i);
    }
  }

  under(d, e) {
    const r = d.svg.getBoundingClientRect(), k = this.width / r.width;
    return d.nearest((e.clientX - r.left) * k, (e.clientY - r.top) * k);
  }

  hover(d, e, t) {
    for (const other of this.drawings) {
      if (!other.guide) continue;
      other.guide.setAttribute("visibility", e && t >= this.view.a ? "visible" : "hidden");
      if (e) for (const k of ["x1", "x2"]) other.guide.setAttribute(k, d.x(t));
    }
    const found = e && this.under(d, e);
    this.tip.hidden = !found;
    if (!found) return;
    this.tip.textContent = this.describe(found);
    this.tip.style.left = Math.min(e.clientX + 14, innerWidth - this.tip.offsetWidth - 8) + "px";
    this.tip.style.top = Math.min(e.clientY + 14, innerHeight - this.tip.offsetHeight - 8) + "px";
  }

  describe(e) {
    if (e.kind !== "message") return `node ${e.node}: ${e.text}\n${this.clock(e.at_ms)}`;
    const fate = e.received_ms !== undefined ? `received ${this.clock(e.received_ms)}, after ${(e.received_ms - e.at_ms).toFixed(3)} ms` : e.lost ? `lost: ${e.lost}` : "still on its way at the end";
    return `${e.node} \u2192 ${e.peer}   ${e.text}\nsent ${this.clock(e.at_ms)}\n${fate}`;
  }

  clock(t) {
    const d = t - this.zero;
    return `${this.zero ? (d < 0 ? "\u2212" : "+") : ""}${Math.abs(d).toFixed(3)} ms`;
  }

  key(e) {
    if (e.target.tagName === "SELECT" || e.ctrlKey || e.altKey || e.metaKey) return;
    const act = { ArrowRight: () => this.go(this.at + 1), ArrowLeft: () => this.go(this.at - 1), ArrowDown: () => this.turn(1), ArrowUp: () => this.turn(-1), Home: () => this.go(-1), End: () => this.go(this.steps.length - 1), "+": () => this.zoom(1 / 1.6), "=": () => this.zoom(1 / 1.6), "-": () => this.zoom(1.6), 0: () => this.show(this.from, this.to), e: () => this.election() }[e.key];
    if (act) act();
    else if (e.key === " " && e.target === this.section) this.play();
    else return;
    e.preventDefault();
  }

  go(i) {
    this.at = Math.max(-1, Math.min(this.steps.length - 1, i));
    const now = this.step(), { a, b } = this.view;
    if (now && (now.at < a || now.at > b - (b - a) * .05)) this.show(now.at - (b - a) * .3, now.at + (b - a) * .7);
    else if (!now && this.from < a) this.show(this.from, this.from + b - a);
    this.draw();
  }

  turn(by) {
    let i = this.at + by;
    while (i >= 0 && i < this.steps.length && !this.steps[i].turn) i += by;
    this.go(i);
  }

  play() {
    const button = this.section.querySelector("button[name=play]");
    const stop = () => { clearInterval(this.timer); this.timer = 0; button.textContent = "play"; button.setAttribute("aria-pressed", false); };
    if (this.timer) return stop();
    button.textContent = "stop";
    button.setAttribute("aria-pressed", true);
    this.timer = setInterval(() => { if (this.at >= this.steps.length - 1) stop(); else this.go(this.at + 1); }, 700);
  }

  zoom(by, around = this.step() ? this.step().at : (this.view.a + this.view.b) / 2) {
    const { a, b } = this.view;
    const about = around >= a && around <= b ? around : (a + b) / 2;
    this.show(about - (about - a) * by, about + (b - about) * by);
  }

  pan(by) { this.show(this.view.a + by, this.view.b + by); }

  election() {
    const marks = this.panels.flatMap((p) => p.marks.map((m) => m.at_ms));
    if (marks.length) this.show(Math.min(...marks) - 10, Math.max(...marks) + 30);
  }

  // show moves the window, within what there is, down to a microsecond.
  show(a, b) {
    const wide = Math.max(.001, Math.min(b - a, this.to - this.from));
    a = Math.max(this.from, Math.min(a, this.to - wide));
    this.view = { a, b: a + wide };
    this.draw();
  }

  resize() {
    const w = this.drawings[0].svg.parentNode.clientWidth;
    if (w && w !== this.width) { this.width = w; this.draw(); }
  }

  draw() {
    if (!this.width || this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      for (const d of this.drawings) d.draw();
      this.tellNow();
    });
  }

  tellNow() {
    const s = this.step();
    this.section.dataset.step = this.at + 1;
    this.section.dataset.steps = this.steps.length;
    this.section.dataset.from = this.view.a;
    this.section.dataset.to = this.view.b;
    this.counter.textContent = `step ${this.at + 1} of ${this.steps.length}`;
    if (this.at === this.told) return;
    this.told = this.at;
    this.now.replaceChildren();
    const b = document.createElement("b"), ul = document.createElement("ul");
    if (!s) {
      b.textContent = "Before the first step.";
      this.now.append(b, " A step is what one node does at one instant: what reaches it, and what it does about that.");
      return;
    }
    b.textContent = `${this.clock(s.at)} \u00b7 ${this.panels.length > 1 ? s.panel.title + " \u00b7 " : ""}${s.node ? "node " + s.node : "all"}`;
    for (const line of tell(s)) ul.append(Object.assign(document.createElement("li"), { textContent: line }));
    this.now.append(b, ul);
  }
}

const section = document.currentScript.closest("section");
section.world = new World(section, JSON.parse(section.querySelector('script[type="application/json"]').textContent).map((d, i) => new Panel(d, i)));
