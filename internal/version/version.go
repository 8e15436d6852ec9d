// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package version tells which build of Trainyard this is.
package version

import "runtime/debug"

// version is set by the linker: -X github.com/trainyard-dev/trainyard/internal/version.version=v0.1.0.
var version string

// String returns the version that the linker was given, else what the Go toolchain
// recorded of the module or the commit, else "unknown".
func String() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return fromBuildInfo(info)
}

func fromBuildInfo(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, modified := "", ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			modified = "+dirty"
		}
	}
	if revision == "" {
		return "unknown"
	}
	return revision + modified
}
