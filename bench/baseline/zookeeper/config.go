package zookeeper

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"raftzab/protocols"
)

// A Config describes an ensemble. The timeouts are ZooKeeper's own settings.
type Config struct {
	Voters    int
	Tick      time.Duration // tickTime; whole milliseconds
	InitLimit int           // ticks that a follower may take to connect and synchronise
	SyncLimit int           // ticks of silence after which leader and follower give each other up
	Keys      int           // znodes, made by Start: keys 0 to Keys-1
	Dir       string        // where the servers live; empty: a temporary folder, removed by Close
	Boot      time.Duration // how long Start may take
}

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
	check(c.Voters >= 2 && c.Voters <= 255, "%d voters; there are 2 to 255, since one alone elects nobody", c.Voters)
	check(c.Tick >= time.Millisecond && c.Tick%time.Millisecond == 0, "a tick of %v; tickTime is in whole milliseconds, from 1", c.Tick)
	check(c.InitLimit >= 1, "an initLimit of %d; it is at least 1", c.InitLimit)
	check(c.SyncLimit >= 1, "a syncLimit of %d; it is at least 1", c.SyncLimit)
	check(c.Keys >= 1, "%d keys; there is at least one", c.Keys)
	check(c.Boot > 0, "%v for booting; it takes some time", c.Boot)
	return errors.Join(errs...)
}

// ports are one server's, all on 127.0.0.1.
type ports struct{ client, quorum, election int }

// write makes the folder of server id and returns its zoo.cfg.
func (c Config) write(dir string, id protocols.NodeID, all []ports) (cfg string, err error) {
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
func (c Config) text(dir string, id protocols.NodeID, all []ports) string {
	var b strings.Builder
	set := func(key string, value any) { fmt.Fprintf(&b, "%s=%v\n", key, value) }
	set("tickTime", c.Tick.Milliseconds())
	set("initLimit", c.InitLimit)
	set("syncLimit", c.SyncLimit)
	set("dataDir", filepath.Join(dir, "data"))
	set("clientPort", all[id-1].client)
	set("clientPortAddress", "127.0.0.1")
	set("admin.enableServer", false)
	set("maxClientCnxns", 0) // no limit: all clients come from one address
	set("forceSync", "yes")
	// The bounds of a session would follow the tick (2 and 20 of it), so that
	// a short tick, meant for the servers, would end the clients' sessions.
	set("minSessionTimeout", 1000)
	set("maxSessionTimeout", 2*sessionTimeout.Milliseconds())
	for k, p := range all {
		fmt.Fprintf(&b, "server.%d=127.0.0.1:%d:%d\n", k+1, p.quorum, p.election)
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
