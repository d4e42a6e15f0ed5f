// Package results holds what experiments leave behind: rows of trials, the
// files they stand in, and what is said of each column.
package results

import (
	"math"
	"reflect"
)

// A Setting is a swept key and the value that a cell gives it, as text without
// quotes; empty where the key does not govern the cell's system.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// An Outcome says how a trial ended.
type Outcome string

const (
	OK       Outcome = "ok"
	Censored Outcome = "censored" // the limit came first: what was not reached is empty
	Violated Outcome = "violated" // an invariant was broken
	Failed   Outcome = "failed"   // the world failed the trial: it holds no measurement
)

// How things stood when a trial that was watched for a stated time ended.
const (
	Stable   = "stable"
	Livelock = "livelock"
	Deadlock = "deadlock"
)

// What a client was told of a write.
const (
	Acknowledged = "acknowledged"
	Refused      = "refused"
	Unknown      = "unknown" // perhaps it has had its effect, or will have
	Unanswered   = "unanswered"
)

// A Number is a measured value; NaN is one that the system cannot give, or that
// was not reached, and an empty field in a file.
type Number float64

// None is the Number that is not there.
var None = Number(math.NaN())

// A Trial is one row of a trials file. Durations are in milliseconds. The tags
// name the columns and say what they hold: the data dictionary is made of them.
// A column with the tag asked is in the files of those scenarios only that ask
// for it.
type Trial struct {
	Scenario       string    `csv:"scenario" doc:"name of the scenario, as of its folder"`
	Case           string    `csv:"case" doc:"name of the case; empty where the scenario has none; in mode conversation, the name of the text"`
	Mode           string    `csv:"mode" doc:"sim (virtual time), live (real processes) or conversation (a text that is played)"`
	System         string    `csv:"system" doc:"raft, zab, etcd, hashicorp or zookeeper"`
	Swept          []Setting `csv:"*" doc:"one column per swept key, named as the key; empty where the key does not govern the system"`
	Trial          int       `csv:"trial" doc:"from 0; the same number is the same seed in every system"`
	Seed           uint64    `csv:"seed" doc:"seed of the run; a trial is determined by seed and trial"`
	Outcome        Outcome   `csv:"outcome" doc:"ok (with empty measures: no fault struck the leader); censored (the limit came before a new leader was active, or, with probes, before a write was acknowledged, or before paper_ms where it is asked for, or, with overlap_ms, before the deposed leader had left its office, or, with join_ms and probes, before the started servers had joined; where observe is, before that time was over, and else the trial is ok, leader or not); violated (an invariant was broken; a conversation did not go word by word as it is written); failed (the world failed the trial, not the system)"`
	Probed         bool      `csv:"probed" doc:"whether clients wrote all the while; phases of simulated systems come from trials without, outage_ms from trials with probes"`
	DetectMS       Number    `csv:"detect_ms" unit:"ms" doc:"fault to the first server giving the leader up: (pre-)candidate, or LOOKING"`
	VoteMS         Number    `csv:"vote_ms" unit:"ms" doc:"from there to somebody having won the vote"`
	ActivateMS     Number    `csv:"activate_ms" unit:"ms" doc:"from there to the winner being able to commit new writes"`
	ElectMS        Number    `csv:"elect_ms" unit:"ms" doc:"fault to a new active leader: the sum of the three"`
	OutageMS       Number    `csv:"outage_ms" unit:"ms" doc:"fault to the first acknowledgement of a write submitted after the fault, as probing clients see it"`
	Rounds         Number    `csv:"rounds" doc:"Raft: terms from the old leader's to the new one's, and where servers start in terms of their own, those in which somebody stood up to the new leader's; Zab: times the winner entered lookForLeader; of a conversation, with the two columns that follow: rounds in which somebody stood, from its beginning to its end"`
	SplitRounds    Number    `csv:"split_rounds" doc:"rounds in which somebody stood, votes were cast and nobody won"`
	Votes          Number    `csv:"votes" doc:"votes cast from fault to active, changed votes included"`
	Messages       Number    `csv:"messages" doc:"election messages from fault to active, without those to oneself, those that the deposed leader sends, and those to it while it is down"`
	Bytes          Number    `csv:"bytes" unit:"bytes" doc:"their modelled size, each family in its own encoding: messages of Raft at the full width of all their fields, those of Zab as ZooKeeper's packets; so not comparable between Raft and Zab"`
	Leader         Number    `csv:"leader" doc:"number of the new leader"`
	BestLeader     Number    `csv:"best_leader" doc:"1 if the best survivor won: Zab by (currentEpoch, zxid, myid); Raft by (last term, last index), ties all count; else 0"`
	WaitRestarts   Number    `csv:"finalize_restarts" doc:"Zab: times finalizeWait was left for a better vote, over all servers"`
	PaperMS        Number    `csv:"paper_ms" unit:"ms" asked:"true" doc:"Raft, where the scenario asks for it (cluster.behind, or phase in a fault): fault to the last of the other servers having received the new leader's first heartbeat"`
	OverlapMS      Number    `csv:"overlap_ms" unit:"ms" asked:"true" doc:"where columns asks for it: from the new leader being active to the deposed one, which was cut off and lives, leaving its office (Zab: it stops serving; Raft: it is follower); negative: it left so long before; empty with elect_ms there: it was in office when the trial ended, which is censored then"`
	ConnectRetries Number    `csv:"connect_retries" asked:"true" doc:"Zab, where columns asks for it: attempts to connect to the elected leader, from fault to active, that found its port not open yet; the next comes after connect_retry"`
	VotesUnheard   Number    `csv:"votes_unheard" asked:"true" doc:"Zab, where columns asks for it: votes of the new leader, from fault to active, that reached a server which had not given the old one up yet; such a vote is answered and not counted, and repeated only after min_notification_interval"`
	Refused        Number    `csv:"votes_refused" asked:"true" doc:"Raft, where columns asks for it: votes that were refused, from fault to active"`
	WinnerVotes    Number    `csv:"winner_votes" asked:"true" doc:"Raft, where columns asks for it: servers that had voted for the new leader, itself included, when it was elected"`
	JoinMS         Number    `csv:"join_ms" unit:"ms" asked:"true" doc:"where columns asks for it, of trials with probes: from the first fault that starts servers, absent or down, to the last of them having applied an entry of the present leader's term or epoch, or a snapshot that ends with one; empty for zookeeper, which does not tell what a server applies"`
	TimerLeast     Number    `csv:"timer_min_ms" unit:"ms" asked:"true" doc:"where columns asks for it, of simulated raft, over a whole trial: the least time that a server waited before it stood, from the last of these: its start, a vote that it granted, AppendEntries or InstallSnapshot of the current leader arriving, its last candidacy, its stepping down as a leader; measured from outside"`
	TimerMost      Number    `csv:"timer_max_ms" unit:"ms" asked:"true" doc:"the greatest"`
	Level          Number    `csv:"level" asked:"true" doc:"where columns asks for it: servers that know, at the end, that all is committed which some server knew to be a second before; LogMatching and StateMachineSafety, which simulated trials go under, say that so far their logs are the same"`
	MinorityWrite  string    `csv:"minority_write" asked:"true" doc:"where columns asks for it, as with the columns up to minority_unanswered, of trials with probes: what the client was told of a write that went to the old leader one probe interval after it had been cut off from the majority: acknowledged, refused, unknown (perhaps it has had its effect, or will have) or unanswered"`
	MinorityTook   Number    `csv:"minority_write_ms" unit:"ms" asked:"true" doc:"from that write's submission to the answer"`
	MajorityTook   Number    `csv:"majority_write_ms" unit:"ms" asked:"true" doc:"from the cut to the acknowledgement of a write to the same key that went to the new leader, as soon as it was active and did not refuse it"`
	MinorityKept   Number    `csv:"minority_kept" asked:"true" doc:"1 if the first write has had an effect at any server by the end, as the key's versions tell, which count its writes; else 0"`
	LevelMS        Number    `csv:"level_ms" unit:"ms" asked:"true" doc:"from the end of the cut to the last server having returned the second write to a read of its own state; reads come a probe interval apart"`
	MinorityAcks   Number    `csv:"minority_acknowledged" asked:"true" doc:"probes that were submitted to servers on the old leader's side between cut and heal, and acknowledged whenever"`
	MinorityRefuse Number    `csv:"minority_refused" asked:"true" doc:"of the same, refused: certainly without effect"`
	MinorityOpen   Number    `csv:"minority_unknown" asked:"true" doc:"of the same, those whose client was told that nobody knows"`
	MinorityMute   Number    `csv:"minority_unanswered" asked:"true" doc:"of the same, not answered by the end of the trial"`
	FollowMS       Number    `csv:"follow_ms" unit:"ms" asked:"true" doc:"where columns asks for it, as with the three columns that follow: from the first fault that mends another (heal, resume, restart) to all servers serving under one leader, to 1 ms"`
	RecoverMS      Number    `csv:"recover_ms" unit:"ms" asked:"true" doc:"from the same fault to the first acknowledgement of a write that a probe submitted after it"`
	FollowVotes    Number    `csv:"follow_votes" asked:"true" doc:"votes that the servers which had been away cast in follow_ms: those down, paused or isolated, of a partition those on the leader's side"`
	FollowMessages Number    `csv:"follow_messages" asked:"true" doc:"messages to and from them in that time, of the kinds that messages counts"`
	Terms          Number    `csv:"terms" asked:"true" doc:"where the scenario has observe, as with the columns that follow: the greatest term (Zab: epoch) that any running server is in at the end, less the greatest at the first fault; terms that nobody won count"`
	LeaderChanges  Number    `csv:"leader_changes" asked:"true" doc:"new leaders that could commit writes, from the first fault to the end"`
	DownMS         Number    `csv:"down_ms" unit:"ms" asked:"true" doc:"sum of the gaps, from the first fault to the end, in which no client had a write acknowledged; a gap is longer than two intervals of probe.interval"`
	Up             Number    `csv:"up" asked:"true" doc:"share of that time which is in no such gap"`
	Pressure       Number    `csv:"cpu_pressure" asked:"true" doc:"live trials: share of the trial in which something on the machine waited for a core (/proc/pressure/cpu, some); 0 to 1"`
	LateMS         Number    `csv:"late_ms" unit:"ms" asked:"true" doc:"live trials over the switch: 99 % of the trial's delayed packets were released at most so late, after the instant that their delay asked for"`
	Reads          Number    `csv:"reads" asked:"true" doc:"where the scenario has [workload], as with the columns that follow: reads that were answered, of those due from the end of the warm-up to that of observe"`
	ReadsFailed    Number    `csv:"reads_failed" asked:"true" doc:"reads that were refused or given up"`
	Writes         Number    `csv:"writes" asked:"true" doc:"writes that were acknowledged"`
	WritesFailed   Number    `csv:"writes_failed" asked:"true" doc:"writes that were refused, or whose fate the client does not know"`
	ReadP50        Number    `csv:"read_p50_ms" unit:"ms" asked:"true" doc:"median latency of reads: from the instant at which the open loop meant them to begin (in a closed loop: began) to the answer; a failed one counts as longer than all others, and a quantile among those is empty"`
	ReadP99        Number    `csv:"read_p99_ms" unit:"ms" asked:"true" doc:"99th percentile of the same; empty below 1000 reads"`
	CommitP50      Number    `csv:"commit_p50_ms" unit:"ms" asked:"true" doc:"median latency of writes, likewise, to the acknowledgement at the client"`
	CommitP99      Number    `csv:"commit_p99_ms" unit:"ms" asked:"true" doc:"99th percentile of the same; empty below 1000 writes"`
	Throughput     Number    `csv:"throughput_ops_s" unit:"1/s" asked:"true" doc:"operations that were answered or acknowledged in that time, per second"`
	Stale          Number    `csv:"stale" asked:"true" doc:"share of the answered reads that were one version or more behind: it had been acknowledged to its client before the read began; the reads file has this and what follows by role"`
	VersionsMost   Number    `csv:"k_max" asked:"true" doc:"the most versions that a read was behind"`
	TimeP99        Number    `csv:"t_p99_ms" unit:"ms" asked:"true" doc:"99th percentile of the time that reads were behind, 0 for those that were not; empty below 1000 reads"`
	TimeMost       Number    `csv:"t_max_ms" unit:"ms" asked:"true" doc:"the most time that a read was behind"`
	LagP5          Number    `csv:"apply_lag_p5_ms" unit:"ms" asked:"true" doc:"simulated: 5th percentile of the time from a write's acknowledgement to its application at a follower, over writes and followers, 0 where that came first (Kaplan-Meier, to 1 %)"`
	LagP50         Number    `csv:"apply_lag_p50_ms" unit:"ms" asked:"true" doc:"its median"`
	LagP95         Number    `csv:"apply_lag_p95_ms" unit:"ms" asked:"true" doc:"its 95th percentile"`
	LagMost        Number    `csv:"apply_lag_max_ms" unit:"ms" asked:"true" doc:"the longest; empty where one that was not applied by the end of the trial was watched for longer"`
	ReadHops       Number    `csv:"read_hops" asked:"true" doc:"where columns asks for it, as with the columns that follow: mean number of messages on the path of a read, each waiting for the one before, request and answer included, over all servers that were asked; simulated raft, zab and etcd"`
	ReadMessages   Number    `csv:"read_messages" asked:"true" doc:"messages between servers that reads caused, per read that ended; simulated raft, zab and etcd"`
	WriteHops      Number    `csv:"write_hops" asked:"true" doc:"read_hops, of writes"`
	WriteMessages  Number    `csv:"write_messages" asked:"true" doc:"read_messages, of writes; what one message does for several is one message"`
	ResumeP50      Number    `csv:"resume_p50_ms" unit:"ms" asked:"true" doc:"fault to a client's first success with an operation that began after the fault, the median client; empty where it had none"`
	ResumeMost     Number    `csv:"resume_max_ms" unit:"ms" asked:"true" doc:"the same, the last client"`
	Settled        string    `csv:"settled" asked:"true" doc:"how the last third of that time was: stable (writes were acknowledged, under one leader or two); livelock (two new leaders or more; or no write acknowledged, while servers began two rounds of voting or more); deadlock (no write acknowledged, and nothing of that)"`
}

// OfClients are the columns that a scenario with [workload] asks for.
var OfClients = []string{"reads", "reads_failed", "writes", "writes_failed", "read_p50_ms", "read_p99_ms", "commit_p50_ms", "commit_p99_ms", "throughput_ops_s",
	"stale", "k_max", "t_p99_ms", "t_max_ms", "apply_lag_p5_ms", "apply_lag_p50_ms", "apply_lag_p95_ms", "apply_lag_max_ms"}

// NewTrial returns a row with nothing measured.
func NewTrial() Trial { return blank[Trial]() }

// blank returns a row in which no number is there.
func blank[T any]() (row T) {
	v := reflect.ValueOf(&row).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Type() == reflect.TypeFor[Number]() {
			f.SetFloat(float64(None))
		}
	}
	return row
}
