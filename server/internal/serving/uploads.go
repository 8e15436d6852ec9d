// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"
	"errors"
	"io"
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

// uploads bounds the memory of requests' bodies by the bytes that have arrived, not by those announced: a body that
// never comes costs nothing. When there is no room, transfers that are slow are cut off, so that they keep nobody
// waiting; if none is slow, what arrives waits. The oldest transfer never does, so that one always gets on.
type uploads struct {
	mu   sync.Mutex
	free int64
	next int64
	all  map[*Upload]struct{}
	// changed is closed, and replaced, when room is made.
	changed chan struct{}
}

// newUploads has room for the bytes given, or if that is 0, for as many as bodies of up to maxBodyBytes need.
func newUploads(room, maxBodyBytes int64) *uploads {
	if room == 0 {
		room = max(uploadRoom, 2*maxBodyBytes)
	}
	return &uploads{free: room, all: map[*Upload]struct{}{}, changed: make(chan struct{})}
}

// Held is what requests hold of a Service.
type Held struct {
	// Requests are those that predict, from their first byte until their answer is sent.
	Requests int
	// BodyBytes is the memory of their bodies.
	BodyBytes int64
}

// Held is what requests hold at the moment.
func (s *Service) Held() Held {
	us := s.uploads
	us.mu.Lock()
	defer us.mu.Unlock()
	held := Held{Requests: len(us.all)}
	for u := range us.all {
		held.BodyBytes += u.held
	}
	return held
}

// phase is what a request does at the moment.
type phase int

const (
	receiving phase = iota
	waiting         // for room, with nothing read meanwhile
	computing
	answering
)

// Upload is the memory that a request's body holds. It must be ended. It is used by one goroutine.
type Upload struct {
	uploads *uploads
	// cutOff ends the reading of the request, or the writing of its answer if answering.
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

// Receive makes room for a request, before its body is read, unless that would be in vain. size is the body's in bytes,
// negative if unknown. cutOff is called, from any goroutine, if the transfer has to give way to others: it ends the reading
// of the request, or the writing of its answer if answering. Errors are of type Error.
func (s *Service) Receive(ctx context.Context, size int64, cutOff func(answering bool)) (*Upload, error) {
	model := s.loaded.Load()
	switch {
	case model == nil:
		return nil, ErrLoading
	case size > s.config.Limits.MaxBodyBytes:
		return nil, s.BodyTooLarge()
	}
	if err := model.batcher.checkRoom(); err != nil {
		return nil, err
	}
	return s.uploads.begin(ctx, cutOff)
}

// BodyTooLarge is the error of a request whose body exceeds the limit.
func (s *Service) BodyTooLarge() *Error {
	return NewError(CodeBodyTooLarge, "the request has more than %d bytes: send a smaller image, or raise maxBodyBytes", s.config.Limits.MaxBodyBytes)
}

// begin makes room for a request, whose transfer cutOff ends.
func (us *uploads) begin(ctx context.Context, cutOff func(answering bool)) (*Upload, error) {
	us.mu.Lock()
	u := &Upload{uploads: us, cutOff: cutOff, order: us.next, window: transfer{start: time.Now()}}
	us.next++
	us.all[u] = struct{}{}
	us.mu.Unlock()
	if err := u.grow(ctx, uploadCost); err != nil {
		u.End()
		return nil, err
	}
	return u, nil
}

// End gives the room back.
func (u *Upload) End() {
	us := u.uploads
	us.mu.Lock()
	defer us.mu.Unlock()
	us.free += u.held
	delete(us.all, u)
	close(us.changed)
	us.changed = make(chan struct{})
}

// grow takes n bytes more, once there is room. It returns ErrTooSlow if the upload had to give way, and ErrNoRoom if
// ctx ends first.
func (u *Upload) grow(ctx context.Context, n int64) error {
	for {
		changed, err := u.tryGrow(n)
		if changed == nil {
			return err
		}
		select {
		case <-changed:
		case <-time.After(roomCheck):
		case <-ctx.Done():
			return ErrNoRoom
		}
	}
}

// tryGrow takes n bytes, or makes slow transfers give way and returns what reports a change.
func (u *Upload) tryGrow(n int64) (changed chan struct{}, err error) {
	us := u.uploads
	us.mu.Lock()
	defer us.mu.Unlock()
	if u.evicted {
		return nil, ErrTooSlow
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
func (us *uploads) oldest() *Upload {
	var oldest *Upload
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
			slowest *Upload
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
func (u *Upload) speed(now time.Time) (bytesPerSecond float64, known bool) {
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
func (u *Upload) transferred(n int) {
	u.uploads.mu.Lock()
	defer u.uploads.mu.Unlock()
	if now := time.Now(); now.Sub(u.window.start) >= transferWindow {
		u.previous, u.window = u.window, transfer{start: now}
	}
	u.window.bytes += int64(n)
}

// enter begins a phase, and is an error if the upload had to give way before.
func (u *Upload) enter(p phase) error {
	u.uploads.mu.Lock()
	defer u.uploads.mu.Unlock()
	if u.evicted {
		return ErrTooSlow
	}
	if u.phase != p {
		u.setPhase(p, time.Now())
	}
	return nil
}

// setPhase begins a phase and starts judging the transfer. The lock is held.
func (u *Upload) setPhase(p phase, now time.Time) {
	u.phase = p
	u.previous, u.window = transfer{}, transfer{start: now}
}

// Read reads a body to its end, of length bytes or of an unknown number if that is negative. Its buffer grows with what has
// arrived, each time once there is room for it. It returns ErrTooSlow if the body had to give way, ErrNoRoom if ctx ends
// before there is room, and r's own errors.
func (u *Upload) Read(ctx context.Context, r io.Reader, length int64) ([]byte, error) {
	const first = 64 << 10
	var body []byte
	for {
		if len(body) == cap(body) {
			more := max(int64(cap(body)), first)
			if length >= 0 {
				more = min(more, length+1-int64(cap(body))) // one more, to see the end without growing again
			}
			if err := u.grow(ctx, more); err != nil {
				return nil, err
			}
			body = append(make([]byte, 0, int64(cap(body))+more), body...)
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		u.transferred(n)
		switch {
		case errors.Is(err, io.EOF):
			return body, u.enter(computing)
		case err != nil:
			return nil, u.orTooSlow(err)
		}
	}
}

// orTooSlow is ErrTooSlow if the upload was cut off, of which err came, or else err.
func (u *Upload) orTooSlow(err error) error {
	u.uploads.mu.Lock()
	defer u.uploads.mu.Unlock()
	if u.evicted {
		return ErrTooSlow
	}
	return err
}

// Answer begins the answer. From then on the transfer is judged by how fast the client takes it. It returns ErrTooSlow if
// the upload has given way.
func (u *Upload) Answer() error { return u.enter(answering) }

// Answered notes that n bytes of the answer were taken.
func (u *Upload) Answered(n int) { u.transferred(n) }
