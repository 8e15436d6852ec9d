// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// identity is what makes a revision another one: what a user can change and that
// changes what a replica answers. The operator's defaults and the place of the model
// file aren't in it, so an upgrade of the operator or a moved volume starts no
// rollout. Fields may be added to it only if their zero value is left out.
type identity struct {
	UID         types.UID            `json:"uid"`
	SHA256      string               `json:"sha256"`
	Server      v1alpha1.Server      `json:"server,omitzero"`
	Image       string               `json:"image,omitempty"`
	PodTemplate v1alpha1.PodTemplate `json:"podTemplate,omitzero"`
	Classes     string               `json:"classes,omitempty"`
	Input       v1alpha1.ModelInput  `json:"input,omitzero"`
	Output      v1alpha1.ModelOutput `json:"output,omitzero"`
}

// policy is what a revision is tested by.
type policy struct {
	Smoke     v1alpha1.Smoke     `json:"smoke,omitzero"`
	Promotion v1alpha1.Promotion `json:"promotion"`
}

// RevisionName returns the name of the revision that a server asks for with this
// model file and these classes, both by a digest: <server>-<8 hexadecimal digits>. Without
// a digest of the classes, the file says them.
func RevisionName(server *v1alpha1.ModelServer, sha256, classes string) (string, error) {
	spec := &server.Spec
	who := identity{
		UID:         server.UID,
		SHA256:      sha256,
		Server:      withoutServerDefaults(spec.Server),
		Image:       spec.Image,
		PodTemplate: spec.PodTemplate,
		Classes:     classes,
	}
	if source := spec.Model.Source; source != nil {
		who.Input, who.Output = source.Input, source.Output
	}
	hash, err := jsonHash(who)
	if err != nil {
		return "", fmt.Errorf("hash revision of ModelServer %s: %w", server.Name, err)
	}
	return server.Name + "-" + hash, nil
}

// PolicyHash returns a hash of what a spec tests revisions by.
func PolicyHash(spec *v1alpha1.ModelServerSpec) (string, error) {
	p := policy{Smoke: spec.Smoke, Promotion: spec.Promotion}
	drop(&p.Smoke.Timeout, "2m")
	drop(&p.Smoke.Attempts, 5)
	drop(&p.Promotion.BakeTime, "5m")
	drop(&p.Promotion.Chance, v1alpha1.RejectChance)
	if least := p.Promotion.MinRequests; least != nil && *least == 0 {
		p.Promotion.MinRequests = nil
	}
	p.Promotion.Mode = "" // who promotes a revision is nothing that it is tested by
	hash, err := jsonHash(p)
	if err != nil {
		return "", fmt.Errorf("hash promotion policy: %w", err)
	}
	return hash, nil
}

// withoutServerDefaults clears the fields that have the schema's default, so that a
// server which leaves them out has the same hash as one that spells them out.
func withoutServerDefaults(s v1alpha1.Server) v1alpha1.Server {
	drop(&s.MaxBatch, 16)
	drop(&s.MaxBatchDelay, "2ms")
	drop(&s.MaxBodyBytes, "10Mi")
	drop(&s.MaxPixels, "50M")
	drop(&s.LogRequests, v1alpha1.Enabled)
	drop(&s.Calibration, v1alpha1.NoCalibration)
	if s.Threads != nil && *s.Threads == 0 {
		s.Threads = nil
	}
	return s
}

// drop clears a field that has its default.
func drop[T comparable](field *T, value T) {
	if *field == value {
		var zero T
		*field = zero
	}
}

// jsonHash hashes the JSON of a document. encoding/json is canonical for a fixed
// type: struct fields come in their order, map keys sorted.
func jsonHash(document any) (string, error) {
	data, err := json.Marshal(document)
	if err != nil {
		return "", err
	}
	return shortHash(string(data)), nil
}
