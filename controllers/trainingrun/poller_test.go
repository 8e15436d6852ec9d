// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// answers is a transport that answers each question with what it holds.
type answers struct {
	mu     sync.Mutex
	status int
	body   string
	header http.Header
	asked  []string
}

func (a *answers) RoundTrip(request *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, request.URL.String())
	if a.status == 0 {
		return nil, errors.New("no route to host")
	}
	return &http.Response{
		StatusCode: a.status, Status: strconv.Itoa(a.status), Header: a.header,
		Body: io.NopCloser(strings.NewReader(a.body)), Request: request,
	}, nil
}

func (a *answers) say(status int, body string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.body = status, body
}

func (a *answers) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

// first is the first URL that was asked.
func (a *answers) first() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked[0]
}

var petsKey = types.NamespacedName{Namespace: "zoo", Name: "pets"}

func podAt(uid types.UID, ip string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: uid}, Status: corev1.PodStatus{PodIP: ip}}
}

func sequence(n int) string { return fmt.Sprintf(`{"version":1,"sequence":%d,"percent":%d}`, n, n) }

// withPoller runs a poller in a bubble with a clock of its own.
func withPoller(t *testing.T, transport *answers, test func(t *testing.T, p *poller)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoller(transport, clock.RealClock{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Start(ctx) }()
		test(t, p)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Start returned %v", err)
		}
	})
}

// wakes takes the wakes that wait, and counts them. Sleeps end in the instant of a scan, which goes first.
func wakes(p *poller) int {
	synctest.Wait()
	n := 0
	for {
		select {
		case <-p.wakes:
			n++
		default:
			return n
		}
	}
}

func TestPollerAsksEachPodAtItsPace(t *testing.T) {
	transport := &answers{}
	transport.say(200, sequence(1))
	withPoller(t, transport, func(t *testing.T, p *poller) {
		if got := p.track(petsKey, podAt("a", "10.0.0.1")); got != nil {
			t.Errorf("track = %+v before the first answer", got)
		}
		time.Sleep(time.Second)
		if got := p.track(petsKey, podAt("a", "10.0.0.1")); got == nil || got.Sequence != 1 {
			t.Errorf("track = %+v, want sequence 1", got)
		}
		if got := transport.first(); got != "http://10.0.0.1:8080/progress" {
			t.Errorf("asked %s", got)
		}
		time.Sleep(time.Minute)
		if n := transport.count(); n < 11 || n > 13 {
			t.Errorf("asked %d times in 61 s, want one in 5 s", n)
		}
		if n := wakes(p); n != 1 {
			t.Errorf("woke the reconciler %d times for one sequence", n)
		}
		transport.say(200, sequence(2))
		time.Sleep(6 * time.Second)
		if n := wakes(p); n != 1 {
			t.Errorf("woke the reconciler %d times for the next sequence", n)
		}
	})
}

func TestPollerKeepsTheHighestSequenceOfAPod(t *testing.T) {
	transport := &answers{}
	transport.say(200, sequence(7))
	withPoller(t, transport, func(t *testing.T, p *poller) {
		p.track(petsKey, podAt("a", "10.0.0.1"))
		time.Sleep(time.Second)
		transport.say(200, sequence(3))
		time.Sleep(6 * time.Second)
		if got := p.track(petsKey, podAt("a", "10.0.0.1")); got.Sequence != 7 {
			t.Errorf("sequence = %d after an older answer, want 7", got.Sequence)
		}
		if got := p.track(petsKey, podAt("b", "10.0.0.1")); got != nil {
			t.Errorf("another pod starts with %+v", got)
		}
		time.Sleep(time.Second)
		if got := p.track(petsKey, podAt("b", "10.0.0.1")); got == nil || got.Sequence != 3 {
			t.Errorf("the new pod's progress = %+v, want its own sequence 3", got)
		}
	})
}

func TestPollerForgets(t *testing.T) {
	for name, forget := range map[string]func(*poller){
		"told so":           func(p *poller) { p.forget(petsKey) },
		"the pod has no IP": func(p *poller) { p.track(petsKey, podAt("a", "")) },
		"no IP but a name":  func(p *poller) { p.track(petsKey, podAt("a", "evil.example")) },
	} {
		t.Run(name, func(t *testing.T) {
			transport := &answers{}
			transport.say(200, sequence(1))
			withPoller(t, transport, func(t *testing.T, p *poller) {
				p.track(petsKey, podAt("a", "10.0.0.1"))
				time.Sleep(time.Second)
				forget(p)
				before := transport.count()
				time.Sleep(time.Minute)
				if n := transport.count(); n != before {
					t.Errorf("asked %d times more", n-before)
				}
			})
		})
	}
}

