package zookeeper

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"raftzab/bench/live/lan"
	"raftzab/protocols"
)

// A Config describes an ensemble. The timeouts are ZooKeeper's own settings.
type Config struct {
	Network    lan.Network        // where the servers live; Close leaves it to its owner. Nil: a loopback of the ensemble's own
	Voters     int                // servers 1 to Voters,
	Observers  int                // and behind them those without a vote
	Absent     []protocols.NodeID // of all these, those that are not started until a restart
	Tick       time.Duration      // tickTime; whole milliseconds
	InitLimit  int                // ticks that a learner may take to connect and synchronise
	SyncLimit  int                // ticks of silence after which leader and learner give each other up
	Properties map[string]string  // Java's system properties: what ZooKeeper lets be set in no file, "zookeeper.fastleader.maxNotificationInterval"
	JVM        []string           // flags of the servers' JVMs; nil: those of small servers that start quickly
	Keys       int                // znodes, made by Start: keys 0 to Keys-1
	Dir        string             // where the servers keep their data; empty: a temporary folder, removed by Close
	Boot       time.Duration      // how long Start may take
}

func (c Config) members() int { return c.Voters + c.Observers }

// Default returns three voters with the timeouts of ZooKeeper's own sample
// configuration, zoo_sample.cfg.
func Default() Config {
	return Config{Voters: 3, Tick: 2 * time.Second, InitLimit: 10, SyncLimit: 5, Keys: 16, Boot: time.Minute}
}

// Validate reports what is wrong with c.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("zookeeper: "+format, args...))
		}
	}
	check(c.Voters >= 2, "%d voters; there are at least 2, since one alone elects nobody", c.Voters)
	check(c.Observers >= 0, "%d observers; there are none or more", c.Observers)
	check(c.members() <= lan.Most, "%d servers; there are at most %d", c.members(), lan.Most)
	check(c.Tick >= time.Millisecond && c.Tick%time.Millisecond == 0, "a tick of %v; tickTime is in whole milliseconds, from 1", c.Tick)
	check(c.InitLimit >= 1, "an initLimit of %d; it is at least 1", c.InitLimit)
	check(c.SyncLimit >= 1, "a syncLimit of %d; it is at least 1", c.SyncLimit)
	for name := range c.Properties {
		check(name != "" && !strings.ContainsAny(name, "= \t\n"), "a property named %q; a name has no space and no =", name)
	}
	check(c.Keys >= 1, "%d keys; there is at least one", c.Keys)
	check(c.Boot > 0, "%v for booting; it takes some time", c.Boot)
	return errors.Join(errs...)
}

// The ports that ZooKeeper's documentation has, for every server has an address
// of its own. All are below those that a kernel hands out: a client that keeps
// dialling a dead server would otherwise, sooner or later, be given the server's
// own port to dial from, connect to itself, and keep the server from coming back.
const (
	clientPort   = 2181
	quorumPort   = 2888
	electionPort = 3888
)

// The heap is small and compiled code simple, so that five servers fit beside
// the clients on two cores; a server needs 70 MB and a second to start.
var jvmFlags = []string{"-Xms32m", "-Xmx128m", "-Xss256k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
	"-XX:-UsePerfData", "-Xshare:auto", "-Dzookeeper.jmx.log4j.disable=true"}

// JVMFlags are those that every server runs under.
func (c Config) JVMFlags() []string {
	flags := slices.Clone(jvmFlags)
	if c.JVM != nil {
		flags = slices.Clone(c.JVM)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Properties)) {
		flags = append(flags, "-D"+name+"="+c.Properties[name])
	}
	return flags
}

// write makes the folder of server id and returns its zoo.cfg.
func (c Config) write(dir string, id protocols.NodeID, all []netip.Addr) (cfg string, err error) {
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		return "", err
	}
	cfg = filepath.Join(dir, "zoo.cfg")
	for name, text := range map[string]string{
		cfg:                                    c.text(dir, id, all),
		filepath.Join(dir, "data", "myid"):     fmt.Sprintln(id),
		filepath.Join(dir, "log4j.properties"): log4j,
		filepath.Join(dir, "logback.xml"):      logback,
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	return cfg, nil
}

// text is the zoo.cfg of server id.
func (c Config) text(dir string, id protocols.NodeID, all []netip.Addr) string {
	var b strings.Builder
	set := func(key string, value any) { fmt.Fprintf(&b, "%s=%v\n", key, value) }
	set("tickTime", c.Tick.Milliseconds())
	set("initLimit", c.InitLimit)
	set("syncLimit", c.SyncLimit)
	set("dataDir", filepath.Join(dir, "data"))
	set("clientPort", clientPort)
	set("clientPortAddress", all[id-1]) // the other two ports are bound to the server's own address below
	set("admin.enableServer", false)
	set("4lw.commands.whitelist", "*") // for Ask
	set("maxClientCnxns", 0)           // no limit: all clients come from one address
	set("forceSync", "yes")
	// The bounds of a session would follow the tick (2 and 20 of it), so that
	// a short tick, meant for the servers, would end the clients' sessions.
	set("minSessionTimeout", 1000)
	set("maxSessionTimeout", 2*sessionTimeout.Milliseconds())
	for k, address := range all {
		kind := ""
		if k >= c.Voters {
			kind = ":observer"
		}
		set(fmt.Sprintf("server.%d", k+1), fmt.Sprintf("%v:%d:%d%s", address, quorumPort, electionPort, kind))
	}
	if int(id) > c.Voters {
		set("peerType", "observer")
	}
	return b.String()
}

// Whichever of the two a release logs with: everything to stdout, except for a
// warning about each client that a server turns away while it has no leader.
// Pinned clients knock hundreds of times a second.
const (
	log4j = `log4j.rootLogger=INFO, CONSOLE
log4j.logger.org.apache.zookeeper.server.NIOServerCnxn=ERROR
log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender
log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout
log4j.appender.CONSOLE.layout.ConversionPattern=%d{ISO8601} %-5p [%t:%C{1}] - %m%n
`
	logback = `<configuration>
  <appender name="CONSOLE" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{ISO8601} %-5p [%t:%C{1}] - %m%n</pattern></encoder>
  </appender>
  <logger name="org.apache.zookeeper.server.NIOServerCnxn" level="ERROR"/>
  <root level="INFO"><appender-ref ref="CONSOLE"/></root>
</configuration>
`
)
