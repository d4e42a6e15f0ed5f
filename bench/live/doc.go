// Package live answers what a cluster of real processes does, with the same eyes
// as for every other system: its Ensemble is a bench.System over node processes on
// a lan.Network, in real time.
//
// What comes from where:
//
//   - A node is a process that the caller's Program names and the network starts
//     (process.go). It tells over a pipe what it does, and is told over another
//     what to bend: neither is on the network, and no fault reaches them.
//   - Each pair of session and node has one TCP connection over the faulty network
//     (session.go). What is submitted while there is none is refused at once; whose
//     connection breaks before the answer, its fate is unknown. A closed door is
//     knocked at every 2 ms, by one session for all (door.go).
//   - A crash is SIGKILL, a pause SIGSTOP. For power-off the network silences the
//     machine first, so that not even the kernel of the dead can tell anybody.
//     The faults of links are the network's, those of disks and clocks the node's
//     own (inject.go).
//
// All instants are on CLOCK_MONOTONIC, which every process of the machine shares. A
// Handler sees two orders of time. Wake and Reply come when they come, and their
// instants never go back. Observe is given what the nodes have done with the nodes'
// own stamps, in the order of the stamps over all nodes; since their pipes are not
// equally quick, each waits until Config.Hold after its stamp (merge.go), and so may
// be told after a Wake or a Reply of a later instant. Status is that of the moment
// which Observe was last told of. What comes too late for its place is told at once,
// with its own stamp, and counted: see Observed.
package live
