// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Every object that the controllers make carries managedByLabel=managedByValue, and
// the manager's cache holds only such objects of the kinds that other people use too.
const (
	managedByLabel = "app.kubernetes.io/managed-by"
	managedByValue = "trainyard"
)

// kueueQueueLabel hands a Job to Kueue, which admits it by writing its suspend field.
const kueueQueueLabel = "kueue.x-k8s.io/queue-name"

// uidPrefix is how much of a UID goes into a name: enough to tell an object from an
// earlier one of the same name.
const uidPrefix = 8

// shortUID returns the first characters of a UID.
func shortUID(uid types.UID) string {
	return string(uid[:min(uidPrefix, len(uid))])
}

// trainingJobName names the Job of a TrainingRun. Its artifact's folder is called the same.
func trainingJobName(run *v1alpha1.TrainingRun) string {
	return run.Name + "-" + shortUID(run.UID)
}

const pvcScheme = "pvc"

// pvcURI names a file or folder in a PersistentVolumeClaim, such as
// pvc://models/pets-1a2b3c4d/model.onnx.
func pvcURI(claim, file string) string {
	return (&url.URL{Scheme: pvcScheme, Host: claim, Path: "/" + strings.TrimPrefix(file, "/")}).String()
}

// pvcURIRoot names a PersistentVolumeClaim, such as pvc://models.
func pvcURIRoot(claim string) string { return pvcScheme + "://" + claim }

// parsePVCURI is the inverse of pvcURI. The path it returns is relative, clean and
// below the volume's root.
func parsePVCURI(uri string) (claim, file string, err error) {
	u, err := url.Parse(uri)
	if err != nil {
		return "", "", fmt.Errorf("URI %q can't be parsed", uri)
	}
	if u.Scheme != pvcScheme || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", fmt.Errorf("URI %q must be pvc://CLAIM/PATH", uri)
	}
	file = strings.TrimPrefix(u.Path, "/")
	if file == "" || path.Clean("/"+file) != "/"+file {
		return "", "", fmt.Errorf("URI %q must have a path without empty parts, '.' and '..'", uri)
	}
	return u.Host, file, nil
}
