package hashicorpnode

import "github.com/hashicorp/go-metrics"

// A sink takes what the library measures of itself, in the goroutine that
// measures: it measures an entry's commit right behind setting the commit index,
// and a RequestVote when it has answered it.
type sink struct {
	metrics.BlackholeSink
	t *teller
}

// listenTo has the library's telemetry come to t. It is one for all of a process.
func listenTo(t *teller) error {
	_, err := metrics.NewGlobal(&metrics.Config{FilterDefault: true}, &sink{t: t}) // true lets everything through
	return err
}

func (s *sink) AddSampleWithLabels(key []string, _ float32, _ []metrics.Label) {
	switch {
	case len(key) == 2 && key[1] == "commitTime":
		s.t.committed()
	case len(key) == 3 && key[2] == "requestVote":
		s.t.answered()
	}
}
