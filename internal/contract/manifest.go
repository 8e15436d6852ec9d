// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

// Manifest is the content of [ManifestFile]. A reader believes only the files
// that it lists, and only with the digest that it gives.
type Manifest struct {
	Version int         `json:"version"`
	Run     Run         `json:"run"`
	Result  TrainResult `json:"result"`
	Files   []File      `json:"files"`
}

// File is one file of an artifact.
type File struct {
	Path      string `json:"path"` // relative to the artifact, with slashes
	SHA256    string `json:"sha256"`
	SizeBytes int64  `json:"sizeBytes"`
}
