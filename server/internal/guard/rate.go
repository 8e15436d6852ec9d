// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"maps"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxClients is how many clients are told apart.
const maxClients = 10_000

// Rate admits each client so many requests a second, and twice as many at once. An IPv6 client is a network of 64 bits.
type Rate struct {
	limit rate.Limit
	burst int

	mu      sync.Mutex
	clients map[netip.Prefix]*rate.Limiter
	// others is what clients have together that came when maxClients were busy.
	others *rate.Limiter
}

// NewRate returns a Rate of so many requests a second, above 0.
func NewRate(perSecond float64) *Rate {
	limit, burst := rate.Limit(perSecond), max(1, int(2*perSecond))
	return &Rate{limit: limit, burst: burst, clients: map[netip.Prefix]*rate.Limiter{}, others: rate.NewLimiter(limit, burst)}
}

// Allow takes a request of a client's address, or says after which time it would. An address that is none counts as one client.
func (r *Rate) Allow(address string, now time.Time) (wait time.Duration, ok bool) {
	reservation := r.of(address, now).ReserveN(now, 1)
	if wait = reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return wait, false
	}
	return 0, true
}

func (r *Rate) of(address string, now time.Time) *rate.Limiter {
	client := clientOf(address)
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.clients[client]; known != nil {
		return known
	}
	if len(r.clients) >= maxClients { // one that has all its requests is as good as new
		maps.DeleteFunc(r.clients, func(_ netip.Prefix, l *rate.Limiter) bool { return l.TokensAt(now) >= float64(r.burst) })
	}
	if len(r.clients) >= maxClients {
		return r.others
	}
	r.clients[client] = rate.NewLimiter(r.limit, r.burst)
	return r.clients[client]
}

func clientOf(address string) netip.Prefix {
	const network = 64
	peer, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Prefix{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = network
	}
	return netip.PrefixFrom(addr, bits).Masked()
}
