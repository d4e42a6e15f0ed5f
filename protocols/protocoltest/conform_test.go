package protocoltest

import (
	"strings"
	"testing"
)

func TestToyConforms(t *testing.T) {
	seen, err := check(toyProtocol(""), 150)
	if err != nil {
		t.Error(err)
	}
	t.Log(seen)
	// What has not come about has proved nothing.
	if len(seen.variants) != 3 || seen.observed < 50 || seen.unordered < 30 || seen.restored < 30 || seen.transfers < 100 || seen.fresh < 100 {
		t.Errorf("the driving proves little: %v", seen)
	}
}

// Each way to break the contract is noticed, and for its own reason.
func TestEachBreachIsNoticed(t *testing.T) {
	for flaw, reason := range map[string]string{
		"is not deterministic":                     "two outputs",
		"keeps what it was lent":                   "two outputs",
		"acts when woken early":                    "before its deadline",
		"asks for the past":                        "wants to be woken",
		"forgets its deadline":                     "leaves Wake as it was",
		"counts writes by two":                     "follows write",
		"keeps what it has not got":                "which its log does not have",
		"does not tell of its log":                 "its writes say",
		"delivers twice":                           "delivers",
		"leaves one out":                           "delivers",
		"rewrites a cell":                          "have become",
		"acknowledges before it is durable":        "on 1 disks",
		"counts its own copy before it is durable": "disks of",
		"commits without a majority":               "on 1 disks",
		"does not answer":                          "has not answered",
		"answers twice":                            "which nobody waits for",
		"refuses what it has ordered":              "which was refused",
		"trusts the order of datagrams":            "disks of",
		"counts an observer":                       "disks of",
		"reads what is old":                        "it misses a write",
		"has its log begin behind its snapshot":    "behind its snapshot",
		"goes back to an older snapshot":           "goes back",
		"sends a snapshot before the last":         "its last write names",
		"sends a snapshot that it has not got":     "which it does not have",
		"sends more than there is":                 "of the snapshot",
		"installs before all is there":             "of which not all is here",
		"goes back to the leader's snapshot":       "it has delivered up to",
		"restores before it is durable":            "durable are the writes",
		"delivers while it installs":               "delivers",
		"forgets to restore":                       "delivers",
	} {
		err := Check(toyProtocol(flaw), 200)
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %.300v; want %q in it", flaw, err, reason)
		}
	}
}
