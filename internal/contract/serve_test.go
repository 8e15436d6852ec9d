// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The document is the one that servers have left from the start, so that managers of before read it.
func TestServeResultKeepsItsForm(t *testing.T) {
	r := ServeResult{Outcome: OutcomeFailed, Reason: ReasonArtifactInvalid, Message: "another digest"}
	got, err := EncodeServeResult(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"version":1,"outcome":"Failed","reason":"ArtifactInvalid","message":"another digest"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
	asTrained, err := EncodeTrainResult(TrainResult{Outcome: r.Outcome, Reason: r.Reason, Message: r.Message})
	if err != nil || string(asTrained) != want {
		t.Errorf("as a TrainResult it was %s, error %v, want %s", asTrained, err, want)
	}
	var decoded ServeResult
	if err := DecodeResult([]byte(`{"version":1,"reason":"ArtifactInvalid","message":"another digest","added":1}`), &decoded); err != nil {
		t.Error(err)
	}
	if decoded.Reason != r.Reason || decoded.Message != r.Message {
		t.Errorf("decoded %+v", decoded)
	}
}

func TestServeResultIsShortened(t *testing.T) {
	for name, message := range map[string]string{
		"long": strings.Repeat("x", 2*MaxTerminationMessage), "long once encoded": strings.Repeat("\x01", 1000),
	} {
		got, err := EncodeServeResult(ServeResult{Outcome: OutcomeFailed, Reason: ReasonConfigInvalid, Message: message})
		if err != nil || len(got) > MaxTerminationMessage {
			t.Errorf("%s: %d bytes, error %v", name, len(got), err)
		}
		var decoded ServeResult
		if err := DecodeResult(got, &decoded); err != nil || decoded.Reason != ReasonConfigInvalid || !strings.HasPrefix(message, decoded.Message) || decoded.Message == "" {
			t.Errorf("%s: decoded %+v, error %v", name, decoded, err)
		}
	}
}
