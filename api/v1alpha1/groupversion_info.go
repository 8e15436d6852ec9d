// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the API of Trainyard: [TrainingRun] trains an image
// classifier, [ModelServer] serves one and replaces it safely.
//
// +kubebuilder:object:generate=true
// +groupName=trainyard.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of the objects in this package.
var GroupVersion = schema.GroupVersion{Group: "trainyard.dev", Version: "v1alpha1"}

var (
	// SchemeBuilder registers the types of this package.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)
	// AddToScheme adds the types of this package to a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&TrainingRun{}, &TrainingRunList{},
		&ModelServer{}, &ModelServerList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
