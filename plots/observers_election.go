package plots

import "raftzab/results"

// observerElections shows what they do to elections.
func observerElections(d *results.Data) (drawing, string, bool) {
	panels := observerElectionPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Time from the fault to a new leader that can commit, and election messages up to then (logarithmic), by the number of servers without a vote (Zab's observers, Raft's learners).")
	c.say("Messages to and from observers count: they look for the new leader too, and the leader may bring them level before it has a quorum.")
	c.observers(d, panels)
	return drawObservers(panels), c.String(), true
}

func observerElectionPanels(d *results.Data) []sweptPanel {
	return observerPanels(d, func(in string, s *settings) []measure {
		if s.Workload.Clients > 0 || len(s.Faults) == 0 {
			return nil
		}
		return []measure{
			{title: in + ": time to a new leader (ms)", of: func(t *results.Trial) results.Number { return t.ElectMS }},
			{title: in + ": election messages", log: true, of: func(t *results.Trial) results.Number { return t.Messages }},
		}
	})
}
