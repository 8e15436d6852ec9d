// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import "net/http"

// checkQuery refuses parameters that are empty or given several times, of which one would be taken and the others passed over.
func checkQuery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			for name, values := range r.URL.Query() {
				if len(values) != 1 || values[0] == "" {
					writeProblem(w, r, newProblem(http.StatusBadRequest, "invalid_parameter", "the parameter %.100q is empty or given several times: give it a value, once", name))
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}
