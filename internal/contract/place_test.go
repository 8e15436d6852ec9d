// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import "testing"

func TestArtifactName(t *testing.T) {
	for want, run := range map[string]Run{
		"cats":          {Name: "cats"},
		"cats-abc":      {Name: "cats", UID: "abc"},
		"cats-01234567": {Name: "cats", UID: "0123456789abcdef"},
	} {
		if got := ArtifactName(run); got != want {
			t.Errorf("ArtifactName(%v) = %q, want %q", run, got, want)
		}
		if got := CheckpointsPath(run); got != ".checkpoints/"+want {
			t.Errorf("CheckpointsPath(%v) = %q", run, got)
		}
	}
}

func TestArtifactURI(t *testing.T) {
	run := Run{Name: "cats", UID: "0123456789abcdef"}
	for want, output := range map[string]Output{
		"pvc://models/cats-01234567/model.onnx": {Path: "/output", URI: "pvc://models/"},
		"models/cats-01234567/model.onnx":       {Path: "models"},
		"//cats-01234567/model.onnx":            {Path: "//"},
	} {
		if got := ArtifactURI(output, run, ModelFile); got != want {
			t.Errorf("ArtifactURI(%v) = %q, want %q", output, got, want)
		}
	}
}

func TestDatasetPathStaysInTheVolume(t *testing.T) {
	for folder, want := range map[string]string{"": "/data", "pets/raw": "/data/pets/raw", "../etc": "/data/etc"} {
		if got := DatasetPath(folder); got != want {
			t.Errorf("DatasetPath(%q) = %q, want %q", folder, got, want)
		}
	}
}

func TestParsePVCURI(t *testing.T) {
	cases := map[string]struct {
		wantClaim, wantFile string // both empty: an error
	}{
		"pvc://models/pets-1a2b3c4d/model.onnx": {"models", "pets-1a2b3c4d/model.onnx"},
		"pvc://models/a%20b":                    {"models", "a b"},
		"pvc://models":                          {},
		"pvc://models/":                         {},
		"pvc:///model.onnx":                     {},
		"s3://models/model.onnx":                {},
		"pvc://models/../x":                     {},
		"pvc://models/a/./b":                    {},
		"pvc://models/a//b":                     {},
		"pvc://models/a/":                       {},
		"pvc://models/%2e%2e/x":                 {},
		"pvc://user@models/x":                   {},
		"pvc://models/x?y=z":                    {},
		"pvc://models/x#y":                      {},
		"pvc://mod\x00els/x":                    {},
		"":                                      {},
	}
	for uri, tc := range cases {
		claim, file, err := ParsePVCURI(uri)
		if claim != tc.wantClaim || file != tc.wantFile || (err == nil) != (tc.wantFile != "") {
			t.Errorf("ParsePVCURI(%q) = %q, %q, %v; want %q, %q", uri, claim, file, err, tc.wantClaim, tc.wantFile)
		}
		if err == nil && uri != PVCURI(claim, file) {
			t.Errorf("PVCURI(%q, %q) = %q, want %q", claim, file, PVCURI(claim, file), uri)
		}
	}
}
