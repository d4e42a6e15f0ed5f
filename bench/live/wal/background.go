package wal

import (
	"fmt"
	"sync"
)

// A background does what nobody waits for, and remembers what a store died of.
type background struct {
	inline bool
	group  sync.WaitGroup
	mu     sync.Mutex
	err    error
}

func (b *background) do(f func() error) {
	if b.inline {
		b.check(f())
		return
	}
	b.group.Go(func() { b.check(f()) })
}

func (b *background) check(err error) {
	if err != nil {
		b.fail(err)
	}
}

// fail makes every later call fail.
func (b *background) fail(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = fmt.Errorf("wal: %w", err)
	}
	return b.err
}

func (b *background) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *background) wait() { b.group.Wait() }

func (b *background) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = errClosed
}
