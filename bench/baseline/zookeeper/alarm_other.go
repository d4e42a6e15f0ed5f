//go:build !linux

package zookeeper

import "time"

// An alarm rings on C once the time last set has passed. Nothing runs here: see
// process_other.go.
type alarm struct{ C chan struct{} }

func newAlarm() (*alarm, error)          { return nil, errUnsupported }
func (a *alarm) set(time.Duration) error { return errUnsupported }
func (a *alarm) close() error            { return nil }
