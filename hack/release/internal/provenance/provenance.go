// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package provenance states what a release was made from and how: an in-toto statement with a predicate of SLSA Provenance v1. It is not signed; who
// made a release is told by the attestation of the forge.
package provenance

import (
	"bytes"
	"encoding/json"

	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	// PredicateType is that of SLSA Provenance v1.
	PredicateType = "https://slsa.dev/provenance/v1"

	repository = "https://github.com/trainyard-dev/trainyard"
	// buildType is the page that says what the parameters mean.
	buildType = repository + "/blob/main/docs/release.md"
	// builder is the program that made the release, whoever ran it.
	builder = repository + "/tree/main/hack/release"
)

// Build is what a release was made from.
type Build struct {
	// Version and Registry are what whoever ran it has said.
	Version, Registry string
	// Commit, in hexadecimal digits.
	Commit string
	// Go is the version of the toolchain, such as go1.26.0.
	Go string
}

// Subject is a file or an image with its SHA-256 in hexadecimal digits.
type Subject struct{ Name, SHA256 string }

// New returns the statement in JSON. The same build of the same subjects gives the same statement.
func New(b Build, subjects []Subject) ([]byte, error) {
	predicate := &slsa.Provenance{
		BuildDefinition: &slsa.BuildDefinition{
			BuildType: buildType,
			ExternalParameters: &structpb.Struct{Fields: map[string]*structpb.Value{
				"version":  structpb.NewStringValue(b.Version),
				"registry": structpb.NewStringValue(b.Registry),
			}},
			ResolvedDependencies: []*intoto.ResourceDescriptor{
				{Uri: "git+" + repository + "@refs/tags/" + b.Version, Digest: map[string]string{string(intoto.AlgorithmGitCommit): b.Commit}},
				{Name: b.Go},
			},
		},
		RunDetails: &slsa.RunDetails{Builder: &slsa.Builder{Id: builder}},
	}
	if err := predicate.Validate(); err != nil {
		return nil, err
	}
	content, err := asStruct(predicate)
	if err != nil {
		return nil, err
	}
	statement := &intoto.Statement{Type: intoto.StatementTypeUri, PredicateType: PredicateType, Predicate: content}
	for _, s := range subjects {
		statement.Subject = append(statement.Subject, &intoto.ResourceDescriptor{Name: s.Name, Digest: map[string]string{string(intoto.AlgorithmSHA256): s.SHA256}})
	}
	if err := statement.Validate(); err != nil {
		return nil, err
	}
	text, err := protojson.Marshal(statement)
	if err != nil {
		return nil, err
	}
	// The spaces that protojson writes differ from one program to another.
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return nil, err
	}
	return append(out.Bytes(), '\n'), nil
}

func asStruct(predicate *slsa.Provenance) (*structpb.Struct, error) {
	text, err := protojson.Marshal(predicate)
	if err != nil {
		return nil, err
	}
	content := &structpb.Struct{}
	return content, protojson.Unmarshal(text, content)
}
