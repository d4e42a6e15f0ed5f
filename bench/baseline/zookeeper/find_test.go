package zookeeper

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"raftzab/bench/live/lan"
	"raftzab/protocols"
)

func touch(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClassPathIsTheLibFolderOfZookeeperHome(t *testing.T) {
	home, debian := t.TempDir(), t.TempDir()
	touch(t, filepath.Join(home, "lib", "zookeeper-3.9.3.jar"), filepath.Join(home, "lib", "logback-core-1.2.13.jar"),
		filepath.Join(home, "lib", "README"), filepath.Join(debian, "zookeeper.jar"))
	got, err := findJars(home, debian)
	want := []string{filepath.Join(home, "lib", "logback-core-1.2.13.jar"), filepath.Join(home, "lib", "zookeeper-3.9.3.jar")}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	inst := Installation{ClassPath: got}
	if got, want := inst.classPath("/conf"), strings.Join(append([]string{"/conf"}, want...), string(os.PathListSeparator)); got != want {
		t.Errorf("class path %s, want %s", got, want)
	}
	if len(inst.ClassPath) != 2 || inst.ClassPath[0] != want[0] {
		t.Errorf("the installation has become %v", inst.ClassPath)
	}
}

func TestClassPathOfDebianHasTheLogBinding(t *testing.T) {
	debian := t.TempDir()
	touch(t, filepath.Join(debian, "zookeeper.jar"), filepath.Join(debian, "slf4j-log4j12.jar"), filepath.Join(debian, "log4j-1.2.jar"))
	got, err := findJars("", debian)
	if err != nil || len(got) != 3 || filepath.Base(got[1]) != "slf4j-log4j12.jar" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestMissingJarsAreNamed(t *testing.T) {
	empty := t.TempDir()
	if _, err := findJars("", empty); err == nil || !strings.Contains(err.Error(), filepath.Join(empty, "zookeeper.jar")) {
		t.Errorf("Debian: %v", err)
	}
	if _, err := findJars(empty, empty); err == nil || !strings.Contains(err.Error(), "ZOOKEEPER_HOME is "+empty) {
		t.Errorf("ZOOKEEPER_HOME: %v", err)
	}
}

func TestFindSaysInTwoLinesHowToGetWhatIsMissing(t *testing.T) {
	if !supported {
		t.Skip("on Linux only")
	}
	t.Setenv("JAVA_HOME", t.TempDir())
	_, err := Find()
	if err == nil {
		t.Fatal("found Java in an empty JAVA_HOME")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], "apt-get install -y zookeeper") || !strings.Contains(lines[2], "ZOOKEEPER_HOME") {
		t.Errorf("%v", err)
	}
}

func TestVersionsAreReadFromWhatTheProgramsPrint(t *testing.T) {
	const java = "openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment (build 17.0.15+6-Debian-1deb12u1)\n"
	const zk = "Apache ZooKeeper, version 3.8.0- 2024-06-16 10:20 UTC\n"
	if v, err := javaVersion(java); v != "17.0.15" || err != nil {
		t.Errorf("java: %q, %v", v, err)
	}
	if v, err := zookeeperVersion(zk); v != "3.8.0" || err != nil {
		t.Errorf("zookeeper: %q, %v", v, err)
	}
	if _, err := zookeeperVersion("Error: Could not find or load main class\n"); err == nil {
		t.Error("an error message has a version")
	}
}

func TestConfigurationHasTheTimeoutsAndSyncs(t *testing.T) {
	c := Default()
	c.Tick, c.InitLimit, c.SyncLimit = 45*time.Millisecond, 20, 5
	text := c.text("/d", 2, addresses(3))
	for _, want := range []string{"tickTime=45\n", "initLimit=20\n", "syncLimit=5\n", "forceSync=yes\n", "clientPort=2181\n", "clientPortAddress=127.9.8.2\n",
		"minSessionTimeout=1000\n", "maxSessionTimeout=20000\n", "server.1=127.9.8.1:2888:3888\n", "server.3=127.9.8.3:2888:3888\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	for name, spoil := range map[string]func(*Config){
		"one voter":            func(c *Config) { c.Voters = 1 },
		"a tick of 1.5 ms":     func(c *Config) { c.Tick = 1500 * time.Microsecond },
		"no tick":              func(c *Config) { c.Tick = 0 },
		"no initLimit":         func(c *Config) { c.InitLimit = 0 },
		"a negative syncLimit": func(c *Config) { c.SyncLimit = -1 },
		"no keys":              func(c *Config) { c.Keys = 0 },
		"too many servers":     func(c *Config) { c.Voters, c.Observers = lan.Most, 1 },
		"minus one observer":   func(c *Config) { c.Observers = -1 },
		"a property with a =":  func(c *Config) { c.Properties = map[string]string{"x=y": "1"} },
	} {
		c := Default()
		if spoil(&c); c.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func addresses(n int) (all []netip.Addr) {
	for id := 1; id <= n; id++ {
		all = append(all, netip.AddrFrom4([4]byte{127, 9, 8, byte(id)}))
	}
	return all
}

func TestObserversAreNamedInEveryConfigurationAndKnowWhatTheyAre(t *testing.T) {
	c := Default()
	c.Observers = 1
	for id := protocols.NodeID(1); id <= 4; id++ {
		text := c.text("/d", id, addresses(4))
		if !strings.Contains(text, "server.3=127.9.8.3:2888:3888\n") || !strings.Contains(text, "server.4=127.9.8.4:2888:3888:observer\n") ||
			strings.Contains(text, "peerType=observer\n") != (id == 4) {
			t.Errorf("server %d has\n%s", id, text)
		}
	}
}

func TestPropertiesAreJavasInOneOrder(t *testing.T) {
	c := Default()
	c.Properties = map[string]string{"zookeeper.snapCount": "10", "zookeeper.fastleader.maxNotificationInterval": "500"}
	flags := c.JVMFlags()
	want := []string{"-Dzookeeper.fastleader.maxNotificationInterval=500", "-Dzookeeper.snapCount=10"}
	if got := flags[len(jvmFlags):]; !slices.Equal(got, want) || !slices.Equal(flags[:len(jvmFlags)], jvmFlags) {
		t.Errorf("%q", flags)
	}
}

func TestFactsSayWhatIsMissingAndHowToGetIt(t *testing.T) {
	if !supported {
		t.Skip("on Linux only")
	}
	t.Setenv("JAVA_HOME", t.TempDir())
	t.Setenv("ZOOKEEPER_HOME", t.TempDir())
	facts := Facts()
	for i, want := range []string{"no Java: ", "ZOOKEEPER_HOME is "} {
		if f := facts[i]; !strings.HasPrefix(f.State, want) || f.Meaning == "" || f.Remedy != remedy {
			t.Errorf("%+v, want %q and the remedy", f, want)
		}
	}
	os.Unsetenv("ZOOKEEPER_HOME")
	if f := Facts()[1]; f.Remedy != remedy { // with its files or without
		t.Errorf("ZooKeeper without Java: %+v", f)
	}
}
