// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/trainyard-dev/trainyard/internal/webpage"
)

// The parts of the page.
var (
	//go:embed page/index.html
	pageHTML string
	//go:embed page/style.css
	pageStyle string
	//go:embed page/script.js
	pageScript string

	page = webpage.Join(pageHTML, pageStyle, pageScript)
)

// keepAlive is how often a stream says something though nothing has changed, so that either side notices if the other is gone.
const keepAlive = 15 * time.Second

// handler serves the page, and what is on it as a stream of server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html).
type handler struct {
	gather   func(ctx context.Context, ref string) (View, error)
	interval time.Duration
}

func newHandler(gather func(context.Context, string) (View, error), interval time.Duration) http.Handler {
	h := &handler{gather: gather, interval: interval}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", page)
	mux.HandleFunc("GET /events", h.events)
	return onlyHere(mux)
}

// onlyHere refuses requests that name another host: a page from elsewhere whose name is made to resolve to this machine
// could read the cluster otherwise.
func onlyHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, fmt.Sprintf("this page is for this machine alone: open http://localhost, not %q", r.Host), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// events sends a view whenever it has changed, until the page is closed. What goes wrong is sent too: it may go again.
func (h *handler) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	stream := http.NewResponseController(w)
	ref := r.URL.Query().Get("object")
	ticks := time.NewTicker(h.interval)
	defer ticks.Stop()
	var last string
	var sent time.Time
	for {
		event := h.event(r.Context(), ref)
		if event == last && time.Since(sent) < keepAlive {
			event = ""
		} else {
			last, sent = event, time.Now()
		}
		if _, err := w.Write([]byte(event)); err != nil {
			return
		}
		if stream.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticks.C:
		}
	}
}

// event is a view, or why there is none.
func (h *handler) event(ctx context.Context, ref string) string {
	view, err := h.gather(ctx, ref)
	if err != nil {
		return event("problem", err.Error())
	}
	return event("view", view)
}

func event(name string, content any) string {
	text, err := json.Marshal(content)
	if err != nil {
		text, name = fmt.Appendf(nil, "%q", err), "problem"
	}
	return fmt.Sprintf("event: %s\ndata: %s\n\n", name, text)
}
