// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"encoding/json"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/internal/contract/unknown"
)

// revisionInfo is what was resolved when a revision was made. It is kept on the
// revision's Deployment and with its template, because the TrainingRun may be gone when
// it is needed.
type revisionInfo struct {
	Image   string                     `json:"image"`
	Model   v1alpha1.RevisionModel     `json:"model"`
	Samples *v1alpha1.PublishedSamples `json:"samples,omitempty"`
	Metrics []v1alpha1.Metric          `json:"metrics,omitempty"`
	// TestSplit is the digest of the images that Metrics were measured on, Completed when the TrainingRun ended.
	TestSplit string      `json:"testSplit,omitempty"`
	Completed metav1.Time `json:"completed,omitzero"`
	// Classes is a digest of the names that the spec gives the classes; empty: those that the model file has.
	Classes string `json:"classes,omitempty"`
	// Access is what a pod fetches model and samples with, where they lie outside the cluster.
	Access children.Access `json:"access,omitzero"`
	// Chance and ChanceAccuracy are what the run says of the model beside guessing. They decide before a revision is made, so
	// they aren't kept.
	Chance         v1alpha1.Chance `json:"-"`
	ChanceAccuracy string          `json:"-"`
	// Unknown is what a newer version has written.
	Unknown *unknown.Fields `json:"-"`
}

// plainInfo is a revisionInfo that encoding/json decodes field by field.
type plainInfo revisionInfo

// UnmarshalJSON keeps the fields that this version doesn't have.
func (i *revisionInfo) UnmarshalJSON(data []byte) error {
	plain := plainInfo(*i)
	err := json.Unmarshal(data, &plain)
	if err == nil {
		plain.Unknown, err = unknown.Of(data, plain)
	}
	*i = revisionInfo(plain)
	return err
}

// MarshalJSON is the inverse of UnmarshalJSON.
func (i revisionInfo) MarshalJSON() ([]byte, error) {
	return unknown.Encode(plainInfo(i), i.Unknown)
}

// readRevisionInfo returns what is known of a Deployment's revision; the zero value
// if somebody has changed the annotation.
func readRevisionInfo(deployment *appsv1.Deployment) revisionInfo {
	var info revisionInfo
	if err := json.Unmarshal([]byte(deployment.Annotations[v1alpha1.RevisionAnnotation]), &info); err != nil {
		return revisionInfo{}
	}
	return info
}
