// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"
	"net/url"
	"path"
	"strings"
)

// uidPrefix is how much of a UID goes into a name: enough to tell a run from an earlier one of the same name.
const uidPrefix = 8

// ArtifactName names the artifact's folder of a run, and its Job: the run's name and, if the run has one, the first
// characters of its UID.
func ArtifactName(run Run) string {
	if run.UID == "" {
		return run.Name
	}
	return run.Name + "-" + run.UID[:min(uidPrefix, len(run.UID))]
}

// CheckpointsPath is the folder of a run's checkpoints, relative to the output folder, with slashes.
func CheckpointsPath(run Run) string { return path.Join(CheckpointsDir, ArtifactName(run)) }

// DatasetPath is where a container finds a folder of the dataset's volume; folder is relative to the volume's root and
// never leads out of it.
func DatasetPath(folder string) string { return path.Join(DataMount, path.Join("/", folder)) }

// ModelPath is where a server finds a file of the volume that holds its model.
func ModelPath(file string) string { return path.Join(ModelMount, file) }

// pvcScheme is the scheme of URIs that name what lies in a PersistentVolumeClaim.
const pvcScheme = "pvc"

// PVCURI names a file or folder in a PersistentVolumeClaim, such as pvc://models/pets-1a2b3c4d/model.onnx.
func PVCURI(claim, file string) string {
	return (&url.URL{Scheme: pvcScheme, Host: claim, Path: "/" + strings.TrimPrefix(file, "/")}).String()
}

// PVCRoot names a PersistentVolumeClaim, such as pvc://models.
func PVCRoot(claim string) string { return pvcScheme + "://" + claim }

// ParsePVCURI is the inverse of PVCURI. The path it returns is relative, clean and below the volume's root.
func ParsePVCURI(uri string) (claim, file string, err error) {
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

// ArtifactURI names a file of a run's artifact as results do: below output's URI or, without one, below its path.
func ArtifactURI(output Output, run Run, file string) string {
	base := output.URI
	if base == "" {
		base = output.Path
	}
	// path.Join would take a slash from "pvc://".
	for len(base) > 1 && base[len(base)-1] == '/' {
		base = base[:len(base)-1]
	}
	return base + "/" + path.Join(ArtifactName(run), file)
}
