// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// setClasses decides on d.Classes, and leaves out of the listing what is of no
// class.
func (d *Dataset) setClasses(listing *Listing, opts Options) error {
	var err error
	if opts.Classes != nil {
		err = d.matchClasses(listing, opts)
	} else {
		d.Classes, err = classesOf(d.source, *listing)
		d.Warnings = similarClasses(d.Classes)
	}
	d.Warnings, d.Revision = slices.Concat(listing.Warnings, d.Warnings), listing.Revision
	return err
}

// classesOf returns the names of the classes, sorted.
func classesOf(source Source, listing Listing) ([]string, error) {
	seen := map[string]bool{}
	for _, file := range listing.Files {
		seen[file.Class] = true
	}
	classes := slices.Sorted(maps.Keys(seen))
	switch {
	case len(listing.Empty) > 0:
		return nil, emptyClass(source, listing.Empty[0])
	case len(classes) == 0:
		return nil, fmt.Errorf("%w: %v has no images: %s", ErrInvalid, source, FolderShape)
	case len(classes) == 1 && listing.Labels != "":
		return nil, fmt.Errorf("%w: %v has one class only, %q, by its labels %q: name images of a further class there, or another column with labels.labelColumn",
			ErrInvalid, source, classes[0], Shown(listing.Labels))
	case len(classes) > MaxClasses && listing.Labels != "":
		return nil, fmt.Errorf("%w: %v has %d classes by its labels %q, at most %d are possible: name the column of the classes with labels.labelColumn",
			ErrInvalid, source, len(classes), Shown(listing.Labels), MaxClasses)
	case len(classes) == 1:
		return nil, fmt.Errorf("%w: %v has one class only, %q: add a folder for each further class, or, if the class folders are inside %q, add that to the path",
			ErrInvalid, source, classes[0], classes[0])
	case len(classes) > MaxClasses:
		return nil, fmt.Errorf("%w: %v has %d classes, at most %d are possible: check that the path leads to the folder that holds the class folders",
			ErrInvalid, source, len(classes), MaxClasses)
	}
	return classes, nil
}

// matchClasses gives d the classes of a model, which the listing's are among.
func (d *Dataset) matchClasses(listing *Listing, opts Options) error {
	labels := labelsOf(opts.Classes)
	for i, class := range opts.Classes {
		if last := labels[ClassName(class)]; last != int32(i) {
			return fmt.Errorf("%w: no folder can be told for the model's classes %+q and %+q, which are one name in two encodings: name them differently in the model",
				ErrInvalid, class, opts.Classes[last])
		}
	}
	found := map[string]bool{}
	for _, file := range listing.Files {
		found[file.Class] = true
	}
	if !opts.AnySize && len(listing.Empty) > 0 {
		return emptyClass(d.source, listing.Empty[0])
	}
	var unknown, missing []string
	for _, class := range slices.Sorted(maps.Keys(found)) {
		if _, known := labels[class]; !known {
			unknown = append(unknown, class)
		}
	}
	for _, class := range opts.Classes {
		if !found[ClassName(class)] {
			missing = append(missing, class)
		}
	}
	switch {
	case len(found) == 0:
		return fmt.Errorf("%w: %v has no images: %s", ErrInvalid, d.source, FolderShape)
	case len(unknown) > 0 && len(missing) > 0:
		return fmt.Errorf("%w: %v has %s for %s, which the model doesn't know, and none for its %s: name the %[3]s as the model's classes, or move those away%[6]s",
			ErrInvalid, d.source, namesOf(*listing), quoted(unknown), quoted(missing), insideHint(unknown, len(found), *listing))
	case len(missing) > 0 && !opts.AnySize:
		return fmt.Errorf("%w: %v has no images of the model's %s: add some of each", ErrInvalid, d.source, quoted(missing))
	case len(missing) > 0:
		d.Warnings = append(d.Warnings, fmt.Sprintf("there are no images of the model's %s: the figures say nothing of them", quoted(missing)))
	case len(unknown) > 0:
		listing.leaveUnknown(labels)
		d.Warnings = append(d.Warnings, fmt.Sprintf("the model doesn't know %s: the images are left out", quoted(unknown)))
	}
	d.Classes = slices.Clone(opts.Classes)
	return nil
}

// leaveUnknown leaves out the files whose class has no label.
func (l *Listing) leaveUnknown(labels map[string]int32) {
	left := LeftOutByCause{}
	l.Files = slices.DeleteFunc(l.Files, func(file File) bool {
		_, known := labels[file.Class]
		if !known {
			left.Add(CauseUnknownClass, file.Name)
		}
		return !known
	})
	l.LeftOut = left.merge(l.LeftOut)
}

// labelsOf returns the index of each class by its name as [ClassName] returns it.
func labelsOf(classes []string) map[string]int32 {
	labels := make(map[string]int32, len(classes))
	for i, class := range classes {
		labels[ClassName(class)] = int32(i)
	}
	return labels
}

func emptyClass(source Source, folder File) error {
	return fmt.Errorf("%w: the folder of class %q in %v is empty: add images, or remove it", ErrInvalid, Shown(folder.Name), source)
}

// maxQuoted is how many class names a message holds.
const maxQuoted = 10

// quoted lists class names for a message.
func quoted(classes []string) string {
	names := make([]string, 0, maxQuoted+1)
	for _, class := range classes[:min(len(classes), maxQuoted)] {
		names = append(names, fmt.Sprintf("%q", class))
	}
	if more := len(classes) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// namesOf are what gives a listing's classes their names.
func namesOf(listing Listing) string {
	if listing.Labels != "" {
		return "labels"
	}
	return "folders"
}

// insideHint is added to a message on unknown classes where the only folder may
// be one that holds the class folders.
func insideHint(unknown []string, folders int, listing Listing) string {
	if folders > 1 || listing.Labels != "" {
		return ""
	}
	return fmt.Sprintf("; if the class folders are inside %q, add that to the path", unknown[0])
}

// similarClasses warns of classes that people take for one.
func similarClasses(classes []string) []string {
	var warnings []string
	seen := map[string]string{}
	for _, class := range classes {
		key := strings.ToLower(strings.TrimSpace(class))
		if other, taken := seen[key]; taken {
			warnings = append(warnings, fmt.Sprintf(
				"classes %q and %q differ only in letter case or spaces and are learned as two: if they are one, move the images into one folder", other, class))
		}
		seen[key] = class
	}
	return warnings
}
