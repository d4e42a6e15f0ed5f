// Package zookeeper answers how long a real ZooKeeper ensemble is without a
// leader, with the same eyes as for every other system: it is a bench.System
// over ZooKeeper's own servers, one JVM each, on the loopback interface and in
// real time.
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
//   - A crash is SIGKILL, a pause SIGSTOP (process_linux.go). Loopback has no
//     switch to cut: PowerOff and the faults of the network are not supported.
//
// A crash on loopback is noticed at once, whatever the tick, because the kernel
// closes the dead server's sockets. The floor of the vote is fast leader
// election's finalizeWait, 200 ms, which is a constant in ZooKeeper; now and
// then a second wait follows.
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
