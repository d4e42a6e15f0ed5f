package hashicorp

import (
	"fmt"
	"runtime/debug"
	"testing"
	"testing/synctest"
)

// bubble runs f on a virtual clock of its own, and returns when f has returned
// and every goroutine that it started has ended. A panic of f comes back as an
// error, and so does a goroutine left behind.
//
// testing/synctest is meant for tests, and its only entrance asks for a
// *testing.T. It uses of it what a zero T has, as long as nothing fails through
// it; so f does not get it. Nothing here registers flags: that is testing.Init,
// which a plain binary never calls. Should a release of Go think otherwise,
// TestBubbleOutsideTests says so.
func bubble(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil { // of synctest: deadlock
			err = fmt.Errorf("hashicorp: virtual time: %v", p)
		}
	}()
	synctest.Test(new(testing.T), func(*testing.T) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("hashicorp: panic: %v\n%s", p, debug.Stack())
			}
		}()
		f()
	})
	return err
}

// settle returns when every other goroutine of the bubble waits for time to pass
// or for this one.
func settle() { synctest.Wait() }