func TestPollerBelievesNoOddAnswer(t *testing.T) {
	cases := map[string]struct {
		status int
		body   string
	}{
		"unreachable":         {},
		"not found":           {404, sequence(1)},
		"a redirect":          {302, sequence(1)},
		"no JSON":             {200, "<html>"},
		"another version":     {200, `{"version":7,"sequence":1}`},
		"a negative sequence": {200, `{"version":1,"sequence":-1}`},
		"too long":            {200, `{"version":1,"sequence":1,"stage":"` + strings.Repeat("x", maxProgressBody) + `"}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			transport := &answers{header: http.Header{"Location": {"http://169.254.169.254/"}}}
			transport.say(tc.status, tc.body)
			withPoller(t, transport, func(t *testing.T, p *poller) {
				p.track(petsKey, podAt("a", "10.0.0.1"))
				time.Sleep(time.Second)
				if got := p.track(petsKey, podAt("a", "10.0.0.1")); got != nil {
					t.Errorf("progress = %+v, want none", got)
				}
				if n := transport.count(); n != 1 {
					t.Errorf("asked %d times, want 1: redirects must not be followed", n)
				}
				if n := wakes(p); n != 0 {
					t.Errorf("woke the reconciler %d times", n)
				}
			})
		})
	}
}

func TestPollerPutsAWakeOffThatNobodyTakes(t *testing.T) {
	transport := &answers{}
	transport.say(200, sequence(1))
	withPoller(t, transport, func(t *testing.T, p *poller) {
		for range progressWakes {
			p.wake(petsKey)
		}
		p.track(petsKey, podAt("a", "10.0.0.1"))
		time.Sleep(time.Second)
		if n := wakes(p); n != progressWakes {
			t.Fatalf("%d wakes wait, want the channel full", n)
		}
		time.Sleep(time.Second)
		if n := wakes(p); n != 1 {
			t.Errorf("%d wakes after the channel was emptied, want the one put off", n)
		}
	})
}

// hanging is a transport whose answers never come.
type hanging struct{}

func (hanging) RoundTrip(request *http.Request) (*http.Response, error) {
	<-request.Context().Done()
	return nil, request.Context().Err()
}

func TestStartReturnsThoughPodsHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoller(hanging{}, clock.RealClock{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Start(ctx) }()
		for i := range 3 * progressWorkers {
			p.track(types.NamespacedName{Name: strconv.Itoa(i)}, podAt("a", "10.0.0.1"))
		}
		time.Sleep(3 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Start returned %v", err)
		}
	})
}

// byHost answers for healthy pods at once; the answers of all others never come.
type byHost struct {
	healthy *answers
	asked   atomic.Int64 // questions to others
	asking  atomic.Int64 // of those, under way
	most    atomic.Int64 // the most of them at a time
}

func (b *byHost) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Hostname() == "10.0.0.1" {
		return b.healthy.RoundTrip(request)
	}
	b.asked.Add(1)
	b.most.Store(max(b.most.Load(), b.asking.Add(1)))
	defer b.asking.Add(-1)
	return hanging{}.RoundTrip(request)
}

func TestPollerIsFair(t *testing.T) {
	cases := map[string]struct{ namespaces, pods int }{
		"one tenant's pods hang":             {namespaces: 1, pods: 320},
		"pods of many namespaces hang":       {namespaces: 20, pods: 16},
		"one pod in each of many namespaces": {namespaces: 320, pods: 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := &byHost{healthy: &answers{}}
				transport.healthy.say(200, sequence(1))
				p := newPoller(transport, clock.RealClock{})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- p.Start(ctx) }()
				for i := range tc.namespaces {
					for j := range tc.pods {
						p.track(types.NamespacedName{Namespace: strconv.Itoa(i), Name: strconv.Itoa(j)}, podAt("a", "10.0.0.2"))
					}
				}
				time.Sleep(90 * time.Second) // the first round of questions is over: who hangs is known
				p.track(petsKey, podAt("a", "10.0.0.1"))
				time.Sleep(time.Minute)
				if n := transport.healthy.count(); n < 10 {
					t.Errorf("a healthy pod was asked %d times in a minute, want one in about 5 s", n)
				}
				if n := transport.most.Load(); n > progressWorkers {
					t.Errorf("%d questions side by side, want at most %d", n, progressWorkers)
				}
				cancel()
				if err := <-done; err != nil {
					t.Errorf("Start returned %v", err)
				}
			})
		})
	}
}

func TestPollerAsksRarelyWhoDoesNotAnswer(t *testing.T) {
	transport := &byHost{healthy: &answers{}}
	synctest.Test(t, func(t *testing.T) {
		p := newPoller(transport, clock.RealClock{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Start(ctx) }()
		p.track(petsKey, podAt("a", "10.0.0.2"))
		time.Sleep(time.Hour)
		if n := transport.asked.Load(); n < 55 || n > 70 {
			t.Errorf("asked %d times in an hour, want about one a minute", n)
		}
		before := transport.asked.Load()
		p.track(petsKey, podAt("b", "10.0.0.2"))
		time.Sleep(15 * time.Second)
		if n := transport.asked.Load() - before; n != 3 {
			t.Errorf("asked another pod %d times in 15 s, want 3", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Start returned %v", err)
		}
	})
}

func TestPollerReadsNoHeadersWithoutEnd(t *testing.T) {
	sent := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		connection, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = connection.Close() }()
		_, _ = buffer.WriteString("HTTP/1.1 200 OK\r\n")
		for sent < 64*maxProgressHead && err == nil {
			var n int
			n, err = fmt.Fprintf(buffer, "X-Padding-%d: %s\r\n", sent, strings.Repeat("x", 1000))
			sent += n
		}
		_, _ = fmt.Fprintf(buffer, "Content-Length: %d\r\n\r\n%s", len(sequence(1)), sequence(1))
		_ = buffer.Flush()
	}))
	defer server.Close()
	progress, err := newPoller(nil, clock.RealClock{}).fetch(t.Context(), server.URL)
	if err == nil {
		t.Errorf("progress = %+v though its headers have more than %d bytes", progress, maxProgressHead)
	}
}

func TestOnlyTheLeaderPolls(t *testing.T) {
	if !newPoller(nil, clock.RealClock{}).NeedLeaderElection() {
		t.Error("every replica would ask every pod")
	}
}

func FuzzDecodeProgress(f *testing.F) {
	f.Add([]byte(sequence(1)))
	f.Add(bytes.Repeat([]byte("["), 100))
	f.Fuzz(func(t *testing.T, body []byte) {
		if progress, err := decodeProgress(body); err == nil && progress.Sequence < 0 {
			t.Errorf("decodeProgress(%q) = %+v", body, progress)
		}
	})
}
