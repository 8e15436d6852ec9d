// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package imports holds who may import whom: the operator never computes, the
// engine's side never knows Kubernetes, and they meet in internal/contract.
package imports

import (
	"bufio"
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/trainyard-dev/trainyard/"

var (
	kubernetes = []string{"k8s.io/", "sigs.k8s.io/", module + "api", module + "controllers"}
	engineSide = []string{
		module + "internal/engine", module + "internal/model", module + "internal/onnx", module + "internal/artifact", module + "internal/classifier",
		module + "internal/dataset", module + "internal/preprocess", module + "internal/quantize", module + "runner", module + "server",
	}
	modelServer, trainingRun = module + "controllers/modelserver", module + "controllers/trainingrun"
	bothKinds                = []string{modelServer, trainingRun}
	clients                  = []string{"sigs.k8s.io/controller-runtime", "k8s.io/client-go"}
	// clouds are what would make the server's image several times as large: it runs `runner pull` instead.
	clouds = []string{
		"gocloud.dev", "github.com/aws", "github.com/Azure", "cloud.google.com/go", "google.golang.org/api", "oras.land",
		module + "internal/objectstore", module + "internal/web",
	}
)

// rules say what a package, and everything in its own folder, must never reach, by
// whatever way.
var rules = map[string][]string{
	"api":                 {module},
	"internal/contract":   append([]string{module}, kubernetes...),
	"internal/engine":     kubernetes,
	"internal/model":      kubernetes,
	"internal/onnx":       kubernetes,
	"internal/artifact":   kubernetes,
	"internal/classifier": kubernetes,
	"internal/dataset":    kubernetes,
	"internal/measures":   kubernetes,
	"internal/preprocess": kubernetes,
	"internal/quantize":   kubernetes,
	"runner":              append([]string{module + "server"}, kubernetes...),
	"server":              slices.Concat([]string{module + "runner"}, kubernetes, clouds),
	"controllers":         engineSide,
	"internal/conditions": engineSide,
	"internal/patch":      engineSide,
	// A client of the API: of the operator it knows how pods are read, and nothing of how either kind is reconciled.
	"internal/plugin": slices.Concat(engineSide, bothKinds, []string{
		module + "controllers/children", module + "controllers/loop", module + "controllers/metrics", module + "controllers/notify", module + "test",
	}),

	"hack": {module + "test"},

	// What reads hostile repositories is given its stores, and what keeps files the place that they are from.
	"internal/dataset/dvc":   clouds,
	"internal/dataset/fetch": append([]string{module + "internal/dataset/bucket", module + "internal/dataset/dvc"}, clouds...),

	"controllers/children":    bothKinds,
	"controllers/explain":     bothKinds,
	"controllers/loop":        bothKinds,
	"controllers/metrics":     bothKinds,
	"controllers/notify":      bothKinds,
	"controllers/podstate":    append(clients, bothKinds...),
	"controllers/trainingrun": {modelServer},
	"controllers/modelserver": {trainingRun},

	"controllers/modelserver/rollout": append(clients, engineSide...),
}

// transports are what is of one way that requests come in.
var transports = []string{"net/http", "github.com/danielgtaylor/huma", "connectrpc.com", "google.golang.org/grpc", module + "server/internal/httpapi"}

// ownRules say what a package, and everything in its own folder, and the packages that it reaches of the same program, must
// not import themselves. What others make of it is theirs: onnx-go's libraries import net/http, internal/artifact finds out
// content types with it.
var ownRules = map[string][]string{
	"server/internal/serving":       transports,
	"server/internal/openinference": transports,
}

// list returns what go list says of each package of the project, by its path: a list of others.
func list(t *testing.T, field string) map[string][]string {
	t.Helper()
	command := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .`+field+` " "}}`, "./...")
	command.Dir = "../.."
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string][]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		packages[fields[0]] = fields[1:]
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return packages
}

func TestOwnImports(t *testing.T) {
	imports := list(t, "Imports")
	for folder, forbidden := range ownRules {
		program, _, _ := strings.Cut(folder, "/")
		var reached []string
		for path := range imports {
			if strings.HasPrefix(path+"/", module+folder+"/") {
				reached = append(reached, path)
			}
		}
		if len(reached) == 0 {
			t.Errorf("there is no package %s: a rule without a subject", folder)
		}
		seen := map[string]bool{}
		for len(reached) > 0 {
			path := reached[0]
			reached = reached[1:]
			if seen[path] {
				continue
			}
			seen[path] = true
			for _, dep := range imports[path] {
				if breaks(folder, dep, forbidden) {
					t.Errorf("%s imports %s, which %s must not", strings.TrimPrefix(path, module), dep, folder)
				}
				if strings.HasPrefix(dep, module+program+"/") {
					reached = append(reached, dep)
				}
			}
		}
	}
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for path, deps := range list(t, "Deps") {
		pkg := strings.TrimPrefix(path, module)
		for folder, forbidden := range rules {
			if pkg != folder && !strings.HasPrefix(pkg, folder+"/") {
				continue
			}
			seen[folder] = true
			for _, dep := range deps {
				if breaks(folder, dep, forbidden) {
					t.Errorf("%s reaches %s, which %s must not", pkg, dep, folder)
				}
			}
		}
	}
	for folder := range rules {
		if !seen[folder] {
			t.Errorf("there is no package %s: a rule without a subject", folder)
		}
	}
}

// onnx-go stays behind one file: what it lacks is made up for there, and nothing else may come to rely on it.
func TestOneFileKnowsOnnxGo(t *testing.T) {
	var found []string
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			if strings.HasPrefix(spec.Path.Value, `"github.com/owulveryck/onnx-go`) {
				found = append(found, filepath.ToSlash(path))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "../../internal/onnx/backend.go"; len(found) != 1 || found[0] != want {
		t.Errorf("onnx-go is imported by %v, want %s alone", found, want)
	}
}

// breaks tells whether a dependency is forbidden, which one in the folder itself never is.
func breaks(folder, dep string, forbidden []string) bool {
	if dep == module+folder || strings.HasPrefix(dep, module+folder+"/") {
		return false
	}
	for _, prefix := range forbidden {
		if dep == prefix || strings.HasPrefix(dep, strings.TrimSuffix(prefix, "/")+"/") {
			return true
		}
	}
	return false
}
