package lan

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"raftzab/bench/live/clock"
)

// Facts says what this machine can do for live runs. It takes a fifth of a second.
func Facts() []Fact {
	return []Fact{kernelFact(), switchFact(), tunFact(), userNamespaceFact(), congestionFact(), backoffFact(), realtimeFact(), timerFact(), quotaFact()}
}

func kernelFact() Fact {
	f := Fact{Name: "kernel", Meaning: "live runs need network and process namespaces and timerfd"}
	var u unix.Utsname
	unix.Uname(&u)
	f.State = "Linux " + unix.ByteSliceToString(u.Release[:])
	var missing []string
	for _, name := range []string{"net", "pid", "user", "mnt"} {
		if _, err := os.Stat("/proc/self/ns/" + name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		f.State += ", without namespaces of " + strings.Join(missing, ", ")
		f.Remedy = "take a kernel with CONFIG_NET_NS, CONFIG_PID_NS and CONFIG_USER_NS; every distribution's has them"
	}
	return f
}

func switchFact() Fact {
	f := Fact{Name: "faulty network", Meaning: "live runs on machines of their own, with delay, loss, partitions and power-off; without it only on the loopback interface"}
	var l *lack
	switch err := Possible(); {
	case errors.As(err, &l):
		f.State, f.Remedy = "impossible: "+l.what, l.remedy
	case err != nil:
		f.State = fmt.Sprintf("impossible: %v", err)
	case ours() == nil:
		f.State = "possible, as root"
	default:
		f.State = "possible, in user namespaces"
	}
	return f
}

func tunFact() Fact {
	f := Fact{Name: "/dev/net/tun", State: "opens", Meaning: "the cables of the faulty network"}
	if l := tunOpens(); l != nil {
		f.State, f.Remedy = l.what, l.remedy
	}
	return f
}

func userNamespaceFact() Fact {
	f := Fact{Name: "user namespaces", State: "can be made", Meaning: "the faulty network without root"}
	if l := userNamespaces(); l != nil {
		f.State, f.Remedy = l.what, l.remedy
	}
	return f
}

func congestionFact() Fact {
	f := Fact{Name: "congestion control", Meaning: "each machine of the faulty network gets reno, which every kernel has; the loopback interface has the default"}
	read := func(name string) string {
		text, _ := os.ReadFile("/proc/sys/net/ipv4/" + name)
		return strings.TrimSpace(string(text))
	}
	f.State = fmt.Sprintf("%s by default; open to users: %s", read("tcp_congestion_control"), read("tcp_allowed_congestion_control"))
	return f
}

func backoffFact() Fact {
	f := Fact{Name: "tcp_rto_max_ms", State: "there", Meaning: "bounds the back-off that outlasts a partition: 1 s, where the kernel lets it be set, and two minutes where not"}
	if _, err := os.Stat("/proc/sys/net/ipv4/tcp_rto_max_ms"); err != nil {
		f.State, f.Remedy = "not there", "Linux 6.15 or later has it; until then hold partitions short, for the first seconds after one are TCP's"
	}
	return f
}

func realtimeFact() Fact {
	f := Fact{Name: "SCHED_FIFO", State: "allowed", Meaning: "the switch is not kept waiting while the servers are busy"}
	if err := onThread(func() error { return hurry(dispatcherPriority) }); err != nil {
		f.State, f.Remedy = fmt.Sprintf("refused (%v)", err), "run as root; or watch the lateness in run.json"
	}
	return f
}

// Waits that the accuracy of timers is measured with.
const (
	waits   = 50
	waiting = 2 * time.Millisecond
)

func timerFact() Fact {
	f := Fact{Name: "exact timers", Meaning: "how late a delayed packet is, before the switch makes up for it: it wakes early and spins for the last 100 us"}
	var late []time.Duration
	err := onThread(func() error {
		hurry(dispatcherPriority)
		fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		var expirations [8]byte
		for range waits {
			due := clock.Monotonic() + int64(waiting)
			spec := unix.ItimerSpec{Value: unix.NsecToTimespec(due)}
			if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
				return err
			}
			if _, err := unix.Read(fd, expirations[:]); err == nil {
				late = append(late, time.Duration(clock.Monotonic()-due))
			}
		}
		return nil
	})
	if err != nil || len(late) == 0 {
		f.State, f.Remedy = fmt.Sprintf("none: %v", err), "see whether the kernel has CONFIG_TIMERFD"
		return f
	}
	slices.Sort(late)
	median := late[len(late)/2]
	f.State = fmt.Sprintf("a wait of %v is late by %v (median), %v (longest of %d)", waiting, median.Round(time.Microsecond), late[len(late)-1].Round(time.Microsecond), len(late))
	if median > early {
		f.Remedy = "use a kernel with CONFIG_HIGH_RES_TIMERS, keep other work off, or take delays of 5 ms and more"
	}
	return f
}
