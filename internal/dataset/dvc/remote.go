// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// stores are the opened remotes, by name.
type stores struct {
	mu     sync.Mutex
	byName map[string]*store
	open   func(ctx context.Context, name string) (*store, error)
}

// store is a remote with DVC's layouts of objects.
type store struct {
	name string
	Opener
	// other is set while objects are found in the layout of the other version of DVC: that is tried first from then on.
	other atomic.Bool
	// strayed is the first object that was found there.
	strayed atomic.Pointer[string]
}

// warnings say which remotes have objects where they shouldn't be.
func (s *stores) warnings() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(s.byName)) {
		if at := s.byName[name].strayed.Load(); at != nil {
			warnings = append(warnings, fmt.Sprintf("DVC's remote %q has objects in the layout of another version of DVC than the pointers in Git are of, "+
				"such as %s: they are read from there; `dvc push` with the version that wrote the pointers puts them where they belong", name, *at))
		}
	}
	return warnings
}

// store returns the remote that an out names or, without one, the dataset's.
func (d *Dataset) store(ctx context.Context, name string) (*store, error) {
	for _, fallback := range []string{strings.ToLower(d.location.Remote), d.config.core} {
		if name == "" {
			name = fallback
		}
	}
	if name == "" {
		return nil, invalid("%v names no default remote: run `dvc remote default NAME`, or set dataset.dvc.remote", d)
	}
	s := &d.stores
	s.mu.Lock()
	defer s.mu.Unlock()
	if opened := s.byName[name]; opened != nil {
		return opened, nil
	}
	opened, err := s.open(ctx, name)
	if err != nil {
		return nil, err
	}
	if s.byName == nil {
		s.byName = map[string]*store{}
	}
	s.byName[name] = opened
	return opened, nil
}

// openStore opens a remote by its name in the configuration.
func (d *Dataset) openStore(ctx context.Context, name string) (*store, error) {
	keys, err := d.config.remote(name)
	if err != nil {
		return nil, err
	}
	for _, kind := range []string{"worktree", "version_aware"} {
		if set, _ := strconv.ParseBool(keys[kind]); set {
			return nil, invalid("remote %q has %s = true, which is not read: push to an ordinary remote by `dvc push -r NAME`", name, kind)
		}
	}
	opener, err := d.opener(ctx, name, keys)
	if err != nil {
		return nil, err
	}
	return &store{name: name, Opener: opener}, nil
}

// opener opens the storage that a remote's URL names.
func (d *Dataset) opener(ctx context.Context, name string, keys map[string]string) (Opener, error) {
	address := keys["url"]
	scheme, rest, hasScheme := strings.Cut(address, "://")
	switch {
	case address == "":
		return nil, invalid("remote %q has no url", name)
	case !hasScheme:
		return d.folder(name, address)
	case scheme == "file":
		return d.folder(name, rest)
	case scheme == "http" || scheme == "https":
		return d.web(name, address, keys)
	case scheme == "s3" || scheme == "gs" || scheme == "azure":
		if d.access.Bucket == nil {
			return nil, fmt.Errorf("%w: remote %q is in an object store, which this program doesn't open", dataset.ErrConfig, name)
		}
		uri, err := bucketURI(scheme, rest, keys)
		if err != nil {
			return nil, fmt.Errorf("remote %q: %w", name, err)
		}
		return d.access.Bucket(ctx, uri, bucketKeys(scheme, keys))
	default:
		return nil, invalid("remote %q is reached by %s://, which is not supported: push to a remote in s3, gs, azure or https by `dvc push -r NAME`, and set dataset.dvc.remote",
			name, shorten(scheme))
	}
}

// folder opens a remote on this machine. A relative one is relative to the .dvc folder of a repository that is here.
func (d *Dataset) folder(name, at string) (Opener, error) {
	if rest, ok := strings.CutPrefix(at, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		at = filepath.Join(home, rest)
	}
	if !filepath.IsAbs(at) {
		if d.tree.folder == "" {
			return nil, invalid("remote %q is the relative folder %q of another machine: push to a remote that can be reached from here by `dvc push -r NAME`", name, at)
		}
		at = filepath.Join(d.tree.folder, filepath.FromSlash(d.config.root), dvcDir, at)
	}
	if info, err := os.Stat(at); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%w: remote %q is the folder %q, which does not exist here: mount it, or push to a remote that can be reached from here",
			dataset.ErrNotFound, name, at)
	}
	return folder(at), nil
}

// folder is a remote on this machine.
type folder string

// Open implements Opener.
func (f folder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	at := filepath.Join(string(f), filepath.FromSlash(name))
	info, err := os.Stat(at)
	if err == nil && !info.Mode().IsRegular() {
		return nil, invalid("%q is no regular file", at)
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(at)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %q does not exist", dataset.ErrNotFound, at)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: %q can't be read", dataset.ErrCredentials, at)
	case err != nil:
		return nil, err
	}
	return file, nil
}

