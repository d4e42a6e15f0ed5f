// What the traces say, in the form in which it is drawn and told.

// A step is what one node does at one instant: an input (a message, a fault, an
// alarm) with all that follows from it there.
class Panel {
  constructor(data, index) {
    Object.assign(this, data, { index });
    this.nodes = data.header.voters + data.header.observers;
    this.from = data.header.from_ms;
    this.to = data.header.to_ms;
    this.marks = data.header.marks;
    this.messages = this.events.filter((e) => e.kind === "message");
    this.types = [...new Set(this.messages.map((m) => m.type))].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
    this.count = (type) => this.messages.filter((m) => m.type === type).length;
    this.states = this.spans.filter((s) => s.kind === "state");
    this.lives = this.spans.filter((s) => s.kind === "boot");
    this.stops = this.events.filter((e) => e.kind === "stop");
    this.faults = this.spans.filter((s) => s.kind === "fault");
    const before = [];
    for (const s of this.states) { // news: what the state before did not say
      s.state = this.events[s.event].state;
      const was = before[s.node];
      s.news = !was || was.to_ms < s.from_ms || was.state.epoch !== s.state.epoch || was.state.role !== s.state.role;
      before[s.node] = s;
    }
    for (const s of this.faults) s.text = this.events[s.event].text;
    this.signs = this.events.filter((e) => e.kind === "event" && signs[e.type] && e.at_ms >= this.from);
    this.steps = this.group();
  }

  group() {
    const parts = [];
    for (const e of this.events) {
      if (e.kind === "message") {
        if (e.at_ms >= this.from) parts.push({ order: e.order, at: e.at_ms, node: e.node, e, what: "send" });
        if (e.received_ms <= this.to) parts.push({ order: e.arrived_order, at: e.received_ms, node: e.peer, e, what: "receive" });
      } else if (e.at_ms >= this.from && !quiet.has(e.type)) {
        parts.push({ order: e.order, at: e.at_ms, node: e.node || 0, e, what: e.kind });
      }
    }
    parts.sort((a, b) => a.order - b.order);
    const steps = [];
    for (const p of parts) {
      const last = steps[steps.length - 1];
      if (last && last.at === p.at && last.node === p.node && p.what !== "receive" && p.what !== "request") last.parts.push(p);
      else steps.push({ panel: this, at: p.at, node: p.node, order: p.order, parts: [p] });
    }
    for (const s of steps) s.turn = s.parts.some((p) => turns.has(p.what) || turns.has(p.e.type));
    return steps;
  }

  // stateAt is what a node is once everything up to an order has happened.
  stateAt(node, order) {
    const upTo = (spans) => spans.filter((s) => s.node === node && this.events[s.event].order <= order).pop();
    const life = upTo(this.lives);
    const stop = this.stops.filter((e) => e.node === node && e.order <= order).pop();
    const state = upTo(this.states);
    const up = !!life && !(stop && stop.order > this.events[life.event].order);
    return { up, ...(up && state ? state.state : { role: "down", epoch: state ? state.state.epoch : 0, leader: 0, active: false }) };
  }
}

// quiet are events that something else says as well, or that say little.
const quiet = new Set(["RoleChanged", "Applied", "Proposed"]);

// turns are what changes the story.
const turns = new Set(["fault", "stop", "boot", "state", "Elected", "Activated"]);

