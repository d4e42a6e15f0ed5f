package trace

// A Field is a field of a line of JSON.
type Field struct {
	Name    string
	Kinds   []Kind // of the lines that may have it; none: all but the first
	Meaning string
}

// Fields are those of all lines but the first, in their order. Those that are
// empty or zero are left out. TestTheResultsPageHasTheFields copies them to
// results/README.md.
var Fields = []Field{
	{"order", nil, "counts what happens, from 1; of two things at one instant the one with the smaller number came first"},
	{"at_ms", nil, "when it happened; of a message, when it was sent"},
	{"kind", nil, "one of the kinds above"},
	{"node", []Kind{Boot, Stop, Changed, Replica, Message, Broken, Disk, Request, Reply}, "to whom it happened; of a message its sender; of a request or reply the server"},
	{"peer", []Kind{Replica, Message, Broken}, "the other node: of a message its receiver, of a vote whom it is for"},
	{"client", []Kind{Request, Reply}, "the client's session"},
	{"type", []Kind{Replica, Message, Fault}, "of a message its kind, as the protocol's paper or ZooKeeper calls it; of an event what a replica reports, for instance `Elected`; of a fault its kind"},
	{"epoch", []Kind{Replica}, "term or epoch of the event; in Zab's `RoundBegan`, `VoteCast`, `VoteRefused`, `Elected` and `WaitRestarted` the round (logicalclock)"},
	{"id", []Kind{Replica, Request, Reply}, "of a client's request: session.number"},
	{"position", []Kind{Replica}, "of the log: epoch.index"},
	{"state", []Kind{Changed}, "what the node now says of itself: `role`, `active` (it leads and may commit, or serves under a leader), `leader` (0: it knows of none), `epoch` (Raft's term), and `last` and `committed`, positions of its log"},
	{"text", []Kind{Boot, Stop, Replica, Message, Broken, Disk, Fault, Request, Reply}, "the whole of it, in words"},
	{"received_ms", []Kind{Message}, "when its receiver took it in; none: it was lost, or on its way when the trace ended"},
	{"lost_ms", []Kind{Message}, "when it was certain that nobody would"},
	{"lost", []Kind{Message}, "why"},
	{"arrived_order", []Kind{Message}, "the number, in the count of `order`, of its being received or lost"},
}

// Kinds are the kinds of lines behind the first.
var Kinds = []struct {
	Kind    Kind
	Meaning string
}{
	{Boot, "a life of a node begins"},
	{Stop, "it ends"},
	{Changed, "its role, its leader, its epoch or whether it serves has changed"},
	{Replica, "what a replica reports of itself"},
	{Message, "sent from one node to another, with what became of it"},
	{Broken, "a node learns that its stream with another broke"},
	{Disk, "an fsync has failed, or an image of the state is durable"},
	{Fault, "a fault strikes, or is mended"},
	{Request, "a client's request reaches a server"},
	{Reply, "a server's answer reaches its client"},
}