// web opens a remote on a web server.
func (d *Dataset) web(name, address string, keys map[string]string) (Opener, error) {
	u, err := url.Parse(address)
	switch auth := strings.ToLower(keys["auth"]); {
	case err != nil:
		return nil, invalid("the url of remote %q can't be parsed", name)
	case u.User != nil:
		return nil, invalid("the url of remote %q holds a user name or password: put them into the credentials", name)
	case auth != "" && auth != "basic":
		return nil, invalid("remote %q asks for %s authentication: only basic is supported", name, shorten(auth))
	}
	secret, err := readCredentials(d.access.Credentials, keyHTTPUser, keyHTTPPassword)
	if err != nil {
		return nil, err
	}
	w := &web{address: u, user: keys["user"], password: keys["password"]}
	if secret[keyHTTPUser] != "" {
		w.user, w.password = secret[keyHTTPUser], secret[keyHTTPPassword]
	}
	if w.user != "" && u.Scheme == "http" {
		return nil, invalid("remote %q would be sent a password over http: use https", name)
	}
	w.client, err = d.access.httpClient()
	return w, err
}

// web is a remote on a web server.
type web struct {
	client         *http.Client
	address        *url.URL
	user, password string
}

// Open implements Opener.
func (w *web) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	at := w.address.JoinPath(name)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	if w.user != "" {
		request.SetBasicAuth(w.user, w.password)
	}
	response, err := w.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	response.Body.Close()
	switch response.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%w: %s: status %d", dataset.ErrNotFound, redacted(at.String()), response.StatusCode)
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, fmt.Errorf("%w: %s: status %d: set %s and %s in the credentials", dataset.ErrCredentials, redacted(at.String()), response.StatusCode,
			keyHTTPUser, keyHTTPPassword)
	default:
		return nil, fmt.Errorf("%s: status %d", redacted(at.String()), response.StatusCode)
	}
}

// bucketURI translates the keys of a remote into the parameters of a bucket's URI.
func bucketURI(scheme, rest string, keys map[string]string) (string, error) {
	bucket, prefix, _ := strings.Cut(rest, "/")
	if bucket == "" || strings.ContainsAny(rest, "?#@") {
		return "", invalid("its url must be %s://BUCKET/PATH", scheme)
	}
	parameters := url.Values{}
	set := func(parameter, value string) {
		if value != "" {
			parameters.Set(parameter, value)
		}
	}
	switch scheme {
	case "s3":
		set("region", keys["region"])
		if endpoint := keys["endpointurl"]; endpoint != "" {
			set("endpoint", endpoint)
			set("use_path_style", "true")
		}
	case "azure":
		scheme = "azblob"
		set("storage_account", keys["account_name"])
	}
	u := url.URL{Scheme: scheme, Host: bucket, Path: "/" + prefix, RawQuery: parameters.Encode()}
	return u.String(), nil
}

// bucketKeys translates the credentials among the keys of a remote.
func bucketKeys(scheme string, keys map[string]string) map[string]string {
	names := map[string]map[string]string{
		"s3":    {"access_key_id": "AWS_ACCESS_KEY_ID", "secret_access_key": "AWS_SECRET_ACCESS_KEY", "session_token": "AWS_SESSION_TOKEN"},
		"azure": {"account_key": "AZURE_STORAGE_KEY", "sas_token": "AZURE_STORAGE_SAS_TOKEN"},
	}
	found := map[string]string{}
	for theirs, ours := range names[scheme] {
		if keys[theirs] != "" {
			found[ours] = keys[theirs]
		}
	}
	return found
}

// layouts are the names that DVC 3 and DVC 2 give an object.
func layouts(md5 string) (three, two string) {
	two = md5[:2] + "/" + md5[2:]
	return "files/md5/" + two, two
}

// open opens an object where the version of DVC that added it puts it and, failing that, where the other does: tools
// have written pointers of one version for objects of the other.
func (s *store) open(ctx context.Context, md5 string, legacy bool) (io.ReadCloser, error) {
	first, second := layouts(md5)
	other := s.other.Load()
	if legacy != other {
		first, second = second, first
	}
	r, err := s.Open(ctx, first)
	if !errors.Is(err, dataset.ErrNotFound) {
		return r, err
	}
	r, err = s.Open(ctx, second)
	if errors.Is(err, dataset.ErrNotFound) {
		return nil, fmt.Errorf("%w: remote %q has neither %s nor %s: run `dvc push` from where the data are: %w", dataset.ErrNotFound, s.name, first, second, err)
	}
	if err != nil {
		return nil, err
	}
	s.other.Store(!other)
	if !other {
		s.strayed.CompareAndSwap(nil, &second)
	}
	return r, nil
}
