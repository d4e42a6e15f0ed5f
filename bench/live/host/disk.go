package host

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"raftzab/bench/live/clock"
	"raftzab/bench/live/wire"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// A disk makes writes durable, in order: all that have gathered during one fsync
// share the next (group commit).
type disk[M Message] struct {
	h     *host[M]
	ready chan struct{}
	bad   atomic.Pointer[wire.Disk] // what is wrong with it; nil: nothing

	mu      sync.Mutex
	waiting []protocols.Write

	rng   *rand.Rand
	alarm *clock.Alarm // made where somebody wants fsyncs to last
}

func (d *disk[M]) begin(h *host[M]) {
	d.h, d.ready = h, make(chan struct{}, 1)
	d.rng = random.Stream(h.cfg.Seed, 0, random.Disk, uint64(h.cfg.ID)<<48^h.life)
	h.goes(d.work)
}

// write takes the writes over; the slice is lent.
func (d *disk[M]) write(ws []protocols.Write) {
	d.mu.Lock()
	d.waiting = append(d.waiting, ws...)
	d.mu.Unlock()
	select {
	case d.ready <- struct{}{}:
	default:
	}
}

func (d *disk[M]) work() {
	defer func() {
		if d.alarm != nil {
			d.alarm.Close()
		}
	}()
	var ws []protocols.Write
	for {
		select {
		case <-d.ready:
		case <-d.h.ctx.Done():
			return
		}
		clear(ws)
		d.mu.Lock()
		ws, d.waiting = d.waiting, ws[:0]
		d.mu.Unlock()
		if len(ws) == 0 {
			continue
		}
		if err := d.perform(ws); err != nil {
			d.h.fail(fmt.Errorf("%w: node %d: %w", ErrDisk, d.h.cfg.ID, err))
			return
		}
		if d.h.ctx.Err() != nil {
			return
		}
		d.h.in.persist(ws[len(ws)-1].Seq)
	}
}

func (d *disk[M]) perform(ws []protocols.Write) error {
	if err := d.h.store.Append(ws); err != nil {
		return err
	}
	bad := d.bad.Load()
	if bad == nil {
		return d.h.store.Sync()
	}
	began := clock.Monotonic()
	switch {
	case bad.Fail:
		return fmt.Errorf("an fsync was told to fail")
	case !bad.Lie:
		if err := d.h.store.Sync(); err != nil {
			return err
		}
	}
	return d.wait(began + int64(bad.Fsync.Draw(d.rng)))
}

// wait lets an fsync last until an instant, or until the end of this life.
func (d *disk[M]) wait(until int64) (err error) {
	if d.alarm == nil {
		if d.alarm, err = clock.NewAlarm(); err != nil {
			return err
		}
	}
	for d.h.ctx.Err() == nil {
		left := time.Duration(until - clock.Monotonic())
		if left <= 0 {
			break
		}
		if err := d.alarm.Set(left); err != nil {
			return err
		}
		select {
		case <-d.alarm.C:
		case <-d.h.ctx.Done():
		}
	}
	return nil
}
