// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxConnections is how many connections are kept. It bounds what idle clients and unfinished headers take.
const maxConnections = 2048

// connections makes room for a new connection by closing the one that has been in its state the longest: idle between
// requests, or with a request or an answer that does not get on. Connections whose prediction is due are kept.
type connections struct {
	limit int

	mu  sync.Mutex
	all map[net.Conn]*connection
}

type connection struct {
	since time.Time
	// kept is the number of predictions that are due on it.
	kept int
}

func newConnections(limit int) *connections {
	return &connections{limit: limit, all: map[net.Conn]*connection{}}
}

type connectionKey struct{}

// context lets keep find the connection of a request.
func (cs *connections) context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
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
	conn, _ := ctx.Value(connectionKey{}).(net.Conn)
	cs.count(conn, 1)
	return func() { cs.count(conn, -1) }
}

func (cs *connections) count(conn net.Conn, n int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c := cs.all[conn]; c != nil {
		c.kept += n
		c.since = time.Now()
	}
}
