// Package workload answers what clients ask a replicated service for, when and
// where, and what they are told. A Population is clients that decide and never
// wait: the same in virtual and in real time, for every system.
//
// In an open loop operations begin when they are due, whatever has become of those
// before, and their latency counts from then. So an outage weighs as heavily as it
// does on users who keep coming, and is not omitted because the clients wait
// it out (coordinated omission). In a closed loop each client asks when it has been
// answered: that finds out how much a service can do.
//
// Each client has two sessions, one for its reads and one for its writes, since a
// server answers a session in order. A session stays with its server until that
// one refuses, breaks the connection or says nothing for too long, and then moves to the next that
// it may attach itself to; all that it has under way there fails with a time-out. An operation that
// failed is not tried again, with one exception: a server that refuses for not being the leader
// and names it is a redirect. What comes to be is told to a Recorder, once for
// each operation.
package workload
