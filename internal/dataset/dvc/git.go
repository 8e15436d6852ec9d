// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	git "github.com/go-git/go-git/v5"
	gitconfig "github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// openTree opens one revision of a repository: in place if it is on this machine, else by fetching that revision only.
func openTree(ctx context.Context, l Location, access Access) (*tree, error) {
	endpoint, err := transport.NewEndpoint(l.Repo)
	if err != nil {
		return nil, fmt.Errorf("%w: dataset.dvc.repo can't be parsed", dataset.ErrConfig)
	}
	switch endpoint.Protocol {
	case "file":
		return openHere(l, endpoint.Path)
	case "https", "ssh":
		return clone(ctx, l, access, endpoint)
	default:
		return nil, fmt.Errorf("%w: dataset.dvc.repo has the scheme %s: use https, ssh or file", dataset.ErrConfig, shorten(endpoint.Protocol))
	}
}

// openHere reads a repository that is on this machine.
func openHere(l Location, folder string) (*tree, error) {
	repository, err := git.PlainOpenWithOptions(folder, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fmt.Errorf("%w: there is no Git repository in folder %q", dataset.ErrNotFound, folder)
	}
	if err != nil {
		return nil, fmt.Errorf("open Git repository %q: %w", folder, err)
	}
	t, err := revision(l, repository, l.Rev)
	if err != nil {
		return nil, err
	}
	t.folder = folder
	return t, nil
}

// revision opens a commit of a repository that is here.
func revision(l Location, repository *git.Repository, rev string) (*tree, error) {
	if rev == "" {
		rev = "HEAD"
	}
	hash, err := repository.ResolveRevision(plumbing.Revision(rev))
	if err != nil {
		return nil, fmt.Errorf("%w: %v: the repository has no branch, tag or commit of that name", dataset.ErrNotFound, l)
	}
	return treeOf(l, repository, *hash)
}

func treeOf(l Location, repository *git.Repository, hash plumbing.Hash) (*tree, error) {
	for range 10 { // a tag may be one of a tag
		tag, err := repository.TagObject(hash)
		if err != nil {
			break
		}
		hash = tag.Target
	}
	commit, err := repository.CommitObject(hash)
	if err != nil {
		return nil, invalid("%v: %s is no commit", l, hash)
	}
	root, err := commit.Tree()
	if err != nil {
		return nil, invalid("%v: commit %s has no tree that can be read", l, hash)
	}
	return &tree{name: l, revision: commit.Hash.String(), root: root, close: func() error { return nil }}, nil
}

// clone fetches one revision into a scratch folder.
func clone(ctx context.Context, l Location, access Access, endpoint *transport.Endpoint) (*tree, error) {
	auth, err := access.auth(endpoint)
	if err != nil {
		return nil, err
	}
	pem, err := access.caBundle()
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp(access.Scratch, "trainyard-git-")
	if err != nil {
		return nil, err
	}
	limited := limitedFS(osfs.New(scratch), maxCloneBytes)
	repository, err := git.Init(filesystem.NewStorage(limited, cache.NewObjectLRUDefault()), nil)
	if err == nil {
		_, err = repository.CreateRemote(&gitconfig.RemoteConfig{Name: "origin", URLs: []string{l.Repo}})
	}
	var t *tree
	if err == nil {
		t, err = fetch(ctx, l, repository, auth, pem)
	}
	if err != nil {
		return nil, errors.Join(explainGit(l, err), os.RemoveAll(scratch))
	}
	t.close = func() error { return os.RemoveAll(scratch) }
	return t, nil
}

// fetched is the name that what is fetched has here.
const fetched = "refs/trainyard/revision"

