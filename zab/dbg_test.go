package zab
import ("testing";"math/rand/v2";"raftzab/protocols";"raftzab/protocols/protocoltest")
func TestDbg(t *testing.T){
 u := underTest
 var last [8][2]*Replica
 u.New = func(id protocols.NodeID, members []protocols.NodeID, r protocols.Recovered, _ *rand.Rand) protocols.Replica[Message] {
	c := Default()
	c.ID, c.Voters, c.Tick = id, members, 45*millisecond
	c.MaxNotificationInterval = 800*millisecond
	last[id][0] = last[id][1]
	last[id][1] = New(c, r)
	return last[id][1]
 }
 if err := protocoltest.Check(u, 2600); err != nil { t.Error(err) }
 for _, r := range last { if r[1] != nil { t.Log(r[1]) } }
}
