// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/console"
	"github.com/trainyard-dev/trainyard/internal/plugin/status"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var now = wrappers.At(3600).Time

func TestEpochsAreReadOutOfALog(t *testing.T) {
	const log = `{"time":"2026-05-01T10:11:12Z","level":"INFO","msg":"Training goes on","epoch":2}
{"time":"2026-05-01T10:11:12Z","level":"INFO","msg":"Epoch 2 of 6","trainLoss":0.5,"trainAccuracy":0.8,"validationLoss":0.6,"validationAccuracy":0.7,"best":true}
{"msg":"Epoch of its own"}
no JSON
{"msg":"Epoch 3 of 6","trainLoss":"much"}
{"msg":"Epoch 4 of 6","trainLoss":0.25}`
	want := []Epoch{{Number: 2, TrainLoss: 0.5, ValidationLoss: 0.6, TrainAccuracy: 0.8, ValidationAccuracy: 0.7}, {Number: 4, TrainLoss: 0.25}}
	if diff := cmp.Diff(want, epochsIn([]byte(log))); diff != "" {
		t.Error(diff)
	}
}

func TestTrafficOfSeveralPods(t *testing.T) {
	slow, fast := &stats{Requests: 10, Failures: 1, RequestsPerSecond: 1.5, Predictions: map[string]int64{"cat": 4}}, &stats{
		Requests: 20, RequestsPerSecond: 2, Predictions: map[string]int64{"cat": 1, "dog": 2},
	}
	slow.Latency.P50Millis, slow.Latency.P99Millis = 20, 90
	fast.Latency.P50Millis, fast.Latency.P99Millis = 5, 95
	want := &Traffic{
		Pods: 2, RequestsPerSecond: 3.5, Requests: 30, Failures: 1, P50Millis: 20, P99Millis: 95, Predictions: map[string]int64{"cat": 5, "dog": 2},
	}
	if diff := cmp.Diff(want, sum([]*stats{slow, nil, fast})); diff != "" {
		t.Error(diff)
	}
	if got := sum([]*stats{nil}); got != nil {
		t.Errorf("no answer is summed up as %v", got)
	}
}

func TestView(t *testing.T) {
	server := status.Server{Object: wrappers.MakeModelServer("pets", "zoo", "pets-1").Obj()}
	run := status.Run{Object: wrappers.MakeTrainingRun("pets-1", "zoo").Obj()}
	run.Object.Status.Progress = &v1alpha1.TrainingProgress{Percent: ptr.To[int32](45)}
	all := status.Data{Servers: []status.Server{server}, Runs: []status.Run{run}}

	view := viewOf("zoo", gathered{all: all}, now)
	if view.Namespace != "zoo" || view.Servers.Title != "ModelServers" || view.Runs.Title != "TrainingRuns" || view.Detail != nil {
		t.Errorf("a namespace is shown as %+v", view)
	}
	if got := view.Runs.Blocks[0].Rows[1][0].Text; got != "pets-1" {
		t.Errorf("a row begins with %q, want its name", got)
	}

	view = viewOf("zoo", gathered{all: all, one: status.Data{Runs: []status.Run{run}}, curve: []Epoch{{Number: 1}}, unread: []string{"curves: x"}}, now)
	if d := view.Detail; d.Name != "pets-1" || len(d.Curve) != 1 || ptr.Deref(d.Percent, 0) != 45 {
		t.Errorf("a run is shown as %+v", view.Detail)
	}
	last := view.Detail.Sections[len(view.Detail.Sections)-1]
	if diff := cmp.Diff(console.Section{Title: "Not read", Blocks: []console.Block{{Rows: [][]console.Cell{{{Text: "curves: x"}}}}}}, last); diff != "" {
		t.Error(diff)
	}

	run.Object.Status.CompletionTime = ptr.To(wrappers.At(1))
	if d := viewOf("zoo", gathered{all: all, one: status.Data{Runs: []status.Run{run}}}, now).Detail; d.Percent != nil {
		t.Errorf("a run that has ended is at %d %%", *d.Percent)
	}
	if d := viewOf("zoo", gathered{all: all, one: status.Data{Servers: []status.Server{server}}, traffic: &Traffic{Pods: 1}}, now).Detail; d.Traffic == nil {
		t.Error("a server is shown without its traffic")
	}
}

// The page is for this machine: a browser that was led here under another name is refused.
func TestOtherHostsAreRefused(t *testing.T) {
	handler := newHandler(func(context.Context, string) (View, error) { return View{}, nil }, time.Hour)
	for host, want := range map[string]int{
		"localhost:8765": http.StatusOK, "127.0.0.1:8765": http.StatusOK, "[::1]:8765": http.StatusOK, "localhost": http.StatusOK,
		"evil.example:8765": http.StatusForbidden, "10.0.0.1:8765": http.StatusForbidden, "": http.StatusForbidden, "localhost.evil.example": http.StatusForbidden,
	} {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Host = host
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code != want {
			t.Errorf("host %q: status %d, want %d", host, answer.Code, want)
		}
	}
}

func TestEventsFollowWhatChanges(t *testing.T) {
	views := make(chan any, 5)
	for _, v := range []any{View{Namespace: "a"}, View{Namespace: "a"}, errors.New("the API server\nis away"), View{Namespace: "b"}} {
		views <- v
	}
	refs := make(chan string, 5)
	server := httptest.NewServer(newHandler(func(ctx context.Context, ref string) (View, error) {
		select {
		case refs <- ref:
		default:
		}
		select {
		case next := <-views:
			if err, failed := next.(error); failed {
				return View{}, err
			}
			return next.(View), nil
		case <-ctx.Done():
			return View{}, ctx.Err()
		}
	}, time.Millisecond))
	defer server.Close()
	answer, err := http.Get(server.URL + "/events?object=modelserver/pets")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	lines := bufio.NewScanner(answer.Body)
	for _, want := range []string{"view a", "problem \"the API server\\nis away\"", "view b"} {
		var text []string
		for lines.Scan() && lines.Text() != "" {
			text = append(text, lines.Text())
		}
		name, content, _ := strings.Cut(want, " ")
		if len(text) != 2 || text[0] != "event: "+name || !strings.Contains(text[1], content) {
			t.Errorf("got %q, want %s", text, want)
		}
	}
	if ref := <-refs; ref != "modelserver/pets" {
		t.Errorf("read %q", ref)
	}
}
