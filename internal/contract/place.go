// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
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

// CheckRemoteURI checks the form of a URI of a model or an artifact that lies outside the cluster. It must hold no
// credentials: it is shown in statuses and logs.
func CheckRemoteURI(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return errors.New("the URI can't be parsed") // net/url's error repeats it, and what may be secret in it
	case !slices.Contains(append(BucketSchemes(), SchemeHTTPS, SchemeOCI), u.Scheme):
		return fmt.Errorf("URI %q has an unknown scheme: use s3, gs, azblob, https or oci", u.Redacted())
	case u.User != nil:
		return errors.New("the URI holds a user name or password: put them into the credentials")
	case u.Host == "" || u.Fragment != "":
		return fmt.Errorf("URI %q must be %s://HOST/PATH", uri, u.Scheme)
	case u.Scheme == SchemeHTTPS && u.RawQuery != "":
		return errors.New("the https URI has a query, which may hold a token: put it into the credentials")
	}
	return nil
}

// CheckDatasetURI checks the form of a URI of a dataset that lies outside the cluster.
func CheckDatasetURI(uri string) error {
	if err := CheckRemoteURI(uri); err != nil {
		return err
	}
	if strings.HasPrefix(uri, SchemeOCI+":") {
		return errors.New("a dataset can't be an OCI artifact: use s3, gs, azblob or https")
	}
	return nil
}

// DatasetLocation names where a dataset lies, without credentials and parameters: its URI, or REPO//PATH of what DVC keeps beside
// a Git repository. It is empty for a dataset that lies nowhere else.
func DatasetLocation(d Dataset) string {
	switch {
	case d.URI != "":
		location, _, _ := strings.Cut(d.URI, "?")
		return location
	case d.DVC != nil && d.DVC.Path == "":
		return withoutUser(d.DVC.Repo)
	case d.DVC != nil:
		return withoutUser(d.DVC.Repo) + "//" + path.Clean(d.DVC.Path)
	default:
		return ""
	}
}

// withoutUser takes a user name and a password out of a URL; another text stays as it is.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	u.User = nil
	return u.String()
}

// IsPVCURI tells whether a URI names what lies in a PersistentVolumeClaim.
func IsPVCURI(uri string) bool { return strings.HasPrefix(uri, pvcScheme+"://") }

// Purposes that a container reaches something outside the cluster for. Each has its own credentials.
const (
	PurposeDataset = "dataset"
	PurposeOutput  = "output"
	// PurposeTracking is that of a run: the server that it is recorded in.
	PurposeTracking = "tracking"
	PurposeModel    = "model"
	// PurposeLive is that of a smoke test: the samples of the live model.
	PurposeLive = "live"
	// PurposePictures is that of a smoke test: labeled pictures of the user's own.
	PurposePictures = "pictures"
)

// CABundleFile is the file of a CABundlePath.
const CABundleFile = "ca.crt"

// CredentialsPath is the folder of the credentials for a purpose.
func CredentialsPath(purpose string) string { return path.Join("/etc/trainyard/credentials", purpose) }

// CABundleDir is the folder of the certificates for a purpose.
func CABundleDir(purpose string) string { return path.Join("/etc/trainyard/ca", purpose) }

// CABundlePath is the file of the certificates for a purpose.
func CABundlePath(purpose string) string { return path.Join(CABundleDir(purpose), CABundleFile) }

// ArtifactURI names a file of a run's artifact as results do: below output's URI or, without one, below its path.
func ArtifactURI(output Output, run Run, file string) string {
	base := output.URI
	if base == "" {
		base = output.Path
	}
	return BelowURI(base, path.Join(ArtifactName(run), file))
}

// BelowURI names what lies below a folder. The parameters of a bucket's URI stay at the end.
func BelowURI(base, name string) string {
	base, parameters, has := strings.Cut(base, "?")
	// path.Join would take a slash from "pvc://".
	for len(base) > 1 && base[len(base)-1] == '/' {
		base = base[:len(base)-1]
	}
	base += "/" + name
	if has {
		base += "?" + parameters
	}
	return base
}

// InBucket tells whether the artifact is published to an object store.
func (o Output) InBucket() bool {
	scheme, _, found := strings.Cut(o.URI, "://")
	return found && slices.Contains(BucketSchemes(), scheme)
}
