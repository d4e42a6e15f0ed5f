package protocoltest

import (
	"strings"
	"testing"
)

func TestToyConforms(t *testing.T) {
	if err := Check(toyProtocol(""), 100); err != nil {
		t.Error(err)
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
	} {
		err := Check(toyProtocol(flaw), 200)
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %.300v; want %q in it", flaw, err, reason)
		}
	}
}
