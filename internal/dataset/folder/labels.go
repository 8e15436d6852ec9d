// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/labels"
)

// labeler makes a listing of the rows of a manifest.
type labeler struct {
	folder  folder
	name    string // of the manifest, within the folder
	listing dataset.Listing
	lines   map[string]int32  // of each path
	classes map[string]string // labels as classes; a label that can't be one is empty
	split   int               // the first line that gives a part
	whole   int               // the first line that gives none
	faults  faults
}

// listLabeled lists what the folder's manifest names; all else in the folder is not looked at.
func (f folder) listLabeled(ctx context.Context) (dataset.Listing, error) {
	l := &labeler{folder: f, name: path.Clean(f.layout.Labels.File), lines: map[string]int32{}, classes: map[string]string{}}
	l.listing.Labels = l.name
	file, err := l.open()
	if err != nil {
		return dataset.Listing{}, err
	}
	defer file.Close()
	columns := labels.Columns{Path: f.layout.Labels.PathColumn, Label: f.layout.Labels.LabelColumn, Split: f.layout.Labels.SplitColumn}
	err = labels.Read(file, columns, func(row labels.Row) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return l.add(row)
	})
	switch {
	case errors.Is(err, labels.ErrFault):
		l.faults.add(err.Error())
	case err != nil:
		return dataset.Listing{}, fmt.Errorf("read labels %q in %v: %w", l.name, f, pathless(err))
	case len(l.listing.Files) == 0 && l.faults.count == 0:
		l.faults.add("there are no rows: name the path and the label of each image")
	}
	if l.faults.count > 0 {
		return dataset.Listing{}, fmt.Errorf("%w: labels %q in %v: %v", dataset.ErrInvalid, l.name, f, l.faults)
	}
	if l.split > 0 {
		l.listing.SplitBy = contract.SplitByLabels
	}
	return l.listing, checkParts(f, l.listing.Files)
}

// open opens the manifest.
func (l *labeler) open() (fs.File, error) {
	if !local(l.name) {
		return nil, fmt.Errorf("%w: labels.file %q leads out of %v: name a file in it", dataset.ErrInvalid, shownPath(l.name), l.folder)
	}
	info, err := l.folder.tree.Stat(l.name) // before opening: opening a named pipe would block
	switch {
	case dataset.LeadsNowhere(err):
		return nil, fmt.Errorf("%w: labels.file %q does not exist in %v: name the manifest by its path within that", dataset.ErrNotFound, shownPath(l.name), l.folder)
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: labels.file %q in %v is no file: name the manifest by its path within that", dataset.ErrInvalid, shownPath(l.name), l.folder)
	case err == nil:
		var file fs.File
		if file, err = l.folder.tree.Open(l.name); err == nil {
			return file, nil
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: labels.file %q in %v can't be read: allow the user who runs this to read it", dataset.ErrInvalid, shownPath(l.name), l.folder)
	}
	return nil, fmt.Errorf("open labels %q in %v: %w", shownPath(l.name), l.folder, pathless(err))
}

// add adds the image of a row, or what is wrong with the row.
func (l *labeler) add(row labels.Row) error {
	class := l.class(row)
	part := l.part(row)
	name := path.Clean(row.Path)
	switch {
	case row.Path == "":
		l.fault(row, "there is no path")
		return nil
	case !local(row.Path) || name == ".":
		l.fault(row, "path %q leads out of the dataset's folder: paths are relative to it", shownPath(row.Path))
		return nil
	case l.lines[name] != 0:
		l.fault(row, "%q is in line %d already: name each image once", shownPath(name), l.lines[name])
		return nil
	}
	l.lines[name] = int32(row.Line)
	info, err := l.folder.tree.Stat(name)
	switch {
	case dataset.LeadsNowhere(err), errors.Is(err, syscall.EINVAL): // the latter for a zero byte
		l.fault(row, "%q does not exist%s", shownPath(name), l.hint(row, name))
	case err == nil && info.IsDir():
		l.fault(row, "%q is a folder: name an image", shownPath(name))
	case err != nil && !errors.Is(err, fs.ErrPermission): // a file that may not be read is one of the unusable
		return fmt.Errorf("%q: %w", shownPath(name), pathless(err))
	}
	l.listing.Files = append(l.listing.Files, dataset.File{Name: name, Class: class, Part: part})
	return nil
}

// class returns the class of a row's label.
func (l *labeler) class(row labels.Row) string {
	class, known := l.classes[row.Label]
	if known {
		return class
	}
	class = dataset.ClassName(row.Label)
	if row.Label == "" {
		l.fault(row, "there is no label: give the image one, or remove the row")
		return ""
	}
	if err := dataset.CheckClassName(class); err != nil {
		l.fault(row, "label %q %v: name the class otherwise", shownPath(row.Label), err)
		return ""
	}
	l.classes[row.Label] = class
	return class
}

// part returns the part of the split that a row gives its image to. Either all rows do or none.
func (l *labeler) part(row labels.Row) dataset.Part {
	if row.Split == "" {
		if l.whole == 0 {
			l.whole = row.Line
			l.mixed(row, l.split)
		}
		return dataset.PartNone
	}
	if l.split == 0 {
		l.split = row.Line
		l.mixed(row, l.whole)
	}
	part := partOf(row.Split)
	if part == dataset.PartNone {
		l.fault(row, "split %q is none of train, validation and test", shownPath(row.Split))
	}
	return part
}

// mixed notes a row that differs from another in whether it gives a part.
func (l *labeler) mixed(row labels.Row, other int) {
	if other != 0 {
		l.fault(row, "of this line and line %d only one gives its image to a part of the split: fill in the split of all rows, or of none", other)
	}
}

// hint says what may be meant by a path that leads nowhere.
func (l *labeler) hint(row labels.Row, name string) string {
	exists := func(name string) bool {
		if !local(name) {
			return false
		}
		_, err := l.folder.tree.Stat(name)
		return err == nil
	}
	beside, slashed := path.Join(path.Dir(l.name), name), strings.ReplaceAll(name, `\`, "/")
	switch {
	case row.Positional && row.Line == 1:
		return ": if the line is a header, name its columns with labels.pathColumn and labels.labelColumn"
	case beside != name && exists(beside):
		return fmt.Sprintf(", but %q does: paths are relative to the dataset's folder, not to the manifest", shownPath(beside))
	case slashed != name && exists(slashed):
		return fmt.Sprintf(", but %q does: separate folders by slashes", shownPath(slashed))
	default:
		return ": correct the path, or remove the row"
	}
}

func (l *labeler) fault(row labels.Row, format string, args ...any) {
	l.faults.add(fmt.Sprintf("line %d: ", row.Line) + fmt.Sprintf(format, args...))
}

// local tells whether a path with slashes stays within the folder that it is relative to.
func local(name string) bool { return filepath.IsLocal(filepath.FromSlash(name)) }

// shownPath is a path, or another text that somebody has written, for a message.
func shownPath(name string) string { return dataset.Shown(shortened(name)) }

// faults are what is wrong with a manifest: the first few, and how many there are.
type faults struct {
	first []string
	count int
}

const maxFaults = 5

func (f *faults) add(fault string) {
	if f.count++; f.count <= maxFaults {
		f.first = append(f.first, fault)
	}
}

func (f faults) String() string {
	text := strings.Join(f.first, "; ")
	if more := f.count - len(f.first); more > 0 {
		text += fmt.Sprintf("; and %d more faults", more)
	}
	return text
}
