// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package objectstore opens the buckets of object stores: s3:// (any store that speaks S3), gs:// and azblob://.
//
// Credentials come from a folder with a file for each, as a mounted Secret is, or, without a folder, from where the stores'
// own SDKs look for them: the environment, and the identity of the pod. Errors say what a person has to do, and hold
// nothing secret.
//
// Nothing is tried again here, nor by the SDKs: whoever fetches or writes knows what a second attempt costs, and how long
// the user waits.
package objectstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gocloud.dev/blob"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// What can be wrong with a bucket; test with errors.Is. All else may work again.
var (
	// ErrConfig says that the URI or the files of the access can't be used.
	ErrConfig = errors.New("object store can't be used")
	// ErrCredentials says that the store refuses the credentials, or that there are none.
	ErrCredentials = errors.New("access denied")
	// ErrNotFound says that the bucket, or the object, doesn't exist.
	ErrNotFound = errors.New("not found")
	// ErrNoBucket says, beside ErrNotFound, that it is the bucket that doesn't exist.
	ErrNoBucket = fmt.Errorf("bucket %w", ErrNotFound)
	// ErrRegion says that the bucket is in another region than the URI or the environment says.
	ErrRegion = errors.New("wrong region")
	// ErrExists says that an object that was to be new exists.
	ErrExists = errors.New("exists already")
	// ErrFull says that the store has no room left.
	ErrFull = errors.New("no space left")
)

// Bucket is an open bucket. Its own methods name objects below the prefix of the URI that it was opened by.
type Bucket struct {
	bucket *blob.Bucket
	uri    string // without parameters, for messages
	prefix string // empty, or ends with a slash
}

// openers open a bucket by its name and the parameters of a URI.
var openers = map[string]struct {
	open       func(ctx context.Context, name string, parameters url.Values, access contract.Access) (*blob.Bucket, error)
	parameters []string
	keys       []string // of a folder of credentials
}{
	contract.SchemeS3:     {openS3, []string{"region", "endpoint", "use_path_style"}, s3Keys},
	contract.SchemeGS:     {openGS, nil, gsKeys},
	contract.SchemeAzblob: {openAzblob, []string{"storage_account", "domain", "protocol"}, azblobKeys},
}

// Names of the credentials of each store.
var (
	s3Keys     = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
	gsKeys     = []string{"GOOGLE_APPLICATION_CREDENTIALS"}
	azblobKeys = []string{"AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN"}
)

// Open opens the bucket that a URI names, SCHEME://BUCKET/PREFIX?PARAMETERS. It asks the store nothing yet.
func Open(ctx context.Context, uri string, access contract.Access) (*Bucket, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: the URI can't be parsed", ErrConfig)
	}
	opener, ok := openers[u.Scheme]
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: URI %q must begin with s3://, gs:// or azblob://", ErrConfig, u.Redacted())
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("%w: the URI must be %s://BUCKET/PREFIX, without a user name and a fragment", ErrConfig, u.Scheme)
	}
	parameters := u.Query()
	for name := range parameters {
		if !slices.Contains(opener.parameters, name) {
			return nil, fmt.Errorf("%w: %s URIs have no parameter %q, only %s", ErrConfig, u.Scheme, name, strings.Join(opener.parameters, ", "))
		}
	}
	b := &Bucket{uri: u.Scheme + "://" + u.Host, prefix: strings.Trim(u.Path, "/")}
	if b.prefix != "" {
		b.prefix += "/"
	}
	if b.bucket, err = opener.open(ctx, u.Host, parameters, access); err != nil {
		return nil, fmt.Errorf("open %s: %w", b.uri, err)
	}
	return b, nil
}

// Close closes the bucket.
func (b *Bucket) Close() error { return b.bucket.Close() }

// URI names an object for messages.
func (b *Bucket) URI(name string) string { return b.uri + "/" + b.prefix + name }
