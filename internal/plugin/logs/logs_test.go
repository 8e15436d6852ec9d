// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/console"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

func TestReadable(t *testing.T) {
	for line, want := range map[string]string{
		`{"time":"2026-05-01T10:11:12.5Z","level":"INFO","msg":"Epoch 1 of 6","trainLoss":0.51,"best":true,"why":"a word or two","model":"pvc://m"}`: `10:11:12 INF Epoch 1 of 6 trainLoss=0.51 best=true why="a word or two" model=pvc://m`,
		`{"time":"2026-05-01T10:11:12+02:00","level":"WARN","msg":"x","nested":{"a":1}}`:                                                             `08:11:12 WRN x nested={"a":1}`,
		"2026-05-01T10:11:12Z epoch=1 trainLoss=0.5":                                                                                                 "2026-05-01T10:11:12Z epoch=1 trainLoss=0.5",
		`{"level":"INFO"}`:                               "{\"level\":\"INFO\"}",
		`{"time":"never","level":"INFO","msg":"x"}`:      `{"time":"never","level":"INFO","msg":"x"}`,
		`{"time":"2026-05-01T10:11:12Z","level":"INFO",`: `{"time":"2026-05-01T10:11:12Z","level":"INFO",`,
		`["time"]`: `["time"]`,
		"":         "",
	} {
		page := console.NewPage()
		page.Line(readable([]byte(line), time.UTC)...)
		if got := strings.TrimSuffix(page.String(), "\n"); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", line, got, want)
		}
	}
}

// The status stays below the lines that come.
func TestPrinter(t *testing.T) {
	for name, tc := range map[string]struct {
		printer *printer
		want    string
	}{
		"on a terminal": {printer: &printer{terminal: true, raw: true}, want: "\r\x1b[K45 %\r\x1b[Kone\n45 %\r\x1b[K50 %\r\x1b[Kpod two\n50 %\r\x1b[K"},
		"elsewhere":     {printer: &printer{raw: true}, want: "one\npod two\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			tc.printer.out = &out
			for _, err := range []error{
				tc.printer.show("45 %"), tc.printer.line("", []byte("one")), tc.printer.show("45 %"), tc.printer.show("50 %"),
				tc.printer.line("pod", []byte("two")), tc.printer.show(""),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	pod := func(name string, seconds int, revision string) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: wrappers.At(seconds), Labels: map[string]string{v1alpha1.RevisionLabel: revision}}}
	}
	run := cluster.Found{Run: wrappers.MakeTrainingRun("pets", "zoo").Obj()}
	server := cluster.Found{Server: wrappers.MakeModelServer("pets", "zoo", "run").Obj()}
	server.Server.Status.Live = &v1alpha1.LiveRevision{Revision: "pets-1"}
	waiting := cluster.Found{Server: wrappers.MakeModelServer("pets", "zoo", "run").Obj()}
	pods := []corev1.Pod{pod("c", 3, "pets-2"), pod("a", 1, "pets-1"), pod("b", 2, "pets-1")}
	for name, tc := range map[string]struct {
		found  cluster.Found
		pods   []corev1.Pod
		named  string
		want   []string
		refuse string
	}{
		"a run's newest":        {found: run, pods: pods, want: []string{"c"}},
		"a server's live ones":  {found: server, pods: pods, want: []string{"a", "b"}},
		"the one that is named": {found: server, pods: pods, named: "c", want: []string{"c"}},
		"none of that name":     {found: server, pods: pods, named: "d", refuse: "a, b, c"},
		"nothing runs":          {found: run, refuse: "has no pod"},
		"nothing is live":       {found: waiting, pods: pods, refuse: "--pod: a, b, c"},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, err := choose(tc.found, tc.pods, tc.named)
			if tc.refuse != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refuse) {
					t.Errorf("got %v, want an error that says %q", err, tc.refuse)
				}
				return
			}
			var names []string
			for _, pod := range chosen {
				names = append(names, pod.Name)
			}
			if diff := cmp.Diff(tc.want, names); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestLines(t *testing.T) {
	var got []string
	err := lines(strings.NewReader("one\n\nthree"), func(line []byte) error {
		got = append(got, string(line))
		return nil
	})
	if diff := cmp.Diff([]string{"one", "", "three"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}
