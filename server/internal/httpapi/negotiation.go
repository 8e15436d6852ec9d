// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// negotiate refuses requests that accept none of the types that an endpoint answers. Errors are problem documents whatever
// a request accepts.
func negotiate(types []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if header := strings.Join(r.Header.Values("Accept"), ","); !accepts(header, types) {
			writeProblem(w, r, newProblem(http.StatusNotAcceptable, "not_acceptable",
				"Accept is %.100q, and the answer is %s: accept that, or leave out the header", header, strings.Join(types, " or ")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// accepts tells whether an Accept header admits one of the types (RFC 9110, 12.5.1): of its ranges the most specific one that
// matches decides. What can't be read admits nothing.
func accepts(header string, types []string) bool {
	if strings.TrimSpace(header) == "" {
		return true
	}
	ranges := map[string]float64{}
	for part := range strings.SplitSeq(header, ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, ok := params["q"]; ok {
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		ranges[name] = weight
	}
	return slices.ContainsFunc(types, func(name string) bool {
		family, _, _ := strings.Cut(name, "/")
		for _, candidate := range []string{name, family + "/*", "*/*"} {
			if weight, ok := ranges[candidate]; ok {
				return weight > 0
			}
		}
		return false
	})
}
