// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// turns dials from one source port after the other. Below the ports that the kernel gives to others there are enough of them that
// none has its turn again while a node's connection tracking may remember it: at 50 connections a second, within 6 minutes.
type turns struct{ count int }

const (
	firstPort = 10000
	ports     = 20000
)

func (t *turns) dial(ctx context.Context, network, address string) (net.Conn, error) {
	for {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{Port: firstPort + t.count%ports}}
		t.count++
		conn, err := dialer.DialContext(ctx, network, address)
		if !errors.Is(err, syscall.EADDRINUSE) || ctx.Err() != nil {
			return conn, err
		}
	}
}
