// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cgroup finds the control groups that bound the program, of either version.
package cgroup

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

const (
	top = "sys/fs/cgroup"
	own = "proc/self/cgroup"
)

// Folders returns the folders of the program's control group and of all above it, below root: those of version 2, and those that
// a controller has in version 1. In a container whose control groups are a namespace of their own they are the roots alone; elsewhere
// /proc/self/cgroup tells where the program is. A folder need not exist.
func Folders(root fs.FS, controller string) (v2, v1 []string) {
	topV1 := path.Join(top, controller)
	v2, v1 = []string{top}, []string{topV1}
	data, err := fs.ReadFile(root, own)
	if err != nil {
		return v2, v1
	}
	for line := range strings.Lines(string(data)) {
		// hierarchy:controllers:path, with no controllers in version 2
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		switch {
		case fields[1] == "":
			v2 = append(v2, ancestry(top, fields[2])...)
		case slices.Contains(strings.Split(fields[1], ","), controller):
			v1 = append(v1, ancestry(topV1, fields[2])...)
		}
	}
	return v2, v1
}

// ancestry is the folder of a group and of those above it, without the root.
func ancestry(top, group string) []string {
	var folders []string
	for folder := path.Clean("/" + group); folder != "/"; folder = path.Dir(folder) {
		folders = append(folders, path.Join(top, folder))
	}
	return folders
}
