// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func TestRecordRoundTrip(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Local())
	cases := map[string]*Record{
		"zero": {},
		"full": {
			Switch: 3, At: at, Live: "pets-1", Available: 2, Fallback: "pets-0",
			Starting:  &Starting{UID: "u3", Since: at},
			Postponed: &Postponement{Revision: "pets-3", Retry: "again", Failures: 2, At: at, Message: "no room"},
			Rejected: []Rejection{{Policy: "p", Retry: "again", RejectedRevision: v1alpha1.RejectedRevision{
				Revision: "pets-2", Reason: v1alpha1.SmokeFailedReason, Time: &at,
				Checks: []v1alpha1.CheckResult{{Name: "health", Result: v1alpha1.CheckFailed}},
			}}},
			Retiring: []Retiring{{Name: "pets-2", UID: "u2"}},
			History:  []v1alpha1.RetiredRevision{{Revision: "pets-0", RetiredTime: &at, Reason: ReasonReplaced}},
		},
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			encoded, err := want.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := DecodeRecord(encoded)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordGolden(t *testing.T) {
	record := &Record{
		Switch: 1, At: metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Live: "pets-1", Available: 2, Baked: true,
		Rejected: []Rejection{{Policy: "p", RejectedRevision: v1alpha1.RejectedRevision{Revision: "pets-2", Reason: "SmokeFailed"}}},
		Retiring: []Retiring{{Name: "pets-2", UID: "u2"}},
	}
	got, err := record.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"switch":1,"at":"2026-01-02T03:04:05Z","live":"pets-1","available":2,"baked":true,` +
		`"rejected":[{"revision":"pets-2","reason":"SmokeFailed","policy":"p"}],"retiring":[{"name":"pets-2","uid":"u2"}]}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("annotation (-want +got):\n%s", diff)
	}
}

// A manager that was taken back to this version decides on what it knows, and leaves
// what the newer one has written where it was.
func TestRecordKeepsWhatANewerVersionWrote(t *testing.T) {
	const written = `{"switch":1,"at":"2026-01-02T03:04:05Z","live":"pets-1","available":2,"baked":true,"canary":{"percent":5},` +
		`"rejected":[{"revision":"pets-2","reason":"SmokeFailed","policy":"p","evidence":"e","checks":[{"name":"health","result":"Failed","pod":"x"}]}],` +
		`"retiring":[{"name":"pets-2","uid":"u2","since":"now"}],"history":[{"revision":"pets-0","reason":"Replaced","by":"me"}]}`
	record, err := DecodeRecord(written)
	if err != nil {
		t.Fatal(err)
	}
	if record.Live != "pets-1" || !record.Baked || !record.rejectedUnder("pets-2", "p", "") {
		t.Errorf("decoded %+v", record)
	}
	next := record.clone()
	next.reject(Rejection{RejectedRevision: v1alpha1.RejectedRevision{Revision: "pets-3"}, Policy: "p"})
	next.Retiring = nil
	got, err := next.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"at":"2026-01-02T03:04:05Z","available":2,"baked":true,"canary":{"percent":5},` +
		`"history":[{"by":"me","reason":"Replaced","revision":"pets-0"}],"live":"pets-1",` +
		`"rejected":[{"revision":"pets-3","policy":"p"},` +
		`{"checks":[{"name":"health","pod":"x","result":"Failed"}],"evidence":"e","policy":"p","reason":"SmokeFailed","revision":"pets-2"}],"switch":1}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("annotation (-want +got):\n%s", diff)
	}
}

func TestDecodeRecordRefuses(t *testing.T) {
	eleven := strings.Repeat(`{"revision":"r","policy":"p"},`, 11)
	cases := map[string]struct{ record, want string }{
		"nothing":                {"", "unexpected end"},
		"no JSON":                {"live", "invalid character"},
		"another document":       {`{"canary":"x"}`, "no switch"},
		"null":                   {`null`, "no switch"},
		"a second document":      {`{"switch":1}{}`, "after top-level value"},
		"a negative switch":      {`{"switch":-1}`, "switch is -1"},
		"a fallback without":     {`{"switch":1,"fallback":"a"}`, "without a live revision"},
		"live is fallback":       {`{"switch":1,"live":"a","fallback":"a"}`, "both live and fallback"},
		"baked with a fallback":  {`{"switch":1,"live":"a","baked":true,"fallback":"b"}`, "although live is baked"},
		"live is retiring":       {`{"switch":1,"live":"a","retiring":[{"name":"a","uid":"u"}]}`, "a is retiring"},
		"fallback is retiring":   {`{"switch":1,"live":"b","fallback":"a","retiring":[{"name":"a","uid":"u"}]}`, "a is retiring"},
		"retiring without a uid": {`{"switch":1,"retiring":[{"name":"a","uid":""}]}`, "without name or uid"},
		"too many rejected":      {`{"switch":1,"rejected":[` + strings.TrimSuffix(eleven, ",") + `]}`, "more than 10"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got, err := DecodeRecord(tc.record); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("DecodeRecord = %v, %v, want an error with %q", got, err, tc.want)
			}
		})
	}
}

func TestRejectKeepsTheNewestTen(t *testing.T) {
	r := &Record{}
	for i := range 12 {
		r.reject(Rejection{RejectedRevision: v1alpha1.RejectedRevision{Revision: fmt.Sprint("r", i)}, Policy: "p1"})
	}
	r.reject(Rejection{RejectedRevision: v1alpha1.RejectedRevision{Revision: "r5"}, Policy: "p2"})
	var got []string
	for _, x := range r.Rejected {
		got = append(got, x.Revision+x.Policy)
	}
	want := []string{"r5p2", "r11p1", "r10p1", "r9p1", "r8p1", "r7p1", "r6p1", "r4p1", "r3p1", "r2p1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
}

func TestHistoryKeepsTheNewestTen(t *testing.T) {
	r := &Record{}
	for i := range 12 {
		r.Live = fmt.Sprint("r", i)
		r.leave(v1alpha1.RevisionModel{}, metav1.Time{}, ReasonReplaced, MovedBySpec)
	}
	if len(r.History) != maxRemembered || r.History[0].Revision != "r11" {
		t.Errorf("history has %d entries and starts with %s, want 10 and r11", len(r.History), r.History[0].Revision)
	}
}
