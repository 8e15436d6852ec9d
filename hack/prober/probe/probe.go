// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package probe sends predictions to a model server and counts what comes back.
package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Config says whom to probe and how fast.
type Config struct {
	URL      string        // base URL
	Interval time.Duration // between two requests on either kind of connection
	Timeout  time.Duration // of a request
	Pooled   int           // clients that keep their connection
	// PortsInTurn has fresh connections come from one source port after the other. The kernel chooses among all, and comes back to
	// one within seconds: what a node's connection tracking remembers of it then answers for the Service.
	PortsInTurn bool
}

// Stats is what a client has seen.
type Stats struct {
	Requests int `json:"requests"`
	// Failed counts requests without an answer, and answers other than 200.
	Failed int `json:"failed"`
	// Refused counts, among Failed, those without any answer.
	Refused  int             `json:"refused"`
	Statuses map[int]int     `json:"statuses"`
	Answers  map[string]Seen `json:"answers"`            // by revision
	Failures []Failure       `json:"failures,omitempty"` // the first few
}

// Seen is how often and when a revision has answered.
type Seen struct {
	Count int       `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// FirstFailed is when it first answered with something else than 200; zero if it never did.
	FirstFailed time.Time `json:"firstFailed,omitzero"`
	// Clients is when each client that it has answered heard it first.
	Clients map[int]time.Time `json:"clients"`
	Latest  []Answer          `json:"latest"` // the last few
}

// Answer is one answer, and what it takes to find its connection elsewhere.
type Answer struct {
	Sent      time.Time `json:"sent"`
	Connected time.Time `json:"connected"` // or when a kept connection was taken
	Answered  time.Time `json:"answered"`
	Port      int       `json:"port"` // the client's end
	Status    int       `json:"status"`
}

// Failure is one failed request.
type Failure struct {
	Sent    time.Time `json:"sent"`
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
}

// Report is what the clients have seen.
type Report struct {
	Fresh  Stats `json:"fresh"`  // a connection per request, by one client
	Pooled Stats `json:"pooled"` // connections are kept
}

const (
	keptFailures = 20
	keptAnswers  = 20
)

// Prober runs the clients until its context ends.
type Prober struct {
	cfg   Config
	body  []byte
	group sync.WaitGroup

	mu     sync.Mutex
	report Report
}

// Start starts the clients. They end with ctx.
func Start(ctx context.Context, cfg Config) (*Prober, error) {
	body, err := picture()
	if err != nil {
		return nil, err
	}
	p := &Prober{cfg: cfg, body: body}
	for stats, clients := range map[*Stats]int{&p.report.Fresh: 1, &p.report.Pooled: cfg.Pooled} {
		stats.Statuses, stats.Answers = map[int]int{}, map[string]Seen{}
		for n := range clients {
			transport := http.DefaultTransport.(*http.Transport).Clone()
			if stats == &p.report.Fresh {
				transport.DisableKeepAlives = true
				if cfg.PortsInTurn {
					transport.DialContext = (&turns{}).dial
				}
			}
			c := client{Client: &http.Client{Transport: transport, Timeout: cfg.Timeout}, number: n, interval: time.Duration(clients) * cfg.Interval, stats: stats}
			p.group.Go(func() { p.loop(ctx, c) })
		}
	}
	return p, nil
}

// client sends requests, and has a place where they are counted.
type client struct {
	*http.Client
	number   int
	interval time.Duration // between two of its requests
	stats    *Stats
}

// Wait waits until the clients have ended.
func (p *Prober) Wait() { p.group.Wait() }

// Report returns a copy of the counts so far.
func (p *Prober) Report() (Report, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	data, err := json.Marshal(p.report)
	if err != nil {
		return Report{}, fmt.Errorf("copy report: %w", err)
	}
	var out Report
	return out, json.Unmarshal(data, &out)
}

// ServeHTTP answers the counts so far.
func (p *Prober) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	report, err := p.Report()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(report)
}

func (p *Prober) loop(ctx context.Context, c client) {
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		answer := Answer{Sent: time.Now()}
		revision, err := p.post(ctx, c, &answer)
		if ctx.Err() != nil {
			return
		}
		answer.Answered = time.Now()
		p.count(c, revision, answer, err)
	}
}

// post sends one prediction and notes its connection and status in answer. A POST with a body that can't be read twice
// is never retried by net/http.
func (p *Prober) post(ctx context.Context, c client, answer *Answer) (revision string, err error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		answer.Connected = time.Now()
		if local, ok := info.Conn.LocalAddr().(*net.TCPAddr); ok {
			answer.Port = local.Port
		}
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.cfg.URL+"/predict", io.NopCloser(bytes.NewReader(p.body)))
	if err != nil {
		return "", err
	}
	req.ContentLength = int64(len(p.body))
	req.Header.Set("Content-Type", "image/png")
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer.Status = resp.StatusCode
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	return resp.Header.Get(contract.RevisionHeader), nil
}

func (p *Prober) count(c client, revision string, answer Answer, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, status, stats := answer.Answered, answer.Status, c.stats
	failed := err != nil || status != http.StatusOK
	stats.Requests++
	if status != 0 {
		stats.Statuses[status]++
	}
	if revision != "" {
		seen := stats.Answers[revision]
		if seen.Count == 0 {
			seen.First, seen.Clients = now, map[int]time.Time{}
		}
		if seen.Clients[c.number].IsZero() {
			seen.Clients[c.number] = now
		}
		if failed && seen.FirstFailed.IsZero() {
			seen.FirstFailed = now
		}
		seen.Count++
		seen.Last = now
		seen.Latest = append(seen.Latest[max(0, len(seen.Latest)-keptAnswers+1):], answer)
		stats.Answers[revision] = seen
	}
	if !failed {
		return
	}
	stats.Failed++
	message := fmt.Sprintf("status %d", status)
	if err != nil {
		stats.Refused++
		message = err.Error()
	}
	if len(stats.Failures) < keptFailures {
		stats.Failures = append(stats.Failures, Failure{Sent: answer.Sent, Time: now, Message: message})
	}
}

// picture is a small PNG of noise; what it shows doesn't matter.
func picture() ([]byte, error) {
	random := rand.New(rand.NewPCG(1, 2))
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		img.Set(i%64, i/64, color.RGBA{uint8(random.UintN(256)), uint8(random.UintN(256)), uint8(random.UintN(256)), 255})
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return buf.Bytes(), nil
}
