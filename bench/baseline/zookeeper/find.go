package zookeeper

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"raftzab/bench/live/lan"
)

// How to get what Find looks for.
const remedy = "on Debian or Ubuntu: apt-get install -y zookeeper default-jre-headless\n" +
	"elsewhere: install Java and set ZOOKEEPER_HOME to an unpacked release of Apache ZooKeeper"

// Where Debian's packages put their jars.
const debianJars = "/usr/share/java"

// An Installation is a Java and a ZooKeeper that work together.
type Installation struct {
	Java      string   // the command
	ClassPath []string // without the folder of the logging configuration

	ZooKeeperVersion string // as ZooKeeper's VersionInfoMain tells it: "3.8.0"
	JavaVersion      string // as java -version tells it: "17.0.15"
}

// Version tells both versions, for a manifest.
func (i Installation) Version() string {
	return "zookeeper " + i.ZooKeeperVersion + ", java " + i.JavaVersion
}

// Find looks for Java in JAVA_HOME and on the PATH, and for ZooKeeper in
// ZOOKEEPER_HOME, if it is set, or where Debian's package puts it. It starts
// them once to ask for their versions, which takes half a second. The error
// says how to get what is missing.
func Find() (Installation, error) {
	i, noJava, noZooKeeper := look()
	for _, err := range []error{noJava, noZooKeeper} {
		if err != nil {
			return Installation{}, fmt.Errorf("zookeeper: %w\n%s", err, remedy)
		}
	}
	return i, nil
}

// Facts says what of it is there.
func Facts() []lan.Fact {
	i, noJava, noZooKeeper := look()
	java := lan.Fact{Name: "Java", State: i.JavaVersion, Meaning: "runs ZooKeeper, and nothing else needs it"}
	if noJava != nil {
		java.State, java.Remedy = noJava.Error(), remedy
	}
	zookeeper := lan.Fact{Name: "ZooKeeper", State: i.ZooKeeperVersion, Meaning: "the real one, which our Zab stands beside"}
	switch {
	case noZooKeeper != nil:
		zookeeper.State, zookeeper.Remedy = noZooKeeper.Error(), remedy
	case noJava != nil:
		zookeeper.State, zookeeper.Remedy = "cannot be started without Java", remedy
	}
	return []lan.Fact{java, zookeeper}
}

// look finds what there is. Without a Java, of ZooKeeper only its files are looked for.
func look() (i Installation, noJava, noZooKeeper error) {
	if !supported {
		err := fmt.Errorf("the servers can be run on Linux only, not on %s", runtime.GOOS)
		return i, err, err
	}
	var err error
	if i.Java, err = findJava(os.Getenv("JAVA_HOME")); err != nil {
		noJava = fmt.Errorf("no Java: %w", err)
	} else if out, err := exec.Command(i.Java, "-version").CombinedOutput(); err != nil {
		noJava = fmt.Errorf("%s -version: %w", i.Java, err)
	} else {
		i.JavaVersion, noJava = javaVersion(string(out))
	}
	if i.ClassPath, noZooKeeper = findJars(os.Getenv("ZOOKEEPER_HOME"), debianJars); noJava != nil || noZooKeeper != nil {
		return i, noJava, noZooKeeper
	}
	out, err := exec.Command(i.Java, "-cp", i.classPath(""), "org.apache.zookeeper.version.VersionInfoMain").CombinedOutput()
	if err != nil {
		return i, nil, fmt.Errorf("it does not start: %w: %s", err, firstLine(string(out)))
	}
	i.ZooKeeperVersion, noZooKeeper = zookeeperVersion(string(out))
	return i, nil, noZooKeeper
}

func findJava(home string) (string, error) {
	if home != "" {
		return exec.LookPath(filepath.Join(home, "bin", "java"))
	}
	return exec.LookPath("java")
}

// findJars returns the jars of the release in home, or those of Debian.
func findJars(home, debian string) ([]string, error) {
	if home != "" {
		jars, err := filepath.Glob(filepath.Join(home, "lib", "*.jar")) // sorted
		if err != nil {
			return nil, fmt.Errorf("ZOOKEEPER_HOME: %w", err)
		}
		for _, jar := range jars {
			if strings.HasPrefix(filepath.Base(jar), "zookeeper-") {
				return jars, nil
			}
		}
		return nil, fmt.Errorf("ZOOKEEPER_HOME is %s, but there is no lib/zookeeper-*.jar in it", home)
	}
	// zookeeper.jar names in its manifest all that it needs, except for a
	// binding of slf4j: without one there is no log, and so no event.
	jars := []string{"zookeeper.jar", "slf4j-log4j12.jar", "log4j-1.2.jar"}
	for k, jar := range jars {
		jars[k] = filepath.Join(debian, jar)
		if _, err := os.Stat(jars[k]); err != nil {
			return nil, fmt.Errorf("ZOOKEEPER_HOME is not set and there is no %s", jars[k])
		}
	}
	return jars, nil
}

// classPath joins the jars behind the folder of the logging configuration.
func (i Installation) classPath(conf string) string {
	parts := i.ClassPath
	if conf != "" {
		parts = append([]string{conf}, parts...)
	}
	return strings.Join(parts, string(os.PathListSeparator))
}

var (
	javaVersionText      = regexp.MustCompile(`version "([^"]+)"`)
	zookeeperVersionText = regexp.MustCompile(`version ([0-9][0-9.]*[0-9])`)
)

func javaVersion(out string) (string, error) {
	if m := javaVersionText.FindStringSubmatch(out); m != nil {
		return m[1], nil
	}
	return "", errors.New("java -version says no version: " + firstLine(out))
}

func zookeeperVersion(out string) (string, error) {
	if m := zookeeperVersionText.FindStringSubmatch(out); m != nil {
		return m[1], nil
	}
	return "", errors.New("VersionInfoMain says no version: " + firstLine(out))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
