package lan

// mtu is the size of the largest packet, Ethernet's.
const mtu = 1500

// A packet is one on its way, or a buffer for one.
type packet struct {
	link *link
	to   NodeID
	size int
	data [mtu]byte
}

func (p *packet) bytes() []byte { return p.data[:p.size] }

// A flight holds the packets that are on their way, by arrival, and the buffers
// that are free. In the steady state it allocates nothing, so that traffic gives
// the garbage collector no work.
type flight struct {
	heap []arrival
	next uint64
	free []*packet
}

type arrival struct {
	at int64
	nr uint64 // of two at one instant the earlier sent comes first
	p  *packet
}

func (a *arrival) before(b *arrival) bool { return a.at < b.at || a.at == b.at && a.nr < b.nr }

// head returns when the first packet arrives; false: none is on its way.
func (f *flight) head() (int64, bool) {
	if len(f.heap) == 0 {
		return 0, false
	}
	return f.heap[0].at, true
}

func (f *flight) push(at int64, p *packet) {
	a := arrival{at, f.next, p}
	f.next++
	f.heap = append(f.heap, a)
	i := len(f.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !a.before(&f.heap[up]) {
			break
		}
		f.heap[i] = f.heap[up]
		i = up
	}
	f.heap[i] = a
}

func (f *flight) pop() *packet {
	p := f.heap[0].p
	last := len(f.heap) - 1
	a := f.heap[last]
	f.heap[last] = arrival{}
	f.heap = f.heap[:last]
	if last == 0 {
		return p
	}
	i := 0
	for {
		down := 2*i + 1
		if down >= last {
			break
		}
		if right := down + 1; right < last && f.heap[right].before(&f.heap[down]) {
			down = right
		}
		if !f.heap[down].before(&a) {
			break
		}
		f.heap[i] = f.heap[down]
		i = down
	}
	f.heap[i] = a
	return p
}

// slab is how many buffers are made at a time.
const slab = 64

// take returns a free buffer.
func (f *flight) take() *packet {
	if len(f.free) == 0 {
		made := make([]packet, slab)
		for i := range made {
			f.free = append(f.free, &made[i])
		}
	}
	last := len(f.free) - 1
	p := f.free[last]
	f.free = f.free[:last]
	return p
}

func (f *flight) give(p *packet) { f.free = append(f.free, p) }
