// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package scaffold is the verb init, which writes a TrainingRun and a ModelServer of its model from a few answers.
package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"strings"
	"text/template"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

//go:embed manifests
var manifests embed.FS

// generated is the dataset that the runner draws, for a first try.
const generated = "generated"

// answers are what the manifests are made from.
type answers struct {
	Name, Namespace string
	// Data is where the dataset lies: generated, pvc://CLAIM/PATH, or a URI.
	Data string
	// Output is where models go: pvc://CLAIM or a bucket's URI.
	Output string
	// Secrets with the credentials of either; empty where none are needed.
	DataSecret, OutputSecret string
	ImageSize, Epochs        int
	// MinAccuracy is a gate of both; empty is none.
	MinAccuracy string
	// Manual has a person approve each model.
	Manual bool
}

const pvcScheme = "pvc://"

// claim splits pvc://CLAIM/PATH; it is empty for what lies elsewhere.
func claim(place string) (name, path string) {
	if !strings.HasPrefix(place, pvcScheme) {
		return "", ""
	}
	name, path, _ = strings.Cut(strings.TrimPrefix(place, pvcScheme), "/")
	return name, path
}

// check tells what is wrong with the answers.
func (a answers) check() error {
	if problems := validation.IsDNS1123Label(a.Name); len(problems) > 0 {
		return fmt.Errorf("the name %q can't be that of an object: %s", a.Name, strings.Join(problems, "; "))
	}
	switch {
	case a.Data == generated:
	case strings.HasPrefix(a.Data, pvcScheme):
		if name, _ := claim(a.Data); name == "" {
			return fmt.Errorf("--data %q must be pvc://CLAIM/PATH", a.Data)
		}
	default:
		if err := contract.CheckDatasetURI(a.Data); err != nil {
			return fmt.Errorf("--data: %w; or use generated or pvc://CLAIM/PATH", err)
		}
	}
	switch {
	case strings.HasPrefix(a.Output, pvcScheme):
		if name, path := claim(a.Output); name == "" || path != "" {
			return fmt.Errorf("--output %q must be pvc://CLAIM", a.Output)
		}
	case !contract.Output{URI: a.Output}.InBucket():
		return fmt.Errorf("--output %q must be pvc://CLAIM, or a folder of a bucket, such as s3://models/pets", a.Output)
	}
	if a.ImageSize < 16 || a.ImageSize%16 != 0 {
		return fmt.Errorf("--image-size %d must be a multiple of 16", a.ImageSize)
	}
	if a.Epochs < 1 {
		return errors.New("--epochs must be at least 1")
	}
	return nil
}

// file is a manifest and the name of its file.
type file struct {
	name string
	text string
}

// render writes the manifests.
func render(a answers) ([]file, error) {
	templates, err := template.New("").Funcs(template.FuncMap{
		"claim": func(place string) string { name, _ := claim(place); return name },
		"path":  func(place string) string { _, path := claim(place); return path },
		"quote": func(text string) string { return fmt.Sprintf("%q", text) },
	}).ParseFS(manifests, "manifests/*.yaml")
	if err != nil {
		return nil, err
	}
	var files []file
	for _, name := range []string{"trainingrun.yaml", "modelserver.yaml"} {
		var b strings.Builder
		if err := templates.ExecuteTemplate(&b, name, a); err != nil {
			return nil, fmt.Errorf("render %s: %w", name, err)
		}
		files = append(files, file{name: a.Name + "-" + name, text: b.String()})
	}
	return files, nil
}
