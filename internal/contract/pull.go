// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

// PullConfig configures `runner pull`: one file that is fetched before a server or a smoke test starts.
type PullConfig struct {
	Version int `json:"version"`
	// URI is where the file is, see CheckRemoteURI.
	URI string `json:"uri"`
	// Path is the file to write. It appears whole, with this digest, or not at all.
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Access
}

// Access is how a container reaches what lies outside the cluster.
type Access struct {
	// Credentials is a folder with a file for each credential, as a mounted Secret is. Empty: those of the container's
	// environment, or none.
	Credentials string `json:"credentials,omitempty"`
	// CABundle is a file with the certificates of authorities that are trusted besides the public ones.
	CABundle string `json:"caBundle,omitempty"`
}

// Schemes of URIs that lead out of the cluster.
const (
	SchemeS3     = "s3"
	SchemeGS     = "gs"
	SchemeAzblob = "azblob"
	SchemeHTTPS  = "https"
	SchemeOCI    = "oci"
)

// BucketSchemes lists the schemes of object stores.
func BucketSchemes() []string { return []string{SchemeS3, SchemeGS, SchemeAzblob} }
