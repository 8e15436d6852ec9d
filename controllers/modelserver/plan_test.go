// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"bytes"
	"strings"
	"testing"
	"time"

	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

// The log says at level debug which rule asks for a change, and nothing where none does.
func TestPlanLogsTheRule(t *testing.T) {
	cases := map[string]struct {
		service *rollout.Service
		debug   bool
		want    string
	}{
		"no Service":         {debug: true, want: `"rule": "recover"`},
		"an edited selector": {service: &rollout.Service{Selected: "x", Record: &rollout.Record{}}, debug: true, want: `"rule": "reselect"`},
		"nothing to decide":  {service: &rollout.Service{Record: &rollout.Record{}}, debug: true},
		"not at level debug": {},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			ctx := logf.IntoContext(t.Context(), zap.New(zap.WriteTo(&log), zap.UseDevMode(tc.debug)))
			s := &scope{observed: &rollout.Observed{Now: time.Now(), Service: tc.service}}
			if err := (&reconciler{}).plan(ctx, s); err != nil {
				t.Fatal(err)
			}
			if got := log.String(); !strings.Contains(got, tc.want) || (got == "") != (tc.want == "") {
				t.Errorf("log %q, want %q", got, tc.want)
			}
		})
	}
}
