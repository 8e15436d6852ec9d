// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxConnections is how many connections are kept. It bounds what idle clients and unfinished headers take.
const maxConnections = 2048

// connectionAge is how long a connection may be used. Its client is then asked to connect anew, so that no client stays with
// a pod for good: a Service leads only new connections elsewhere, to another revision or to a further replica.
const connectionAge = 30 * time.Second

// connections makes room for a new connection by closing the one that has been in its state the longest: idle between
// requests, or with a request or an answer that does not get on. Connections whose prediction is due are kept.
type connections struct {
	limit int
	// age is that at which clients are asked to connect anew, at the latest.
	age time.Duration

	mu  sync.Mutex
	all map[net.Conn]*connection
}

type connection struct {
	since time.Time
	// kept is the number of predictions that are due on it.
	kept int
}

func newConnections(limit int, age time.Duration) *connections {
	return &connections{limit: limit, age: age, all: map[net.Conn]*connection{}}
}

type connectionKey struct{}

// accepted is a connection and when it is old.
type accepted struct {
	conn net.Conn
	old  time.Time
}

// context lets keep and isOld find the connection of a request. Connections age at different times, so that clients that came
// together don't leave together: from half the age on, each as likely as another.
func (cs *connections) context(ctx context.Context, conn net.Conn) context.Context {
	half := cs.age / 2
	old := time.Now().Add(half + rand.N(half)) //nolint:gosec // nobody gains by guessing it
	return context.WithValue(ctx, connectionKey{}, accepted{conn: conn, old: old})
}

// isOld tells whether the client of a request is to connect anew for its next one.
func isOld(ctx context.Context, now time.Time) bool {
	c, ok := ctx.Value(connectionKey{}).(accepted)
	return ok && !now.Before(c.old)
}

// changed follows a connection's state.
func (cs *connections) changed(conn net.Conn, state http.ConnState) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(cs.all, conn)
	case http.StateNew:
		for len(cs.all) >= cs.limit && cs.closeOldest() {
		}
		cs.all[conn] = &connection{since: time.Now()}
	default:
		if c := cs.all[conn]; c != nil { // else it was closed to make room
			c.since = time.Now()
		}
	}
}

// closeOldest closes the connection that has been in its state the longest, unless all are kept.
func (cs *connections) closeOldest() bool {
	var oldest net.Conn
	for conn, c := range cs.all {
		if c.kept == 0 && (oldest == nil || c.since.Before(cs.all[oldest].since)) {
			oldest = conn
		}
	}
	if oldest == nil {
		return false
	}
	delete(cs.all, oldest)
	_ = oldest.Close() // what it would say is of no use to anyone
	return true
}

// keep keeps the connection of a request until the function that it returns is called.
func (cs *connections) keep(ctx context.Context) (release func()) {
	c, _ := ctx.Value(connectionKey{}).(accepted)
	cs.count(c.conn, 1)
	return func() { cs.count(c.conn, -1) }
}

func (cs *connections) count(conn net.Conn, n int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c := cs.all[conn]; c != nil {
		c.kept += n
		c.since = time.Now()
	}
}
