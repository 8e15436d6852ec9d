// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"
	"testing"

	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

// Every code of the service has a status in HTTP, which says whose fault it is.
func TestEveryCodeHasAnAnswer(t *testing.T) {
	serversFault := map[serving.Code]bool{
		serving.CodeLoading: true, serving.CodeOverloaded: true, serving.CodeTimeout: true, serving.CodeInternal: true,
	}
	for _, code := range serving.Codes {
		p := problemFrom(&serving.Error{Code: code, Detail: "detail"})
		if p.Status < 400 || p.Status >= 500 != serversFault[code] || p.Code == "" || p.Detail != "detail" {
			t.Errorf("%s is answered %+v", code, p)
		}
	}
	if len(answers) != len(serving.Codes) {
		t.Errorf("%d codes have an answer, the service has %d", len(answers), len(serving.Codes))
	}
	if p := problemFrom(serving.ErrLoading); p.GetHeaders().Get("Retry-After") != "1" || p.Status != http.StatusServiceUnavailable {
		t.Errorf("while loading: %+v, headers %v", p, p.GetHeaders())
	}
}
