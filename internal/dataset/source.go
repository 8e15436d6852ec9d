// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import "context"

// Source is a place where images lie. Its methods may be called concurrently.
type Source interface {
	// List returns what there is. Errors wrap ErrNotFound, ErrInvalid or
	// ErrCredentials where a person has to act.
	List(ctx context.Context) (Listing, error)
	// Read returns the bytes of a file that List named, or an error that wraps
	// preprocess.ErrTooLarge if there are more than maxBytes.
	Read(ctx context.Context, name string, maxBytes int64) ([]byte, error)
	// String names the place in messages.
	String() string
}

// Listing is what a source holds.
type Listing struct {
	// Files are all that may be images, in any order.
	Files []File
	// Empty are the class folders without any file.
	Empty []File
	// LeftOut is what else there is.
	LeftOut []LeftOut
	// SplitBy says what gives the files their parts, one of contract.SplitByNames and the like; empty if they have none.
	SplitBy string
	// Labels is the manifest that says what the files show; empty where their folders do.
	Labels string
	// Warnings are what people should know of it, a sentence each.
	Warnings []string
	// Revision is what the source calls this state of it, such as a commit; empty if it has no such word.
	Revision string
}

// File is one file of a source.
type File struct {
	// Name is its path within the source, with forward slashes. Its bytes are
	// the file system's and need not be UTF-8.
	Name string
	// Class is the class that the file belongs to, as [ClassName] returns it.
	Class string
	// Part is the part that it belongs to in a source that is split already; if
	// one file has a part, all have.
	Part Part
}

// FolderShape says what a folder of images should look like.
const FolderShape = "it should hold one folder for each class, with that class's images in it"
