// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package transfer fetches models from where they are kept, and brings them there: object stores, web servers and
// registries of OCI artifacts.
//
// A file that is fetched appears under its name whole and verified, or not at all. What fails is tried again for a while;
// what a person has to mend is not.
package transfer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/repeat"
	"github.com/trainyard-dev/trainyard/internal/web"
)

// What can be wrong with a transfer; test with errors.Is. All else is the network's, or the place's, and may work again.
var (
	// ErrConfig says that what was asked for can't be: an odd URI, certificates that can't be read.
	ErrConfig = web.ErrConfig
	// ErrNotFound says that there is nothing of that name.
	ErrNotFound = web.ErrNotFound
	// ErrCredentials says that the credentials are refused, or missing.
	ErrCredentials = web.ErrCredentials
)

// MaxFileBytes bounds a file that is fetched: what an ONNX model with external data elsewhere may have at most.
const MaxFileBytes = 4 << 30

var sha256Hex = regexp.MustCompile("^[0-9a-f]{64}$")

// stallLimit is how long nothing may arrive.
const stallLimit = 30 * time.Second

// Client fetches and pushes.
type Client struct {
	Log      *slog.Logger
	patience repeat.Patience // with what is fetched
}

// NewClient returns a Client.
func NewClient(log *slog.Logger) *Client {
	return &Client{Log: log, patience: repeat.Patience{Attempts: 4, First: time.Second}}
}

// Pull fetches one file and returns its SHA-256. A file of the wanted digest that is there already is left as it is. Errors
// wrap ErrConfig, ErrNotFound, ErrCredentials or artifact.ErrDigest where trying again is no use, and name what was tried.
func (c *Client) Pull(ctx context.Context, file contract.PullConfig) (digest string, err error) {
	if err := contract.CheckRemoteURI(file.URI); err != nil {
		return "", fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if info, err := os.Stat(file.Path); err == nil && info.IsDir() {
		return "", fmt.Errorf("%w: %s is a folder: name the file to write, such as %s", ErrConfig, file.Path, filepath.Join(file.Path, contract.ModelFile))
	}
	if file.SHA256 != "" {
		if !sha256Hex.MatchString(file.SHA256) {
			return "", fmt.Errorf("%w: sha256 %.80q is none: give its 64 hexadecimal digits in lower case", ErrConfig, file.SHA256)
		}
		if have, _, err := artifact.FileDigest(file.Path); err == nil && have == file.SHA256 {
			c.Log.Info("There already", "file", file.Path, "sha256", have)
			return have, nil
		}
	}
	partial, err := createPartial(file.Path, file.SHA256)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", file.Path, err)
	}
	defer partial.discard()
	patience := c.patience
	patience.Failed = func(attempt int, err error) {
		c.Log.Warn("Trying again", "uri", file.URI, "attempt", attempt, "error", err)
	}
	attempts, err := patience.Try(ctx, func() error {
		digest, err = c.pullOnce(ctx, file, partial)
		return err
	}, func(err error) bool { return isFinal(err) || isUntrusted(err) })
	switch {
	case isUntrusted(err):
		err = fmt.Errorf("%w: name the authority that has signed its certificate in caBundle, or by --ca-bundle", err)
	case err != nil && !isFinal(err):
		err = fmt.Errorf("%w; tried %d times", err, attempts)
	}
	return digest, err
}

// isUntrusted tells whether a server has shown a certificate of an authority that isn't known, which it does again a moment
// later.
func isUntrusted(err error) bool {
	var authority x509.UnknownAuthorityError
	return errors.As(err, &authority)
}

func isFinal(err error) bool {
	for _, final := range []error{ErrConfig, ErrNotFound, ErrCredentials, artifact.ErrDigest, artifact.ErrTooLarge, artifact.ErrExists, os.ErrPermission} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// pullOnce fetches a file under a temporary name beside its own, or what is missing of it, verifies it and gives it its name.
func (c *Client) pullOnce(ctx context.Context, file contract.PullConfig, partial *partial) (digest string, err error) {
	resumed := partial.size > 0
	if !resumed || partial.digest() != file.SHA256 {
		if resumed, err = c.fetch(ctx, file, partial); err != nil {
			return "", err
		}
	}
	switch digest = partial.digest(); {
	case file.SHA256 == "" || digest == file.SHA256:
	case resumed: // what was there before may be of another file
		return "", errors.Join(fmt.Errorf("fetch %s: what was fetched before and what follows have another sha256", file.URI), partial.restart())
	default:
		return "", fmt.Errorf("%s: %w: sha256 is %s, want %s: the file was replaced, or another one is meant", file.URI, artifact.ErrDigest, digest, file.SHA256)
	}
	if err := partial.publish(file.Path); err != nil {
		return "", fmt.Errorf("write %s: %w", file.Path, err)
	}
	c.Log.Info("Fetched", "uri", file.URI, "file", file.Path, "bytes", partial.size, "sha256", digest)
	return digest, nil
}

// fetch fetches what a partial file lacks. resumed says that it had a beginning.
func (c *Client) fetch(ctx context.Context, file contract.PullConfig, partial *partial) (resumed bool, err error) {
	if file.SHA256 == "" { // nothing would tell that the parts don't fit
		if err := partial.restart(); err != nil {
			return false, err
		}
	}
	content, leftOut, err := open(ctx, file, partial.size)
	if err != nil {
		return false, err
	}
	defer content.Close()
	if leftOut == 0 {
		err = partial.restart()
	} else {
		c.Log.Info("Going on", "uri", file.URI, "file", file.Path, "bytes", leftOut)
	}
	if err == nil {
		err = partial.fill(content)
	}
	if err != nil {
		return false, fmt.Errorf("fetch %s: %w", file.URI, err)
	}
	return leftOut > 0, nil
}
