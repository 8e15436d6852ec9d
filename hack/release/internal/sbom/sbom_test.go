// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package sbom

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/trainyard-dev/trainyard/hack/internal/program"
)

var (
	arm64 = program.Platform{OS: "linux", Arch: "arm64"}
	amd64 = program.Platform{OS: "linux", Arch: "amd64"}
)

// subject is a small program of two platforms.
func subject(t *testing.T) Subject {
	t.Helper()
	s := Subject{Name: "kubectl-x", Version: "v1.2.3", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Programs: map[program.Platform][]byte{}}
	for _, p := range []program.Platform{arm64, amd64} {
		binary, err := program.Build(t.Context(), "./testdata/program", s.Version, p)
		if err != nil {
			t.Fatal(err)
		}
		s.Programs[p] = binary
	}
	return s
}

// schema is that of the specification, which the library has for its own tests.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	for file, url := range map[string]string{
		"bom-1.6.schema.json":   "http://cyclonedx.org/schema/bom-1.6.schema.json",
		"spdx.schema.json":      "http://cyclonedx.org/schema/spdx.schema.json",
		"jsf-0.82.schemax.json": "http://cyclonedx.org/schema/jsf-0.82.schema.json",
	} {
		data, err := os.Open(filepath.Join(strings.TrimSpace(string(folder)), "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		defer data.Close()
		document, err := jsonschema.UnmarshalJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(url, document); err != nil {
			t.Fatal(err)
		}
	}
	compiled, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func decode(t *testing.T, text []byte) (components map[string]cyclonedx.Component, uses map[string][]string, metadata cyclonedx.Metadata) {
	t.Helper()
	var list cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(text), cyclonedx.BOMFileFormatJSON).Decode(&list); err != nil {
		t.Fatal(err)
	}
	components, uses = map[string]cyclonedx.Component{}, map[string][]string{}
	for _, c := range *list.Components {
		components[c.BOMRef] = c
	}
	for _, d := range *list.Dependencies {
		uses[d.Ref] = *d.Dependencies
	}
	return components, uses, *list.Metadata
}

func TestNew(t *testing.T) {
	s := subject(t)
	text, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := New(s); err != nil || !bytes.Equal(text, again) {
		t.Errorf("the same programs give another bill: %v", err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	valid := schema(t)
	if err := valid.Validate(document); err != nil {
		t.Error(err)
	}
	if document.(map[string]any)["version"] = "one"; valid.Validate(document) == nil {
		t.Error("the schema takes anything")
	}

	components, uses, metadata := decode(t, text)
	if metadata.Timestamp != "2026-01-02T03:04:05Z" || metadata.Component.Name != s.Name || metadata.Component.Version != s.Version {
		t.Errorf("it is of %+v at %s", metadata.Component, metadata.Timestamp)
	}
	if diff := cmp.Diff([]string{"kubectl-x_linux_amd64", "kubectl-x_linux_arm64"}, uses[s.Name]); diff != "" {
		t.Errorf("the programs (-want +got):\n%s", diff)
	}
	// Versions change, so they are looked up.
	has := func(program, module string) bool {
		for _, ref := range uses[program] {
			c := components[ref]
			if c.Name != module {
				continue
			}
			if c.Version == "" || c.PackageURL != "pkg:golang/"+module+"@"+c.Version {
				t.Errorf("%s is %s, version %q", module, c.PackageURL, c.Version)
			}
			if module != standard && (c.Hashes == nil || len((*c.Hashes)[0].Value) != 64) {
				t.Errorf("%s has the hashes %v", module, c.Hashes)
			}
			return true
		}
		return false
	}
	for program, want := range map[string]map[string]bool{
		"kubectl-x_linux_arm64": {standard: true, "golang.org/x/mod": true, "golang.org/x/sync": false},
		"kubectl-x_linux_amd64": {standard: true, "golang.org/x/mod": true, "golang.org/x/sync": true},
	} {
		for module, used := range want {
			if has(program, module) != used {
				t.Errorf("%s uses %s: %v, want %v", program, module, !used, used)
			}
		}
	}
}

func TestImage(t *testing.T) {
	s := Subject{
		Name: "trainyard-x", Version: "v1.2.3", Repository: "registry.example/team/trainyard-x", Digest: "sha256:" + strings.Repeat("a", 64),
		Data: []debug.Module{{Path: "golang.org/x/crypto/x509roots/fallback", Version: "v0.1.0"}},
	}
	text, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	components, uses, metadata := decode(t, text)
	const want = "pkg:oci/trainyard-x@sha256:"
	if metadata.Component.Type != cyclonedx.ComponentTypeContainer || !strings.HasPrefix(metadata.Component.PackageURL, want) {
		t.Errorf("it is of the %s %s, want %s…", metadata.Component.Type, metadata.Component.PackageURL, want)
	}
	if len(uses[s.Name]) != 1 || components[uses[s.Name][0]].Type != cyclonedx.ComponentTypeData {
		t.Errorf("the image has %v", uses[s.Name])
	}
	s.Programs = map[program.Platform][]byte{arm64: []byte("no program")}
	if _, err := New(s); err == nil || !strings.Contains(err.Error(), "linux/arm64") {
		t.Errorf("error %v, want one that names the platform", err)
	}
}
