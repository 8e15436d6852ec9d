// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package provenance

import (
	"bytes"
	"strings"
	"testing"

	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

var build = Build{Version: "v1.2.3", Registry: "registry.example/team", Commit: strings.Repeat("ab", 20), Go: "go1.26.0"}

// What consumers read is in the fields that the published types have, and nothing is elsewhere: an unknown field fails the decoding.
func TestNew(t *testing.T) {
	subjects := []Subject{{"install.yaml", strings.Repeat("1", 64)}, {"registry.example/team/trainyard-server", strings.Repeat("2", 64)}}
	text, err := New(build, subjects)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := New(build, subjects); err != nil || !bytes.Equal(text, again) {
		t.Errorf("the same build gives another statement: %v", err)
	}
	if !bytes.HasPrefix(text, []byte("{\n  \"_type\": \"")) { // another program must not write other spaces
		t.Errorf("the statement begins with %.40q", text)
	}
	var statement intoto.Statement
	if err := protojson.Unmarshal(text, &statement); err != nil {
		t.Fatal(err)
	}
	if err := statement.Validate(); err != nil || statement.GetPredicateType() != "https://slsa.dev/provenance/v1" {
		t.Errorf("predicate %s: %v", statement.GetPredicateType(), err)
	}
	if got := statement.GetSubject(); len(got) != 2 || got[0].GetName() != "install.yaml" || got[1].GetDigest()["sha256"] != subjects[1].SHA256 {
		t.Errorf("subjects %v", got)
	}
	inner, err := protojson.Marshal(statement.GetPredicate())
	if err != nil {
		t.Fatal(err)
	}
	var predicate slsa.Provenance
	if err := protojson.Unmarshal(inner, &predicate); err != nil {
		t.Fatal(err)
	}
	if err := predicate.Validate(); err != nil {
		t.Error(err)
	}
	definition := predicate.GetBuildDefinition()
	if got := definition.GetExternalParameters().GetFields()["version"].GetStringValue(); got != "v1.2.3" {
		t.Errorf("the version is %q", got)
	}
	from := definition.GetResolvedDependencies()[0]
	if from.GetDigest()["gitCommit"] != build.Commit || !strings.HasSuffix(from.GetUri(), "@refs/tags/v1.2.3") {
		t.Errorf("it is made from %v", from)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := New(build, nil); err == nil {
		t.Error("a statement of nothing is made")
	}
	if _, err := New(build, []Subject{{"x", "abc"}}); err == nil {
		t.Error("a digest that is none is taken")
	}
	other := build
	other.Commit = "main"
	if _, err := New(other, []Subject{{"x", strings.Repeat("1", 64)}}); err == nil {
		t.Error("a branch is taken for a commit")
	}
}