// Signs of events on a node's line: a path around 0, 0, its fill, and a word.
const signs = {
  RoundBegan: { path: "M0-6 6 0 0 6-6 0Z", fill: "#e69f00", word: "stands" },
  VoteCast: { path: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z", fill: "#0072b2", word: "votes" },
  VoteRefused: { path: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z", fill: "#fff", word: "refuses" },
  Elected: { path: "M0-8 2.1-2.8 7.6-2.5 3.4 1.1 4.7 6.5 0 3.5-4.7 6.5-3.4 1.1-7.6-2.5-2.1-2.8Z", fill: "#f0e442", word: "elected" },
  Activated: { path: "M-6-7 7 0-6 7Z", fill: "#000", word: "active" },
  CommitAdvanced: { path: "M-1 8h2v7h-2Z", fill: "#000", word: "commit" },
};

const chatter = "#949494"; // what leaders and followers say all the time

// How messages are drawn, by what their type says; the first that fits.
const looks = [
  [/^(NOTIFICATION|(Pre|Request)?Vote$|PreVote$|RequestVote$|Msg(Pre)?Vote$)/, "#0072b2", ""],
  [/Vote.*(Resp|Response)$/, "#0072b2", "6 3"],
  [/^(PING|.*Heartbeat$)/, chatter, ""],
  [/Heartbeat.*Resp/, chatter, "6 3"],
  [/^(FOLLOWERINFO|OBSERVERINFO|LEADERINFO)/, "#9c4f79", ""],
  [/^ACKEPOCH/, "#9c4f79", "6 3"],
  [/^(DIFF|TRUNC|SNAP|NEWLEADER|UPTODATE|InstallSnapshot$)/, "#009e73", ""],
  [/^(ACK-NEWLEADER|InstallSnapshotResponse)/, "#009e73", "6 3"],
  [/^(PROPOSAL|AppendEntriesData$|AppData$)/, "#000", ""],
  [/^(ACK$|AppendEntriesDataResponse|AppDataResp)/, "#000", "6 3"],
  [/^(COMMIT|INFORM)/, "#000", "2 2"],
  [/^(AppendEntries|App)$/, chatter, ""],
  [/^(AppendEntries|App)/, chatter, "6 3"],
  [/./, "#9c4f79", "2 2"],
];
const rank = (type) => looks.findIndex((l) => l[0].test(type));
const look = (type) => looks[rank(type)];

// How roles are drawn: colour, half the height of the bar, and a shape for cards.
const roles = {
  leader: { fill: "#009e73", half: 9, icon: "M0-7 2-2 7-4 5 5-5 5-7-4-2-2Z" },
  candidate: { fill: "#e69f00", half: 6, icon: "M0-6 6 0 0 6-6 0Z" },
  follower: { fill: "#56b4e9", half: 3.5, icon: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z" },
  observer: { fill: "#999", half: 3.5, icon: "M-5-5h10v10h-10Z" },
  down: { fill: "#d55e00", half: 0, icon: "M-5-5 5 5M5-5-5 5" },
};

// tell says what a step is, part by part; messages of one kind share a line.
function tell(step) {
  const lines = [];
  const word = step.panel.epoch;
  for (const p of step.parts) {
    const e = p.e;
    if (p.what === "send") {
      const same = lines.find((l) => l.text === e.text);
      const to = `${e.peer}${e.lost ? ` (lost: ${e.lost})` : ""}`;
      if (same) same.to.push(to);
      else lines.push({ text: e.text, to: [to] });
    } else if (p.what === "receive") lines.push(`receives from ${e.node}: ${e.text}`);
    else if (p.what === "fault") lines.push(`fault: ${e.text}`);
    else if (p.what === "state") lines.push(`is now ${article(e.state)} ${word} ${e.state.epoch}${e.state.role === "leader" ? "" : e.state.leader ? `, led by ${e.state.leader}${e.state.active ? "" : ", and does not serve yet"}` : ", without a leader"}`);
    else if (p.what === "request") lines.push(`receives from client ${e.client}: ${e.text}`);
    else if (p.what === "reply") lines.push(`its answer reaches client ${e.client}: ${e.text}`);
    else if (e.type === "CommitAdvanced") lines.push(`knows that the log is committed up to ${e.position}`);
    else if (p.what === "event") lines.push(e.text.replace(" epoch ", ` ${word} `));
    else lines.push(e.text);
  }
  lines.sort((a, b) => !!a.to - !!b.to); // what it does follows from what it has become
  return lines.map((l) => (l.to ? `sends to ${l.to.join(", ")}: ${l.text}` : l));
}

function article(s) {
  if (s.role === "leader") return s.active ? "the active leader of" : "the elected leader, who may not commit yet, in";
  return `${s.role === "observer" ? "an" : "a"} ${s.role} in`;
}
