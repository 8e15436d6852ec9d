// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// uploadRoom is the memory for bodies, from their first byte until their request has its answer. Where a body may be
	// larger than half of it, there is room for two such bodies.
	uploadRoom = 64 << 20
	// uploadCost is what a request takes beside its body: the connection's buffers, headers, and a goroutine.
	uploadCost = 16 << 10
	// slowBytesPerSecond is how slow a transfer must be to give way to others while there is no room.
	slowBytesPerSecond = 256 << 10
	// transferWindow is the least time over which a transfer's speed is judged.
	transferWindow = time.Second
	// roomCheck is how often a body that waits for room looks for transfers that have become slow.
	roomCheck = 100 * time.Millisecond
)

// Errors of uploads; test with errors.Is.
var (
	errNoRoom  = errors.New("the bodies of other requests take all the memory there is for them")
	errTooSlow = errors.New("others needed the memory that a slow transfer held")
)

// uploads bounds the memory of requests' bodies by the bytes that have arrived, not by those announced: a body that
// never comes costs nothing. When there is no room, transfers that are slow are cut off, so that they keep nobody
// waiting; if none is slow, what arrives waits. The oldest transfer never does, so that one always gets on.
type uploads struct {
	mu   sync.Mutex
	free int64
	next int64
	all  map[*upload]struct{}
	// changed is closed, and replaced, when room is made.
	changed chan struct{}
}

func newUploads(maxBodyBytes int64) *uploads {
	return &uploads{free: max(uploadRoom, 2*maxBodyBytes), all: map[*upload]struct{}{}, changed: make(chan struct{})}
}

// phase is what a request does at the moment.
type phase int

const (
	receiving phase = iota
	waiting         // for room, with nothing read meanwhile
	computing
	answering
)

// upload is the memory that a request's body holds.
type upload struct {
	uploads *uploads
	// cutOff ends the connection's reading, or its writing if answering.
	cutOff  func(answering bool)
	order   int64
	held    int64
	phase   phase
	evicted bool
	// The transfer's speed is taken from the start of the window before this one.
	previous, window transfer
}

// transfer is a count of bytes since a time.
type transfer struct {
	start time.Time
	bytes int64
}

// begin makes room for a request, whose connection cutOff ends.
func (us *uploads) begin(ctx context.Context, cutOff func(answering bool)) (*upload, error) {
	us.mu.Lock()
	u := &upload{uploads: us, cutOff: cutOff, order: us.next, window: transfer{start: time.Now()}}
	us.next++
	us.all[u] = struct{}{}
	us.mu.Unlock()
	if err := u.grow(ctx, uploadCost); err != nil {
		u.end()
		return nil, err
	}
	return u, nil
}

// end gives the room back.
func (u *upload) end() {
	us := u.uploads
	us.mu.Lock()
	defer us.mu.Unlock()
	us.free += u.held
	delete(us.all, u)
	close(us.changed)
	us.changed = make(chan struct{})
}

// grow takes n bytes more, once there is room. It returns errTooSlow if the upload had to give way, and errNoRoom if
// ctx ends first.
func (u *upload) grow(ctx context.Context, n int64) error {
	for {
		changed, err := u.tryGrow(n)
		if changed == nil {
			return err
		}
		select {
		case <-changed:
		case <-time.After(roomCheck):
		case <-ctx.Done():
			return errNoRoom
		}
	}
}

// tryGrow takes n bytes, or makes slow transfers give way and returns what tells of a change.
func (u *upload) tryGrow(n int64) (changed chan struct{}, err error) {
	us := u.uploads
	us.mu.Lock()
	defer us.mu.Unlock()
	if u.evicted {
		return nil, errTooSlow
	}
	now := time.Now()
	if n <= us.free || us.oldest() == u {
		us.free -= n
		u.held += n
		if u.phase == waiting {
			u.setPhase(receiving, now)
		}
		return nil, nil
	}
	u.phase = waiting
	us.evict(n, now)
	return us.changed, nil
}

// oldest is the upload that has been arriving the longest, or nil.
func (us *uploads) oldest() *upload {
	var oldest *upload
	for u := range us.all {
		if u.phase <= waiting && !u.evicted && (oldest == nil || u.order < oldest.order) {
			oldest = u
		}
	}
	return oldest
}

// evict cuts off slow transfers, the slowest first, until n bytes will be free.
func (us *uploads) evict(n int64, now time.Time) {
	room := us.free
	for u := range us.all {
		if u.evicted {
			room += u.held
		}
	}
	for room < n {
		var (
			slowest *upload
			least   float64 = slowBytesPerSecond
		)
		for u := range us.all {
			if speed, known := u.speed(now); known && !u.evicted && speed < least {
				slowest, least = u, speed
			}
		}
		if slowest == nil {
			return
		}
		slowest.evicted = true
		slowest.cutOff(slowest.phase == answering)
		room += slowest.held
	}
}

// speed is the transfer's bytes per second of late. It is unknown if nothing is being transferred, or only just.
func (u *upload) speed(now time.Time) (bytesPerSecond float64, known bool) {
	if u.phase != receiving && u.phase != answering {
		return 0, false
	}
	start, bytes := u.window.start, u.window.bytes
	if !u.previous.start.IsZero() {
		start, bytes = u.previous.start, bytes+u.previous.bytes
	}
	elapsed := now.Sub(start)
	return float64(bytes) / elapsed.Seconds(), elapsed >= transferWindow
}

// transferred notes n bytes.
func (u *upload) transferred(n int) {
	u.uploads.mu.Lock()
	defer u.uploads.mu.Unlock()
	if now := time.Now(); now.Sub(u.window.start) >= transferWindow {
		u.previous, u.window = u.window, transfer{start: now}
	}
	u.window.bytes += int64(n)
}

// enter begins a phase, and is an error if the upload had to give way before.
func (u *upload) enter(p phase) error {
	u.uploads.mu.Lock()
	defer u.uploads.mu.Unlock()
	if u.evicted {
		return errTooSlow
	}
	if u.phase != p {
		u.setPhase(p, time.Now())
	}
	return nil
}

// setPhase begins a phase and judges the transfer anew. The lock is held.
func (u *upload) setPhase(p phase, now time.Time) {
	u.phase = p
	u.previous, u.window = transfer{}, transfer{start: now}
}
