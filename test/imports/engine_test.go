// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package imports

import (
	"slices"
	"strings"
	"testing"
)

const engine = module + "internal/engine"

// rooms say which packages of the project each package of the engine may import, relative to internal/engine: nothing
// else, and nothing from outside the engine.
var rooms = map[string][]string{
	"enginetest":    nil,
	"exec":          {"kernels"},
	"exec/exectest": {"enginetest", "exec", "kernels"},
	"graph":         {"exec", "ops/conv", "ops/dense", "ops/elem", "ops/norm", "ops/pooling", "ops/quantized", "tensor"},
	"kernels":       nil,
	"nn":            {"exec", "ops/block", "ops/conv", "ops/dense", "ops/elem", "ops/norm", "ops/pooling", "tensor"},
	"ops/block":     {"exec", "kernels", "ops/conv", "ops/norm", "tensor"},
	"ops/conv":      {"exec", "kernels", "ops/dense", "ops/elem", "ops/pooling", "tensor"},
	"ops/dense":     {"exec", "kernels"},
	"ops/elem":      {"exec"},
	"ops/norm":      {"exec", "tensor"},
	"ops/pooling":   {"exec", "kernels", "tensor"},
	"ops/quantized": {"exec", "kernels", "tensor"},
	"tensor":        nil,
}

func TestRoomsOfTheEngine(t *testing.T) {
	seen := map[string]bool{}
	for path, imports := range list(t, "Imports") {
		if path != engine && !strings.HasPrefix(path, engine+"/") {
			continue
		}
		room := strings.TrimPrefix(strings.TrimPrefix(path, engine), "/")
		allowed, ok := rooms[room]
		if !ok {
			t.Errorf("%s has no rule: say in rooms what it may import", path)
		}
		seen[room] = true
		for _, dep := range imports {
			if !strings.HasPrefix(dep, module) {
				continue
			}
			if !slices.Contains(allowed, strings.TrimPrefix(dep, engine+"/")) {
				t.Errorf("%s imports %s, which rooms does not allow", path, dep)
			}
		}
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("there is no package internal/engine/%s: a rule without a subject", room)
		}
	}
}
