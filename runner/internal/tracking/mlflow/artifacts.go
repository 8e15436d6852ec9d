// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package mlflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
)

// proxyScheme is that of artifacts which the server itself takes.
const proxyScheme = "mlflow-artifacts"

const (
	proxyPath      = "/api/2.0/mlflow-artifacts/artifacts/"
	serverInfoPath = "/api/3.0/mlflow/server-info"
	// endpointVariable names the store of s3:// where that isn't Amazon's, as for MLflow's own client.
	endpointVariable = "MLFLOW_S3_ENDPOINT_URL"
)

// ErrArtifacts says that this client can't bring files where the server wants them. Another attempt doesn't help.
var ErrArtifacts = errors.New("artifacts can't be stored")

// File is what is uploaded.
type File struct {
	// Path is below the artifacts that it belongs to, with slashes.
	Path string
	// Open returns its content, of Size bytes.
	Open func() (io.ReadCloser, error)
	Size int64
}

// LocalFile is a file of this machine's.
func LocalFile(name, at string) (File, error) {
	info, err := os.Stat(at)
	if err != nil {
		return File{}, err
	}
	return File{Path: name, Size: info.Size(), Open: func() (io.ReadCloser, error) { return os.Open(at) }}, nil
}

// TextFile is a file of a text.
func TextFile(name, text string) File {
	return File{Path: name, Size: int64(len(text)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

// Upload brings files to the artifacts at a URI that the server has given: through the server or, where it names an object
// store, straight to that, with the credentials of the client's folder or of the environment.
func (c *Client) Upload(ctx context.Context, artifactURI string, files []File) error {
	u, err := url.Parse(artifactURI)
	if err != nil {
		return fmt.Errorf("%w: the server names %q", ErrArtifacts, artifactURI)
	}
	var put func(context.Context, File) error
	switch u.Scheme {
	case proxyScheme:
		put, err = c.proxy(ctx, u)
	case contract.SchemeS3, contract.SchemeGS:
		var bucket *objectstore.Bucket
		if bucket, err = c.bucket(ctx, u); err == nil {
			defer bucket.Close()
			put = func(ctx context.Context, f File) error { return store(ctx, bucket, f) }
		}
	default:
		err = fmt.Errorf("%w: the server keeps them at %s: start it with --serve-artifacts, or with a store of s3:// or gs://", ErrArtifacts, artifactURI)
	}
	for _, f := range files {
		if err == nil {
			err = put(ctx, f)
		}
	}
	return err
}

// proxy puts files by way of the server. It asks first whether the server takes any.
func (c *Client) proxy(ctx context.Context, u *url.URL) (func(context.Context, File) error, error) {
	if u.Host != "" && u.Host != c.base.Host {
		return nil, fmt.Errorf("%w: the server names another one, %s, for them, which has no right to the credentials: start it with --artifacts-destination", ErrArtifacts, u.Host)
	}
	presignedOnly, err := c.takesPresignedOnly(ctx)
	if err != nil {
		return nil, err
	}
	if presignedOnly {
		return nil, fmt.Errorf("%w: the server takes them by presigned URLs only: have it take others too", ErrArtifacts)
	}
	return func(ctx context.Context, f File) error { return c.put(ctx, path.Join(u.Path, f.Path), f) }, nil
}

// takesPresignedOnly tells whether the server refuses files, because they are to be sent to its store by URLs that it signs. It is
// asked once.
func (c *Client) takesPresignedOnly(ctx context.Context) (bool, error) {
	if known := c.presignedOnly.Load(); known != nil {
		return *known, nil
	}
	request, err := c.request(ctx, http.MethodGet, serverInfoPath, nil, nil)
	if err != nil {
		return false, err
	}
	var can struct {
		PresignedOnly bool `json:"artifacts_presigned_only"`
	}
	if err := c.do(request, &can); err != nil && !IsFinal(err) {
		return false, err // older servers have no such page
	}
	c.presignedOnly.Store(&can.PresignedOnly)
	return can.PresignedOnly, nil
}

func (c *Client) put(ctx context.Context, at string, f File) error {
	content, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArtifacts, err)
	}
	request, err := c.request(ctx, http.MethodPut, proxyPath+strings.TrimPrefix(at, "/"), nil, content)
	if err != nil {
		content.Close()
		return err
	}
	request.ContentLength = f.Size
	if f.Size == 0 {
		request.Body = http.NoBody
	}
	if kind := mime.TypeByExtension(path.Ext(f.Path)); kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if err := c.do(request, nil); err != nil {
		return fmt.Errorf("upload %s: %w", f.Path, err)
	}
	return nil
}

// bucket opens the object store that the server names. What the server says beside bucket and folder isn't heard: it must not
// lead the credentials to another host.
func (c *Client) bucket(ctx context.Context, u *url.URL) (*objectstore.Bucket, error) {
	uri := u.Scheme + "://" + u.Host + u.Path
	access := contract.Access{CABundle: c.access.CABundle}
	if own, err := objectstore.HasCredentials(uri, c.access.Credentials); err != nil {
		return nil, err
	} else if own {
		access.Credentials = c.access.Credentials
	}
	if endpoint := os.Getenv(endpointVariable); endpoint != "" && u.Scheme == contract.SchemeS3 {
		uri += "?" + url.Values{"endpoint": {endpoint}, "use_path_style": {"true"}}.Encode()
	}
	bucket, err := objectstore.Open(ctx, uri, access)
	return bucket, storeError(err)
}

func store(ctx context.Context, bucket *objectstore.Bucket, f File) error {
	content, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArtifacts, err)
	}
	defer content.Close()
	return storeError(bucket.Write(ctx, f.Path, false, func(w io.Writer) error {
		_, err := io.Copy(w, content)
		return err
	}))
}

// storeError tells apart what another attempt doesn't help.
func storeError(err error) error {
	for _, kind := range []error{objectstore.ErrConfig, objectstore.ErrCredentials, objectstore.ErrNotFound, objectstore.ErrRegion} {
		if errors.Is(err, kind) {
			return fmt.Errorf("%w: %w", ErrArtifacts, err)
		}
	}
	return err
}
