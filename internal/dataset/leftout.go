// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// Cause says why something in a source is no sample.
type Cause string

// The causes.
const (
	// CauseHidden: a file or folder whose name starts with a dot.
	CauseHidden Cause = "Hidden"
	// CauseSystem: a file or folder that an operating system, a file server or
	// an archiver keeps for itself, such as lost+found or __MACOSX.
	CauseSystem Cause = "System"
	// CauseArtifact: a folder that a training run has published its model in.
	CauseArtifact Cause = "Artifact"
	// CauseBesideClasses: a file beside the class folders.
	CauseBesideClasses Cause = "BesideClasses"
	// CauseBesideSplit: a folder beside the parts of a split.
	CauseBesideSplit Cause = "BesideSplit"
	// CauseNoClassFolders: a part of a split without class folders, such as
	// unlabeled test images.
	CauseNoClassFolders Cause = "NoClassFolders"
	// CauseHeldOutCopy: a training image that is a copy of one in the validation
	// or test part.
	CauseHeldOutCopy Cause = "HeldOutCopy"
	// CauseUnknownClass: an image of a class that the model doesn't know which is
	// to be measured.
	CauseUnknownClass Cause = "UnknownClass"
	// CauseLinkLoop: a link to a folder that is read already.
	CauseLinkLoop Cause = "LinkLoop"
	// CauseNotFound: a link to nothing, or a file that is gone.
	CauseNotFound Cause = "NotFound"
	// CauseForbidden: a file that may not be read.
	CauseForbidden Cause = "Forbidden"
	// CauseNotAnImage: in no format that is decoded here.
	CauseNotAnImage Cause = "NotAnImage"
	// CauseTruncated: an image that ends too early.
	CauseTruncated Cause = "Truncated"
	// CauseTooLarge: an image with too many bytes or pixels.
	CauseTooLarge Cause = "TooLarge"
	// CauseDamaged: an image that can't be decoded otherwise.
	CauseDamaged Cause = "Damaged"
)

// Expected reports whether a dataset is as complete without what has this
// cause: nobody means a file manager's leftovers for images.
func (c Cause) Expected() bool { return c == CauseHidden || c == CauseSystem || c == CauseArtifact }

// ofFiles reports whether the cause is that of a file that should be an image, as causeOf returns it.
func (c Cause) ofFiles() bool {
	switch c {
	case CauseNotAnImage, CauseTruncated, CauseTooLarge, CauseDamaged, CauseForbidden, CauseNotFound:
		return true
	default:
		return false
	}
}

// causeOf classifies the error of a file that is no usable image.
func causeOf(err error) Cause {
	switch {
	case errors.Is(err, preprocess.ErrUnsupported):
		return CauseNotAnImage
	case errors.Is(err, preprocess.ErrTruncated):
		return CauseTruncated
	case errors.Is(err, preprocess.ErrTooLarge):
		return CauseTooLarge
	case errors.Is(err, fs.ErrPermission):
		return CauseForbidden
	case LeadsNowhere(err):
		return CauseNotFound
	default:
		return CauseDamaged
	}
}

// LeadsNowhere reports whether err is that of a path with nothing at its end,
// as that of a dangling link or of links in a circle.
func LeadsNowhere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENOTDIR) ||
		errors.Is(err, syscall.ENAMETOOLONG)
}

// LeftOut counts what a dataset is made without for one cause.
type LeftOut struct {
	Cause Cause
	// Count is the number of files; a folder that isn't looked into counts as
	// one.
	Count int
	// First are the paths of up to maxLeftOutNamed of them, see [Shown].
	First []string
}

const maxLeftOutNamed = 5

// LeftOutByCause collects what is left out.
type LeftOutByCause map[Cause]*LeftOut

// Add counts a file or folder of a source.
func (l LeftOutByCause) Add(cause Cause, name string) {
	entry := l[cause]
	if entry == nil {
		entry = &LeftOut{Cause: cause}
		l[cause] = entry
	}
	entry.Count++
	if len(entry.First) < maxLeftOutNamed {
		entry.First = append(entry.First, Shown(name))
	}
}

// List returns the entries, sorted by cause.
func (l LeftOutByCause) List() []LeftOut {
	var entries []LeftOut
	for _, entry := range l {
		entries = append(entries, *entry)
	}
	slices.SortFunc(entries, func(a, b LeftOut) int { return strings.Compare(string(a.Cause), string(b.Cause)) })
	return entries
}

// merge adds entries with other causes and returns all, sorted by cause.
func (l LeftOutByCause) merge(others []LeftOut) []LeftOut {
	for _, other := range others {
		l[other.Cause] = &other
	}
	return l.List()
}
