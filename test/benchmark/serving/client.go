// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// connection asks one server, one request after another. It does less than http.Client, so that the client takes little of the
// cores that it shares with the server.
type connection struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
}

// requestOf returns a request as it goes over the connection.
func requestOf(method, path, contentType string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", method, path)
	if method == http.MethodPost {
		fmt.Fprintf(&b, "Content-Type: %s\r\nContent-Length: %d\r\n", contentType, len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// ask returns the answer to a request. A connection that the server has closed meanwhile is opened anew, as clients do.
func (c *connection) ask(request []byte, deadline time.Time) (status int, body []byte, err error) {
	reused := c.conn != nil
	status, body, err = c.exchange(request, deadline)
	if err != nil && reused && !errors.Is(err, errTimeout) {
		status, body, err = c.exchange(request, deadline)
	}
	return status, body, err
}

// errTimeout says that an answer took too long.
var errTimeout = errors.New("no answer in time")

func (c *connection) exchange(request []byte, deadline time.Time) (status int, body []byte, err error) {
	defer func() {
		if err == nil {
			return
		}
		c.close()
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			err = errTimeout
		}
	}()
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", c.address, time.Until(deadline)); err != nil { //nolint:noctx // it has a deadline
			c.conn = nil
			return 0, nil, err
		}
		c.reader = bufio.NewReader(c.conn)
	}
	if err := c.conn.SetDeadline(deadline); err != nil {
		return 0, nil, err
	}
	// A server may refuse a request before it has read it: its answer counts, if there is one.
	_, failed := c.conn.Write(request)
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, nil, errors.Join(err, failed)
	}
	body, err = io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return 0, nil, err
	}
	if response.Close || failed != nil {
		c.close()
	}
	return response.StatusCode, body, nil
}

func (c *connection) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// pool keeps connections that are not in use. The one used last is used next, so that few are idle for long.
type pool struct {
	address string
	mutex   sync.Mutex
	idle    []*connection
}

func (p *pool) get() *connection {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return c
	}
	return &connection{address: p.address}
}

func (p *pool) put(c *connection) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.idle = append(p.idle, c)
}

func (p *pool) close() {
	for _, c := range p.idle {
		c.close()
	}
}
