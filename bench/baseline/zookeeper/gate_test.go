package zookeeper

import (
	"sync"
	"testing"
	"time"
)

func TestSessionsOfAServerThatServesNobodyKnockInTurns(t *testing.T) {
	var g gate
	g.close()
	begin := time.Now()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(g.wait)
	}
	wg.Wait()
	if took := time.Since(begin); took < 19*knock {
		t.Errorf("twenty knocked within %v", took)
	}
}

func TestWhenAServerTakesOneSessionTheOthersFollowAtOnce(t *testing.T) {
	var g gate
	g.close()
	g.mu.Lock()
	g.next = time.Now().Add(time.Hour)
	g.mu.Unlock()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(g.wait)
	}
	g.close() // another one's end changes nothing
	g.open()
	wg.Wait() // an hour, if they do not
	g.wait()
}
