// Package zookeeper answers how long a real ZooKeeper ensemble is without a
// leader, with the same eyes as for every other system: it is a bench.System
// over ZooKeeper's own servers, one JVM each, observers included, in real time.
// They live on a lan.Network: on machines of their own behind a faulty network,
// or on the loopback interface.
//
// What comes from where:
//
//   - Requests go through go-zookeeper/zk, one client pinned to one server for
//     each pair of session and server (session.go). A Put is a setData, and a
//     Get a getData, on a znode per key.
//   - Events and Status are read from the servers' logs, stamped when the line
//     arrives (log.go). "Peer state changed" names Zab's phases; the log's own
//     "LEADER ELECTION TOOK" covers fast leader election only and is known to
//     be wrong at times (ZOOKEEPER-3479), so nothing is made of it.
//   - What else a server says of itself, Ask asks it, from inside its machine.
//   - A crash is SIGKILL, a pause SIGSTOP (process_linux.go). The faults of the
//     links, and a machine that falls silent, are the network's: a LAN has them,
//     the loopback interface has not.
//
// A crash is noticed at once, whatever the tick, because the kernel closes the
// dead server's sockets; a machine that is off, or cut off, only after syncLimit
// ticks of silence. The floor of the vote is fast leader election's finalizeWait,
// 200 ms, which is a constant in ZooKeeper; now and then a second wait follows.
//
// After a partition two waits have grown with its length, and they decide how
// long its minority takes to come back: TCP's between retransmissions and fast
// leader election's between notifications. The first is the network's to bound,
// the second Config.Properties'. An observer may be later than any voter, since it
// can go back to a leader that is gone and has initLimit ticks to find out.
//
// The servers fsync (forceSync=yes), and what that costs is a property of the
// disk under Config.Dir: on a tmpfs it costs nothing.
//
// Debian's package zookeeper 3.8.0 with Java 17 is what this was tried with. An
// Apache release is used where ZOOKEEPER_HOME names one: its lib folder is the
// class path, and the configuration folder holds settings for both log4j and
// logback, since releases differ in what they log with. No release was at hand
// to try that.
package zookeeper
