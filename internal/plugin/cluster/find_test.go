// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import "testing"

func TestParseRef(t *testing.T) {
	for text, want := range map[string]Ref{
		"pets":                           {Name: "pets"},
		"modelserver/pets":               {Kind: ModelServer, Name: "pets"},
		"msrv/pets":                      {Kind: ModelServer, Name: "pets"},
		"ModelServers/pets":              {Kind: ModelServer, Name: "pets"},
		"modelserver.trainyard.dev/pets": {Kind: ModelServer, Name: "pets"},
		"trun/pets":                      {Kind: TrainingRun, Name: "pets"},
		"trainingruns/pets":              {Kind: TrainingRun, Name: "pets"},
	} {
		if got, err := ParseRef(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "/", "/pets", "pod/pets", "msrv/", "msrv/a/b"} {
		if got, err := ParseRef(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}
