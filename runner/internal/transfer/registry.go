// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/web"
)

// dockerConfigKey is the file of a Secret of type kubernetes.io/dockerconfigjson.
const dockerConfigKey = ".dockerconfigjson"

// plainHTTPParameter in the query of an oci:// URI asks for a registry without TLS.
const plainHTTPParameter = "plain_http"

// maxManifestBytes bounds the manifest of an artifact.
const maxManifestBytes = 4 << 20

// repository returns the repository of an oci:// URI and the tag or digest in it.
func repository(u *url.URL, access contract.Access) (*remote.Repository, string, error) {
	query := u.Query()
	plain := query.Get(plainHTTPParameter)
	query.Del(plainHTTPParameter)
	if len(query) > 0 || plain != "" && plain != "true" && plain != "false" {
		return nil, "", fmt.Errorf("%w: URI %s: the only parameter is %s=true", ErrConfig, u, plainHTTPParameter)
	}
	repo, err := remote.NewRepository(u.Host + u.Path)
	if err != nil {
		return nil, "", fmt.Errorf("%w: URI %s must be oci://REGISTRY/REPOSITORY:TAG or oci://REGISTRY/REPOSITORY@DIGEST: %w", ErrConfig, u, err)
	}
	reference := repo.Reference.Reference
	if reference == "" {
		return nil, "", fmt.Errorf("%w: URI %s has neither tag nor digest: append one, such as :v1", ErrConfig, u)
	}
	client, err := web.NewClient(access)
	if err != nil {
		return nil, "", err
	}
	credential, err := registryCredential(repo.Reference.Registry, access.Credentials)
	if err != nil {
		return nil, "", err
	}
	repo.Client = &auth.Client{Client: client, Cache: auth.NewCache(), Credential: credential}
	repo.PlainHTTP = plain == "true" || plain == "" && isLoopback(u.Hostname())
	repo.MaxMetadataBytes = maxManifestBytes
	return repo, reference, nil
}

// isLoopback tells whether a host is this machine, whose registries have no TLS, as Docker and oras have it.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// registryCredential returns what a registry is told: a user name and password or the Docker configuration of a folder of
// credentials; without a folder, those of the user's own Docker configuration.
func registryCredential(host, folder string) (auth.CredentialFunc, error) {
	if folder == "" {
		store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
		if err != nil {
			return nil, fmt.Errorf("%w: read the Docker configuration: %w", ErrConfig, err)
		}
		return credentials.Credential(store), nil
	}
	config := filepath.Join(folder, dockerConfigKey)
	if data, err := os.ReadFile(config); err == nil {
		store, err := credentials.NewMemoryStoreFromDockerConfig(data)
		if err != nil {
			return nil, fmt.Errorf("%w: key %s of the credentials holds no Docker configuration", ErrCredentials, dockerConfigKey)
		}
		return credentials.Credential(store), nil
	}
	username, err := web.Credential(folder, web.UsernameKey)
	if err != nil {
		return nil, err
	}
	password, err := web.Credential(folder, web.PasswordKey)
	if err != nil {
		return nil, err
	}
	if username == "" {
		return nil, fmt.Errorf("%w: the credentials hold neither %s nor %s and %s", ErrCredentials, dockerConfigKey, web.UsernameKey, web.PasswordKey)
	}
	return auth.StaticCredential(host, auth.Credential{Username: username, Password: password}), nil
}

// openArtifact opens the file of an OCI artifact: the one with the wanted digest, else the model among its files, or its only one.
func openArtifact(ctx context.Context, u *url.URL, file contract.PullConfig, first int64) (content io.ReadCloser, leftOut int64, err error) {
	repo, manifest, err := fetchManifest(ctx, u, file.Access)
	if err != nil {
		return nil, 0, err
	}
	layer, err := chooseFile(manifest.Layers, file.SHA256)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", u, err)
	}
	body, err := repo.Blobs().Fetch(ctx, layer)
	if err != nil {
		return nil, 0, registryError(u, err)
	}
	seeker, can := body.(io.Seeker) // of a registry that gives out parts
	if !can || first == 0 {
		return body, 0, nil
	}
	if _, err := seeker.Seek(first, io.SeekStart); err != nil {
		body.Close()
		return nil, 0, registryError(u, err)
	}
	return body, first, nil
}

func fetchManifest(ctx context.Context, u *url.URL, access contract.Access) (*remote.Repository, *ocispec.Manifest, error) {
	repo, reference, err := repository(u, access)
	if err != nil {
		return nil, nil, err
	}
	descriptor, body, err := repo.Manifests().FetchReference(ctx, reference)
	if err != nil {
		return nil, nil, registryError(u, err)
	}
	defer body.Close()
	if descriptor.Size > maxManifestBytes {
		return nil, nil, fmt.Errorf("%s: %w: its manifest has %d bytes", u, artifact.ErrTooLarge, descriptor.Size)
	}
	data, err := content.ReadAll(body, descriptor) // verifies the digest
	if err != nil {
		return nil, nil, registryError(u, err)
	}
	manifest := &ocispec.Manifest{}
	if err := json.Unmarshal(data, manifest); err != nil || len(manifest.Layers) == 0 {
		return nil, nil, fmt.Errorf("%w: %s is no artifact with files: name one that runner push or oras push made", ErrConfig, u)
	}
	return repo, manifest, nil
}

// chooseFile returns the wanted file among those of an artifact.
func chooseFile(layers []ocispec.Descriptor, sha256 string) (ocispec.Descriptor, error) {
	is := func(want func(ocispec.Descriptor) bool) (ocispec.Descriptor, bool) {
		i := slices.IndexFunc(layers, want)
		if i < 0 {
			return ocispec.Descriptor{}, false
		}
		return layers[i], true
	}
	if sha256 != "" {
		if layer, ok := is(func(d ocispec.Descriptor) bool { return d.Digest == digest.NewDigestFromEncoded(digest.SHA256, sha256) }); ok {
			return layer, nil
		}
		return ocispec.Descriptor{}, fmt.Errorf("%w: none of its files has sha256 %s: they are %s", artifact.ErrDigest, sha256, describeFiles(layers))
	}
	if layer, ok := is(func(d ocispec.Descriptor) bool { return titleOf(d) == contract.ModelFile }); ok {
		return layer, nil
	}
	if len(layers) == 1 {
		return layers[0], nil
	}
	return ocispec.Descriptor{}, fmt.Errorf("%w: none of its files is called %s: say by its sha256 which you want: %s", ErrConfig, contract.ModelFile, describeFiles(layers))
}

func titleOf(d ocispec.Descriptor) string { return d.Annotations[ocispec.AnnotationTitle] }

func describeFiles(layers []ocispec.Descriptor) string {
	const most = 8
	var files []string
	for _, layer := range layers[:min(len(layers), most)] {
		files = append(files, fmt.Sprintf("%.80q (%s)", titleOf(layer), layer.Digest.Encoded()))
	}
	if len(layers) > most {
		files = append(files, "…")
	}
	return strings.Join(files, ", ")
}

// registryError says what a registry's answer means.
func registryError(u *url.URL, err error) error {
	var answer *errcode.ErrorResponse
	switch {
	case errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden),
		errors.Is(err, auth.ErrBasicCredentialNotFound):
		return fmt.Errorf("%s: %w: the registry refuses the credentials, or wants some: check the Secret or the Docker configuration", u, ErrCredentials)
	case errors.Is(err, errdef.ErrNotFound):
		return fmt.Errorf("%s: %w: the registry has no such artifact", u, ErrNotFound)
	default:
		return fmt.Errorf("%s: %w", u, err)
	}
}
