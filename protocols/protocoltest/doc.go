// Package protocoltest answers two questions about a protocol: what happens in
// it, step by step, and does it keep the promises of protocols.Replica?
//
// # Conversations
//
// A conversation is a text file of commands and of what came of them, after
// the testdata of etcd-io/raft. It is test, documentation and record of
// behaviour in one: raft/testdata and zab/testdata tell the same stories in
// files of the same name. Converse plays them; with the flag -rewrite of the
// test binary it writes down what came out instead of comparing it:
//
//	go test ./raft ./zab -run Conversation -rewrite
//
// One block is one or more commands, a line "----", and the output up to the
// next blank line. Lines that begin with # are comments.
//
//	ensemble 5 [seed=1] [delay=5ms] [fsync=1ms]   five empty nodes boot
//	advance 150ms            time passes: messages, disks and timers do their part
//	settle                   time passes until for one second no node has left an event, written or answered; at most 10s
//	timeout 2                node 2's next deadline is now: its own clock jumps there, once and for all
//	deliver 1->2 [3]         what is under way from 1 to 2 arrives, or only the first 3 of it
//	drop 1->2                what is under way from 1 to 2 is lost; their connection breaks, and both will be told
//	persist 2                the disk of 2 has done what it was asked to so far
//	crash 1 [keep=1]         the process dies; of the writes under way the first one is done all the same; peers are told
//	power-off 1 [keep=1]     the same, and nobody is told until it comes back
//	restart 1                it starts again from its disk
//	partition 1,2 | 3,4,5    no traffic between the groups; a node in no group is alone
//	heal                     every partition ends
//	propose 1 x=7            a client asks node 1 to set x; values may be words: name=bob
//	read 2 x [leader]        a client asks node 2 for x, in another mode than local
//	status                   what each node says of itself
//	log                      each node's log; | stands behind what it knows to be committed, * behind what its disk has not done
//	trace quiet              from here on, print only what clients see;
//	trace story              or elections, roles, phases, commits and truncations too, as at first;
//	trace messages           or each message that arrives and each fsync besides
//
// A node is given by its number or as @leader (the active leader of the
// greatest epoch, or else whoever takes itself for it), @follower1, @follower2,
// … (the other running nodes, by number), @down (those that do not run), @rest
// (those that the command has not named), or * (all). Commas make lists. A
// common story uses only such names and no command about single messages, so
// that one text fits every protocol.
//
// Without advance and settle nothing arrives, no disk is done and no timer runs
// out unless a command says so. Channels are streams, as in TCP: in order, and
// what meets a partition waits for its end. A crash loses what was on its way to
// the node; what the node had sent arrives, and behind it the news that the
// connection broke. Requests go to the nodes directly: clients are not cut off.
//
// Events of one instant that differ only in the node share a line.
//
// # Conformance
//
// Conform drives a protocol at random, by seeds, and checks what the contract
// promises: see laws.go for the list.
package protocoltest
