// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// soakNetwork and soakPicture are small, so that a soak comes to millions of requests.
	soakNetwork = "small"
	soakPicture = "32x32"
	// soakRequests end a soak.
	soakRequests = 2_000_000
	soakClients  = 8
)

// state is what a server was like at a time.
type state struct {
	requests           int64
	memory             float64
	goroutines, series int
}

// soak asks our server for as long as it may, mostly what it should be asked, and reports whether it grows.
func (b *bench) soak(most time.Duration) error {
	b.pictureNames = []string{soakPicture}
	if err := b.readPictures(); err != nil {
		return err
	}
	f := &figures{contestant: trainyard("trainyard", "trainyard", ".onnx", false)}
	r, err := b.start(f, soakNetwork, setting{})
	if err != nil {
		return err
	}
	defer r.process.stop()
	var (
		sent  atomic.Int64
		bad   atomic.Int64
		group sync.WaitGroup
	)
	end := time.Now().Add(most)
	for client := range soakClients {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(client)))
			c := &connection{address: r.process.address}
			defer c.close()
			for sent.Add(1) <= soakRequests && time.Now().Before(end) {
				request, want := b.soakRequest(random)
				if status, _, err := c.ask(request, time.Now().Add(patience)); err != nil || status != want {
					bad.Add(1)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	var states []state
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(5 * time.Second):
		}
		s, err := observe(r, min(sent.Load(), soakRequests))
		if err != nil {
			return err
		}
		states = append(states, s)
		fmt.Printf("%8d requests  %5.1f MB  %4d goroutines  %4d series\n", s.requests, s.memory/1e6, s.goroutines, s.series)
	}
	if len(states) < 4 {
		return errors.New("a soak needs 20 s at least")
	}
	settled := states[len(states)/4:]
	first, last := settled[0], settled[len(settled)-1]
	fmt.Printf("bench-serving-soak: requests=%d unexpected=%d memory_mb=%.1f memory_kb_per_million=%.0f goroutines=%d..%d series=%d..%d\n",
		last.requests, bad.Load(), last.memory/1e6, slope(settled)*1e6/1e3, first.goroutines, last.goroutines, first.series, last.series)
	return nil
}

// soakRequest is a picture, and once in a while something else, with the status that it should get.
func (b *bench) soakRequest(random *rand.Rand) (request []byte, want int) {
	picture := b.files[soakPicture]
	switch random.IntN(64) {
	case 0:
		return requestOf("POST", "/predict", "image/jpeg", picture[:len(picture)/2]), 400
	case 1:
		return requestOf("GET", fmt.Sprintf("/no/such/path/%d", random.Int64()), "", nil), 404
	case 2:
		return requestOf("POST", fmt.Sprintf("/v2/models/other-%d/infer", random.Int64()), "application/json", []byte("{}")), 404
	case 3:
		return requestOf("POST", "/predict", fmt.Sprintf("image/x-%d", random.Int64()), []byte("neither")), 415
	case 4:
		return requestOf("GET", "/stats", "", nil), 200
	}
	return requestOf("POST", fmt.Sprintf("/predict?logits=true&u=%d", random.Int64()), "image/jpeg", picture), 200
}

// observe reads the memory of a server and what it says of itself.
func observe(r *running, requests int64) (state, error) {
	s := state{requests: requests, memory: float64(r.process.memory())}
	c := &connection{address: r.process.address}
	defer c.close()
	status, body, err := c.ask(requestOf("GET", "/metrics", "", nil), time.Now().Add(patience))
	if err != nil || status != 200 {
		return s, fmt.Errorf("metrics of %s: status %d: %w", filepath.Base(r.process.command.Path), status, err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
		line := lines.Text()
		if value, found := strings.CutPrefix(line, "go_goroutines "); found {
			s.goroutines, _ = strconv.Atoi(value)
		}
		if !strings.HasPrefix(line, "#") {
			s.series++
		}
	}
	return s, nil
}

// slope is by how many bytes the memory grows with a request, by least squares.
func slope(states []state) float64 {
	n, x, y, xx, xy := float64(len(states)), 0.0, 0.0, 0.0, 0.0
	for _, s := range states {
		requests := float64(s.requests)
		x, y, xx, xy = x+requests, y+s.memory, xx+requests*requests, xy+requests*s.memory
	}
	if d := n*xx - x*x; d != 0 {
		return (n*xy - x*y) / d
	}
	return 0
}
