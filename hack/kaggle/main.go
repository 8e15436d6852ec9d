// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command kaggle sorts the photographs of Kaggle's Dogs vs. Cats, as they are downloaded, into a folder for each class. It does
// nothing, and says nothing, where no archive of them is.
package main

import (
	"archive/zip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	from := flag.String("from", "data", "folder that the archive was downloaded into")
	to := flag.String("to", "data/pets", "folder to make, with a folder for each class")
	flag.Parse()
	if err := run(*from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "kaggle:", err)
		os.Exit(1)
	}
}

// archives are the names of what Kaggle and Microsoft offer, in the order of preference. The first holds the second.
var archives = []string{"dogs-vs-cats.zip", "train.zip", "kagglecatsanddogs_5340.zip"}

func run(from, to string) error {
	at := slices.IndexFunc(archives, func(name string) bool {
		_, err := os.Stat(filepath.Join(from, name))
		return err == nil
	})
	if at < 0 {
		return nil
	}
	archive := filepath.Join(from, archives[at])
	// Only a whole folder gets the name that others look for.
	unfinished := to + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	count, err := unpackFile(archive, unfinished)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", archive, err)
	case count == 0:
		return fmt.Errorf("%s holds no cat.N.jpg and no Cat/N.jpg: download train.zip of Dogs vs. Cats", archive)
	}
	fmt.Printf("%d photographs of %s are in %s\n", count, archive, to)
	return os.Rename(unfinished, to)
}

func unpackFile(archive, to string) (int, error) {
	file, err := zip.OpenReader(archive)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return unpack(&file.Reader, to)
}

// unpack writes the photographs of an archive, and of a train.zip in it, and counts them.
func unpack(archive *zip.Reader, to string) (int, error) {
	count := 0
	for _, entry := range archive.File {
		if path.Base(entry.Name) == "train.zip" {
			inner, err := unpackInner(entry, to)
			if err != nil {
				return count, err
			}
			count += inner
			continue
		}
		name := place(entry.Name)
		if name == "" || entry.UncompressedSize64 == 0 { // two photographs of Microsoft's are empty
			continue
		}
		if err := write(entry, filepath.Join(to, name)); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

// unpackInner unpacks an archive within an archive.
func unpackInner(entry *zip.File, to string) (count int, err error) {
	inner := to + ".zip"
	defer func() { err = errors.Join(err, os.Remove(inner)) }()
	if err := write(entry, inner); err != nil {
		return 0, err
	}
	return unpackFile(inner, to)
}

var (
	kaggles    = regexp.MustCompile(`^(cat|dog)\.\d+\.jpg$`)
	microsofts = regexp.MustCompile(`(?:^|/)(Cat|Dog)/(\d+\.jpg)$`)
)

// place is where a photograph goes by its name in an archive; empty for what is none.
func place(name string) string {
	if match := kaggles.FindStringSubmatch(path.Base(name)); match != nil {
		return filepath.Join(match[1], match[0])
	}
	if match := microsofts.FindStringSubmatch(name); match != nil {
		return filepath.Join(strings.ToLower(match[1]), match[2])
	}
	return ""
}

func write(entry *zip.File, to string) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := entry.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in) //nolint:gosec // the user's own archive
	return err
}
