// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sbom lists what is in programs, as a bill of materials of CycloneDX, from what the Go linker has written into them.
package sbom

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
	"github.com/package-url/packageurl-go"

	"github.com/trainyard-dev/trainyard/hack/internal/program"
)

// standard is the module that the standard library is listed as: scanners know it by this name.
const standard = "stdlib"

// Subject is what a bill is of: one program on several platforms, in an image or not.
type Subject struct {
	Name, Version string
	// Time of the bill, for it has to have one: that of the commit.
	Time time.Time
	// Repository and Digest are those of an image; empty for a program that comes in archives.
	Repository, Digest string
	// Programs by their platforms.
	Programs map[program.Platform][]byte
	// Data are further modules that the image has files of, such as the certificates of authorities.
	Data []debug.Module
}

// New returns the bill in JSON. The same subject gives the same bill.
func New(s Subject) ([]byte, error) {
	b := bill{components: map[string]cyclonedx.Component{}, uses: map[string][]string{}}
	root := s.component()
	for _, platform := range slices.SortedFunc(maps.Keys(s.Programs), byName) {
		ref, err := b.addProgram(s, platform)
		if err != nil {
			return nil, fmt.Errorf("%s for %s: %w", s.Name, platform, err)
		}
		b.uses[root.BOMRef] = append(b.uses[root.BOMRef], ref)
	}
	for _, m := range s.Data {
		b.uses[root.BOMRef] = append(b.uses[root.BOMRef], b.addModule(m, cyclonedx.ComponentTypeData))
	}
	list := cyclonedx.NewBOM()
	list.SerialNumber = uuid.NewSHA1(uuid.NameSpaceURL, []byte(root.PackageURL)).URN()
	list.Metadata = &cyclonedx.Metadata{Timestamp: s.Time.UTC().Format(time.RFC3339), Component: &root}
	list.Components, list.Dependencies = b.sorted()
	var out bytes.Buffer
	// The newest version is not yet what scanners read.
	if err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(list, cyclonedx.SpecVersion1_6); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func byName(a, b program.Platform) int { return cmp.Compare(a.String(), b.String()) }

// component is the subject itself.
func (s Subject) component() cyclonedx.Component {
	c := cyclonedx.Component{BOMRef: s.Name, Name: s.Name, Version: s.Version, Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}}}
	if s.Digest == "" {
		c.Type = cyclonedx.ComponentTypeApplication
		c.PackageURL = packageurl.NewPackageURL(packageurl.TypeGeneric, "", s.Name, s.Version, nil, "").ToString()
		return c
	}
	c.Type = cyclonedx.ComponentTypeContainer
	c.PackageURL = packageurl.NewPackageURL(packageurl.TypeOCI, "", s.Name, s.Digest, packageurl.QualifiersFromMap(map[string]string{
		"repository_url": s.Repository, "tag": s.Version,
	}), "").ToString()
	c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: strings.TrimPrefix(s.Digest, "sha256:")}}
	return c
}

// bill gathers components, and which of them each uses, by their references.
type bill struct {
	components map[string]cyclonedx.Component
	uses       map[string][]string
}

// addProgram adds a program and its modules.
func (b bill) addProgram(s Subject, platform program.Platform) (ref string, err error) {
	data := s.Programs[platform]
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	ref = s.Name + "_" + platform.OS + "_" + platform.Arch
	sum := sha256.Sum256(data)
	b.components[ref] = cyclonedx.Component{
		BOMRef: ref, Type: cyclonedx.ComponentTypeFile, Name: ref, Version: s.Version,
		Description: s.Name + " for " + platform.String(),
		Hashes:      &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
	}
	modules := []debug.Module{{Path: standard, Version: strings.TrimPrefix(info.GoVersion, "go")}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		modules = append(modules, *m)
	}
	for _, m := range modules {
		b.uses[ref] = append(b.uses[ref], b.addModule(m, cyclonedx.ComponentTypeLibrary))
	}
	return ref, nil
}

func (b bill) addModule(m debug.Module, kind cyclonedx.ComponentType) (ref string) {
	namespace, name := "", m.Path
	if i := strings.LastIndex(m.Path, "/"); i >= 0 {
		namespace, name = m.Path[:i], m.Path[i+1:]
	}
	ref = packageurl.NewPackageURL(packageurl.TypeGolang, namespace, name, m.Version, nil, "").ToString()
	if _, there := b.components[ref]; there {
		return ref
	}
	c := cyclonedx.Component{BOMRef: ref, Type: kind, Name: m.Path, Version: m.Version, PackageURL: ref}
	if m.Path == standard {
		c.CPE = "cpe:2.3:a:golang:go:" + m.Version + ":-:*:*:*:*:*:*"
	}
	// What go.sum has of a module is the SHA-256 of a list of its files' hashes.
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) == sha256.Size {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	}
	b.components[ref] = c
	return ref
}

func (b bill) sorted() (*[]cyclonedx.Component, *[]cyclonedx.Dependency) {
	var components []cyclonedx.Component
	for _, ref := range slices.Sorted(maps.Keys(b.components)) {
		components = append(components, b.components[ref])
	}
	var dependencies []cyclonedx.Dependency
	for _, ref := range slices.Sorted(maps.Keys(b.uses)) {
		on := slices.Compact(slices.Sorted(slices.Values(b.uses[ref])))
		dependencies = append(dependencies, cyclonedx.Dependency{Ref: ref, Dependencies: &on})
	}
	return &components, &dependencies
}
