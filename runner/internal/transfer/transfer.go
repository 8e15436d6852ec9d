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
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
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

const (
	// attempts are made to fetch a file, with pauses in between that double from firstPause.
	attempts   = 4
	firstPause = time.Second
	// stallLimit is how long nothing may arrive.
	stallLimit = 30 * time.Second
)

// Client fetches and pushes.
type Client struct {
	Log *slog.Logger
	// pause waits between two attempts; tests don't.
	pause func(ctx context.Context, d time.Duration) error
}

// NewClient returns a Client.
func NewClient(log *slog.Logger) *Client { return &Client{Log: log, pause: sleep} }

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Pull fetches one file and returns its SHA-256. A file of the wanted digest that is there already is left as it is. Errors
// wrap ErrConfig, ErrNotFound, ErrCredentials or artifact.ErrDigest where trying again is no use, and name what was tried.
func (c *Client) Pull(ctx context.Context, file contract.PullConfig) (digest string, err error) {
	if err := contract.CheckRemoteURI(file.URI); err != nil {
		return "", fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if file.SHA256 != "" {
		if have, _, err := artifact.FileDigest(file.Path); err == nil && have == file.SHA256 {
			c.Log.Info("There already", "file", file.Path, "sha256", have)
			return have, nil
		}
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		digest, err = c.pullOnce(ctx, file)
		if err == nil || isFinal(err) || ctx.Err() != nil || attempt == attempts {
			break
		}
		c.Log.Warn("Trying again", "uri", file.URI, "attempt", attempt, "error", err)
		if pauseErr := c.pause(ctx, pause); pauseErr != nil {
			break
		}
		pause *= 2
	}
	if err != nil && !isFinal(err) {
		err = fmt.Errorf("%w; tried %d times", err, attempts)
	}
	return digest, err
}

func isFinal(err error) bool {
	for _, final := range []error{ErrConfig, ErrNotFound, ErrCredentials, artifact.ErrDigest, artifact.ErrTooLarge, artifact.ErrExists, os.ErrPermission} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// pullOnce fetches a file under a temporary name beside its own, verifies it and gives it its name.
func (c *Client) pullOnce(ctx context.Context, file contract.PullConfig) (digest string, err error) {
	content, err := open(ctx, file)
	if err != nil {
		return "", err
	}
	defer content.Close()
	partial, err := createPartial(file.Path)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", file.Path, err)
	}
	defer os.Remove(partial.Name()) // of no use once it has its name
	size, digest, err := copyHashed(partial, content)
	if closeErr := partial.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", file.URI, err)
	}
	if file.SHA256 != "" && digest != file.SHA256 {
		return "", fmt.Errorf("%s: %w: sha256 is %s, want %s: the file was replaced, or another one is meant", file.URI, artifact.ErrDigest, digest, file.SHA256)
	}
	// CreateTemp makes a private file; the server that reads it may run as another user.
	if err := os.Chmod(partial.Name(), 0o644); err != nil {
		return "", err
	}
	if err := os.Rename(partial.Name(), file.Path); err != nil {
		return "", fmt.Errorf("write %s: %w", file.Path, err)
	}
	c.Log.Info("Fetched", "uri", file.URI, "file", file.Path, "bytes", size, "sha256", digest)
	return digest, nil
}

// copyHashed copies content, within MaxFileBytes, to a file, flushes it to disk and returns its size and SHA-256.
func copyHashed(file *os.File, content io.Reader) (size int64, digest string, err error) {
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(file, hash), io.LimitReader(content, MaxFileBytes+1))
	switch {
	case err != nil:
		return size, "", err
	case size > MaxFileBytes:
		return size, "", fmt.Errorf("%w: at most %d bytes are fetched", artifact.ErrTooLarge, int64(MaxFileBytes))
	}
	return size, hex.EncodeToString(hash.Sum(nil)), file.Sync()
}
