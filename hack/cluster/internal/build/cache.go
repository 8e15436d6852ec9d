// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

const (
	// cacheEnv overrides the folder of everything that Trainyard keeps outside the checkout.
	cacheEnv = "TRAINYARD_CACHE"
	// componentsDir is the components' module, from the top of the checkout.
	componentsDir = "hack/cluster/components"

	kubernetesModule = "k8s.io/kubernetes"
)

// Source is the components' module: what is built, and in which versions.
type Source struct {
	// Dir of the module.
	Dir string
	// KubernetesVersion as in go.mod, with its v.
	KubernetesVersion string
	// key changes with everything that goes into the programs.
	key string
}

// FindSource looks for the checkout that holds dir and reads the components' module in it.
func FindSource(dir string) (*Source, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for top := abs; ; top = filepath.Dir(top) {
		module := filepath.Join(top, componentsDir)
		if _, err := os.Stat(filepath.Join(module, "go.mod")); err == nil {
			return readSource(module)
		}
		if top == filepath.Dir(top) {
			return nil, fmt.Errorf("no %s in %s or above it: call the tool inside a checkout of Trainyard", componentsDir, abs)
		}
	}
}

func readSource(dir string) (*Source, error) {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		return nil, fmt.Errorf("read the components' module: %w", err)
	}
	s := &Source{Dir: dir}
	for _, r := range mod.Require {
		if r.Mod.Path == kubernetesModule {
			s.KubernetesVersion = r.Mod.Version
		}
	}
	if s.KubernetesVersion == "" {
		return nil, fmt.Errorf("%s/go.mod does not require %s", dir, kubernetesModule)
	}
	s.key, err = sourceKey(os.DirFS(dir), runtime.Version(), runtime.GOOS, runtime.GOARCH, s.ldflags())
	return s, err
}

// sourceKey is a hash over the module's files and the given settings.
func sourceKey(dir fs.FS, settings ...string) (string, error) {
	h := sha256.New()
	for _, s := range settings {
		fmt.Fprintf(h, "%d %s\n", len(s), s)
	}
	err := fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if ext := filepath.Ext(path); !slices.Contains([]string{".go", ".mod", ".sum"}, ext) || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := dir.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%d %s %d\n", len(path), path, info.Size())
		_, err = io.Copy(h, f)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("hash the components' module: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

// ldflags strips the programs and stamps Kubernetes' version into them.
func (s *Source) ldflags() string {
	parts := strings.SplitN(strings.TrimPrefix(s.KubernetesVersion, "v"), ".", 3)
	flags := []string{"-s", "-w"}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags, "-X "+pkg+".gitVersion="+s.KubernetesVersion, "-X "+pkg+".gitTreeState=clean")
		if len(parts) == 3 {
			flags = append(flags, "-X "+pkg+".gitMajor="+parts[0], "-X "+pkg+".gitMinor="+parts[1])
		}
	}
	return strings.Join(flags, " ")
}

// BinDir returns the folder of the programs, which may not exist yet. It is below $TRAINYARD_CACHE, or
// else trainyard in the user's cache folder.
func (s *Source) BinDir() (string, error) {
	root := os.Getenv(cacheEnv)
	if root == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the cache folder (set %s to choose one): %w", cacheEnv, err)
		}
		root = filepath.Join(user, "trainyard")
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "cluster", strings.TrimPrefix(s.KubernetesVersion, "v")+"-"+s.key, "bin"), nil
}

// missing returns the programs of which the folder lacks the file or a link.
func missing(bin string, programs []Program) ([]Program, error) {
	var out []Program
	for _, p := range programs {
		for _, name := range append([]string{p.Name}, p.Links...) {
			_, err := os.Stat(filepath.Join(bin, name))
			if errors.Is(err, fs.ErrNotExist) {
				out = append(out, p)
				break
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// install moves a program from the folder that it was built in to the cache and makes its links. The move
// is one rename, so that a program is never seen half written.
func install(from, bin string, p Program) error {
	if err := os.Rename(filepath.Join(from, p.Name), filepath.Join(bin, p.Name)); err != nil {
		return err
	}
	for _, link := range p.Links {
		path := filepath.Join(bin, link)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Symlink(p.Name, path); err != nil {
			return err
		}
	}
	return nil
}

// PackageList is the file that lists the Debian packages which a cluster needs.
func (s *Source) PackageList() string {
	return filepath.Join(s.Dir, "..", "..", "packages.txt")
}
