package guard

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// The table against a model: a map, and a slice for each list, the most recently moved one first.
func TestTableAgainstModel(t *testing.T) {
	t.Parallel()
	const size = 50
	table := newTable[int](size)
	r := rand.New(rand.NewPCG(5, 5))
	value := map[key]int{}
	var lists [2][]key
	drop := func(k key) {
		delete(value, k)
		for i := range lists {
			lists[i] = slices.DeleteFunc(lists[i], func(x key) bool { return x == k })
		}
	}
	for step := range 20_000 {
		k := key{0, uint64(r.IntN(80))}
		s := table.lock(k)
		i := s.find(k)
		if _, want := value[k]; want != (i != none) {
			t.Fatalf("step %d: %v is there: %v", step, k, want)
		}
		switch op := r.IntN(10); {
		case i == none:
			wantLost := -1
			if len(value) == size {
				if wantLost = 0; len(lists[0]) == 0 {
					wantLost = 1
				}
				drop(lists[wantLost][len(lists[wantLost])-1])
			}
			var lost int
			if i, lost = s.add(k); lost != wantLost {
				t.Fatalf("step %d: one of list %d went, not of %d", step, lost, wantLost)
			}
			s.slots[i].value = step
			value[k] = step
			lists[0] = slices.Insert(lists[0], 0, k)
		case op == 0:
			s.remove(i)
			drop(k)
		default:
			if s.slots[i].value != value[k] {
				t.Fatalf("step %d: %v has %d, want %d", step, k, s.slots[i].value, value[k])
			}
			to := uint8(op & 1)
			v := value[k]
			s.move(i, to)
			drop(k)
			value[k] = v
			lists[to] = slices.Insert(lists[to], 0, k)
		}
		for n := range lists {
			var got []key
			for i := s.lists[n].first; i != none; i = s.slots[i].next {
				got = append(got, s.slots[i].key)
			}
			if !slices.Equal(got, lists[n]) || s.lists[n].n != len(got) {
				t.Fatalf("step %d, list %d: %v (%d), want %v", step, n, got, s.lists[n].n, lists[n])
			}
		}
		if len(s.slots) > size {
			t.Fatalf("%d slots", len(s.slots))
		}
		s.mu.Unlock()
	}
	if _, _, evicted := table.len(); evicted == 0 {
		t.Error("nobody had to go")
	}
}

func TestTableShards(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 3, 1023, 1024, 5000, 100_000} {
		table := newTable[int](size)
		sum := 0
		for i := range table.shards {
			sum += table.shards[i].max
		}
		if sum != size || len(table.shards) > maxShards {
			t.Errorf("%d: %d in %d shards", size, sum, len(table.shards))
		}
		for i := range 3 * size {
			k := key{uint64(i), 1}
			s := table.lock(k)
			if s.find(k) == none {
				s.add(k)
			}
			s.mu.Unlock()
		}
		if n, _, _ := table.len(); n > size || n < size*8/10 {
			t.Errorf("%d: holds %d", size, n)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ addr, want string }{
		{"192.0.2.1", "192.0.2.1/32"},
		{"::ffff:192.0.2.1", "192.0.2.1/32"},
		{"64:ff9b::192.0.2.1", "192.0.2.1/32"}, // NAT64: not all of IPv4 as one client
		{"64:ff9b:1::192.0.2.1", "64:ff9b:1::/64"},
		{"64:ff9b::1:192.0.2.1", "64:ff9b::/64"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"::1", "::/64"},
	} {
		if got := keyOf(netip.MustParseAddr(c.addr)).prefix(); got.String() != c.want {
			t.Errorf("%s: %v, want %s", c.addr, got, c.want)
		}
	}
	if keyOf(netip.MustParseAddr("0.0.0.0")) == keyOf(netip.MustParseAddr("::")) {
		t.Error("an IPv4 and an IPv6 client are one")
	}
}
