// Package protocoltest answers two questions about a protocol: what happens in
// it, step by step, and does it keep the promises of protocols.Replica?
//
// # Conversations
//
// A conversation is a text file of commands and of what came of them, after
// the testdata of etcd-io/raft. It is test, documentation and record of
// behaviour in one: raft/testdata and zab/testdata tell the same stories in
// files of the same name. Play plays one, for tests (Converse) and for runs with
// mode = "conversation". With the flag -rewrite tests write down what came out
// instead of comparing it:
//
//	go test ./raft ./zab -run Conversation -rewrite
//
// One block is one or more commands, a line "----", and the output up to the
// next blank line. Lines that begin with # are comments.
//
//	ensemble 5 [key=value …]  five empty nodes boot; the keys are
//	    seed=1 delay=5ms fsync=1ms   of the world: these are what they are without
//	    learners=2 (or observers=2)  nodes behind the voters, here 6 and 7, that receive and count for nothing
//	    channel=datagram             instead of stream
//	    images=5                     each node makes a snapshot every five entries
//	    stopped                      the nodes do not boot yet
//	    anything else                an option of the protocol; a bare word means word=true
//	history 1: 1 1 4         before node 1 has booted: its log has entries of these epochs; 1 x=7 4 says what one sets
//	term 1=8                 (or epoch) likewise: its disk is in term 8, where the log alone says 4
//	boot 1                   it starts for the first time
//
//	advance 150ms            time passes: messages, disks and timers do their part
//	settle                   time passes until for one second no node has left an event, written or answered; at most 10s
//	timeout 2                node 2's next deadline is now: its own clock jumps there, once and for all
//	clock 2 +500ms           its own clock jumps by that much;
//	clock 2 x1.5             or runs half as fast again from here on
//
//	deliver 1->2 [3]         what is under way from 1 to 2 arrives, or only the first 3 of it
//	drop 1->2                what is under way from 1 to 2 is lost; a stream breaks, and both will be told
//	duplicate 1->2 [3]       datagrams: what is under way arrives, and stays under way as well
//	reorder 1->2             datagrams: of what is under way the last comes first
//	partition 1,2 | 3,4,5    no traffic between the groups; a node in no group is alone, and one in two talks to both
//	cut 1->2                 nothing passes from 1 to 2 any more
//	heal [1->2]              every partition and cut ends, or that one
//
//	persist 2                the disk of 2 has done what it was asked to so far
//	compact 2                node 2 makes a snapshot of its present state, durable at once, and its replica hears of it
//	crash 1 [keep=1]         the process dies; of the writes under way the first one is done all the same; peers are told
//	power-off 1 [keep=1]     the same, and nobody is told until it comes back
//	restart 1                it starts again from its disk
//	pause 1                  it lives and does nothing: what comes to it, its timers and its disk wait
//	resume 1                 it goes on, with all that at once
//
//	propose 1 x=7            a client asks node 1 to set x; values may be words: name=bob
//	read 2 x [index]         a client asks node 2 for x: local, leader, index, lease or sync
//	… as=bob#1               either of the two, as request 1 of client bob: the same once more is a retry;
//	                         the answer says how often the key has been written
//	transfer 1 3             node 1 is asked to hand its leadership to 3
//
//	status                   what each node says of itself
//	log                      each node's log; | stands behind what it knows to be committed, * behind what its disk has not
//	                         done; [1.5] is its snapshot, below which the log may keep some entries
//	trace quiet              from here on, print only what clients see;
//	trace story              or elections, roles, phases, commits, truncations and snapshots too, as at first;
//	trace messages           or each message that arrives and each fsync besides
//
// A node is given by its number or as @leader (the active leader of the
// greatest epoch, or else whoever takes itself for it), @follower1, @follower2,
// … (the other running voters, by number), @observer1, … (running observers),
// @down (those that do not run), @rest (those that the command has not named),
// or * (all). Commas make lists. A common story uses only such names and no
// command about single messages, so that one text fits every protocol.
//
// Without advance and settle nothing arrives, no disk is done and no timer runs
// out unless a command says so. Streams are as in TCP: in order, and what meets
// a partition waits for its end. A crash loses what was on its way to the node;
// what the node had sent arrives, and behind it the news that the connection
// broke. Datagrams arrive each by its own delay; one that meets a partition, or
// a node that is down, is lost, and nobody hears of it. Requests go to the nodes
// directly: clients are not cut off.
//
// Events of one instant that differ only in the node share a line.
//
// # Conformance
//
// Conform drives a protocol at random, by seeds, and checks what the contract
// promises: see laws.go and Check for the lists. What a protocol can do beyond
// the least (reads, observers, datagrams, options) it says in its Protocol, and
// is then driven with.
package protocoltest