// fetch brings one revision here, without its history where the server can.
func fetch(ctx context.Context, l Location, repository *git.Repository, auth transport.AuthMethod, pem []byte) (*tree, error) {
	source, err := findRevision(ctx, l, auth, pem)
	if err != nil {
		return nil, err
	}
	options := &git.FetchOptions{Auth: auth, CABundle: pem, Depth: 1, Tags: git.NoTags, RefSpecs: []gitconfig.RefSpec{gitconfig.RefSpec(source + ":" + fetched)}}
	err = repository.FetchContext(ctx, options)
	exact := plumbing.IsHash(source)
	if err != nil && exact && ctx.Err() == nil && !refused(err) {
		// Not every server gives out any commit: all branches and tags are fetched for it then.
		return fetchAll(ctx, l, repository, auth, pem)
	}
	if err != nil {
		return nil, err
	}
	if exact {
		return treeOf(l, repository, plumbing.NewHash(source))
	}
	ref, err := repository.Reference(fetched, true)
	if err != nil {
		return nil, err
	}
	return treeOf(l, repository, ref.Hash())
}

func fetchAll(ctx context.Context, l Location, repository *git.Repository, auth transport.AuthMethod, pem []byte) (*tree, error) {
	err := repository.FetchContext(ctx, &git.FetchOptions{Auth: auth, CABundle: pem, Tags: git.AllTags, RefSpecs: []gitconfig.RefSpec{"+refs/heads/*:refs/remotes/origin/*"}})
	if err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
		return nil, err
	}
	return revision(l, repository, l.Rev)
}

// findRevision returns what to ask the server for: the name of a reference, or a commit.
func findRevision(ctx context.Context, l Location, auth transport.AuthMethod, pem []byte) (string, error) {
	remote := git.NewRemote(memory.NewStorage(), &gitconfig.RemoteConfig{Name: "origin", URLs: []string{l.Repo}})
	refs, err := remote.ListContext(ctx, &git.ListOptions{Auth: auth, CABundle: pem})
	if err != nil {
		return "", err
	}
	rev := l.Rev
	if rev == "" {
		rev = "HEAD"
	}
	names := map[string]bool{}
	for _, ref := range refs {
		names[ref.Name().String()] = true
	}
	for _, name := range []string{rev, "refs/tags/" + rev, "refs/heads/" + rev, "refs/" + rev} {
		if names[name] {
			return name, nil
		}
	}
	if plumbing.IsHash(rev) {
		return rev, nil
	}
	return "", fmt.Errorf("%w: %v: the repository has no branch or tag of that name: name one, or all 40 digits of a commit", dataset.ErrNotFound, l)
}

// refused tells whether a server doesn't know who asks.
func refused(err error) bool {
	return errors.Is(err, transport.ErrAuthenticationRequired) || errors.Is(err, transport.ErrAuthorizationFailed) || errors.Is(err, transport.ErrInvalidAuthMethod)
}

// explainGit says what an error of Git means.
func explainGit(l Location, err error) error {
	message := err.Error()
	var unexpected *plumbing.UnexpectedError
	if errors.As(err, &unexpected) { // it hides what it is about
		err = unexpected.Err
	}
	switch {
	case refused(err), strings.Contains(message, "unable to authenticate"), strings.Contains(message, "knownhosts: "),
		strings.Contains(message, "SSH_AUTH_SOCK"):
		return fmt.Errorf("%w: %v: the Git server refuses access: check the keys %s and %s, or %s and %s, of the credentials: %s",
			dataset.ErrCredentials, l, keyUser, keyPassword, keySSH, keyKnownHosts, shorten(message))
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fmt.Errorf("%w: %v: the Git server has no such repository, or hides it from who asks: check dataset.dvc.repo and the credentials", dataset.ErrNotFound, l)
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return fmt.Errorf("%w: %v: the repository is empty", dataset.ErrNotFound, l)
	case errors.Is(err, errCloneSize):
		return tooMuch("%v: the revision has more than %d bytes in Git: keep large files in DVC", l, int64(maxCloneBytes))
	case errors.Is(err, object.ErrMaxTreeDepth):
		return tooMuch("%v: its folders are too deep", l)
	default:
		return fmt.Errorf("fetch %v: %w", l, err)
	}
}
