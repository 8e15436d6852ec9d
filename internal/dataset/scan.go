// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/internal/repeat"
)

// Options say how to open a dataset.
type Options struct {
	// Preprocess is how images become tensors; it must be valid.
	Preprocess preprocess.Spec
	// Limits bound each file, and the memory for decoding and reading all of
	// them; zero means preprocess.DefaultLimits.
	Limits preprocess.Limits
	// CacheBytes bounds the memory that holds images, resized and at 8 bits
	// (Size×Size×3 bytes each), so that they need not be decoded in every
	// epoch. What doesn't fit is read from the source each time.
	CacheBytes int64
	// Classes are those of a model that is to be measured or calibrated, in the
	// order of its outputs. If set, the images' classes are matched with them by
	// name, see [ClassName], and labels are the model's.
	Classes []string
	// MaxInvalidPercent is how many of the files that should be images may be none, or none that can be used, in percent;
	// nil: any number.
	MaxInvalidPercent *int
	// AnySize takes any number of images, of any of Classes: enough to measure a
	// model, not to split.
	AnySize bool
	// Workers read and decode side by side; zero means one for each CPU.
	Workers int
	// Progress is told how far the scan has come, a few times a second, and at its end. It may be nil.
	Progress func(Progress)
}

// Progress is how far a scan has come.
type Progress struct {
	Files, TotalFiles int64
	Bytes             int64 // of the files that were read
}

// progressInterval is how often a scan says how far it has come.
const progressInterval = 250 * time.Millisecond

// Open reads and decodes every image of a source once: files that are no usable
// images are set aside here, not in the midst of training, and the rest is kept
// in memory as far as the budget reaches.
//
// Errors wrap ErrNotFound, ErrInvalid, ErrTooManyInvalid or ErrCredentials where a person has to act. One of what was
// scanned is a *Refused.
func Open(ctx context.Context, source Source, opts Options) (*Dataset, error) {
	if err := opts.Preprocess.Validate(); err != nil {
		return nil, err
	}
	if opts.Limits == (preprocess.Limits{}) {
		opts.Limits = preprocess.DefaultLimits()
	}
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	listing, err := source.List(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(listing.Files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	d := &Dataset{source: source, preprocess: opts.Preprocess, reader: newReader(opts.Limits), Labels: listing.Labels, SplitBy: listing.SplitBy}
	if err := d.setClasses(&listing, opts); err != nil {
		return nil, err
	}
	scanned, err := scan(ctx, source, listing.Files, d.reader, opts)
	if err != nil {
		return nil, fmt.Errorf("scan %v: %w", source, err)
	}
	d.collect(listing, scanned)
	if err := d.checkInvalid(len(scanned), opts.MaxInvalidPercent); err != nil {
		return nil, &Refused{Err: err, Found: d}
	}
	if err := d.checkEnough(listing.Files, scanned, opts); err != nil {
		return nil, &Refused{Err: err, Found: d}
	}
	d.Digest = d.digest()
	return d, nil
}

// scannedFile is what scan found out about one file.
type scannedFile struct {
	digest [sha256.Size]byte
	pixels []uint8 // nil if over the budget
	err    error   // why the file is no usable image
}

// scan reads, hashes and decodes files side by side.
func scan(ctx context.Context, source Source, files []File, reader *reader, opts Options) ([]scannedFile, error) {
	var (
		scanned = make([]scannedFile, len(files))
		budget  atomic.Int64
		next    atomic.Int64
	)
	budget.Store(opts.CacheBytes)
	count := &counter{}
	if opts.Progress != nil {
		defer repeat.Every(progressInterval, func() {
			opts.Progress(Progress{Files: count.files.Load(), TotalFiles: int64(len(files)), Bytes: count.bytes.Load()})
		})()
	}
	group, ctx := errgroup.WithContext(ctx)
	for range min(opts.Workers, len(files)) {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				var err error
				if scanned[i], err = scanFile(ctx, source, files[i], reader, opts, &budget, count); err != nil {
					return err
				}
			}
		})
	}
	return scanned, group.Wait()
}

// counter counts what was scanned.
type counter struct{ files, bytes atomic.Int64 }

// scanFile returns an error only for what isn't the file's fault.
func scanFile(ctx context.Context, source Source, file File, reader *reader, opts Options, budget *atomic.Int64, count *counter) (s scannedFile, err error) {
	defer count.files.Add(1)
	pixels := make([]uint8, opts.Preprocess.PixelLen())
	err = reader.read(ctx, func() ([]byte, error) { return source.Read(ctx, file.Name, opts.Limits.MaxBytes) }, func(data []byte) error {
		count.bytes.Add(int64(len(data)))
		s.digest = sha256.Sum256(data)
		s.err = reader.decoder.Pixels(ctx, opts.Preprocess, pixels, data)
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return scannedFile{}, context.Cause(ctx)
	case err != nil && fileAtFault(err):
		return scannedFile{err: err}, nil
	case err != nil:
		return scannedFile{}, fmt.Errorf("read %s: %w", Shown(file.Name), err)
	case errors.Is(s.err, preprocess.ErrMemory):
		// The same pictures must be samples wherever the run has its memory from.
		return scannedFile{}, fmt.Errorf("%w: %s: %w", ErrInvalid, Shown(file.Name), s.err)
	}
	if s.err == nil && budget.Add(-int64(len(pixels))) >= 0 {
		s.pixels = pixels
	}
	return s, nil
}

// fileAtFault tells a file that can't be used from storage that fails and may
// work again: to leave out what a failing disk doesn't return would train on
// another dataset than the one asked for.
func fileAtFault(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid) || LeadsNowhere(err) ||
		errors.Is(err, preprocess.ErrTooLarge) || errors.Is(err, preprocess.ErrUnsupported)
}

// collect sorts what scan found into samples and what is left out.
func (d *Dataset) collect(listing Listing, scanned []scannedFile) {
	type cachedSample struct {
		Sample
		pixels []uint8
	}
	labels := labelsOf(d.Classes)
	var usable []cachedSample
	left := LeftOutByCause{}
	parts := map[[sha256.Size]byte]uint8{} // the set of those that an image is in, in a source that is split already
	for i, s := range scanned {
		file := listing.Files[i]
		if s.err != nil {
			cause := causeOf(s.err)
			left.Add(cause, file.Name)
			d.Skipped.Count++
			if len(d.Skipped.First) < maxSkippedNamed {
				d.Skipped.First = append(d.Skipped.First, SkippedFile{Name: Shown(file.Name), Cause: cause, Err: s.err})
			}
			continue
		}
		sample := Sample{Name: file.Name, Label: labels[file.Class], Part: file.Part, Digest: s.digest}
		usable = append(usable, cachedSample{sample, s.pixels})
		if file.Part != PartNone {
			parts[s.digest] |= 1 << file.Part
		}
	}
	usable = slices.DeleteFunc(usable, func(s cachedSample) bool {
		leaks := s.Part == PartTrain && parts[s.Digest] != 1<<PartTrain
		if leaks {
			left.Add(CauseHeldOutCopy, s.Name)
		}
		return leaks
	})
	slices.SortFunc(usable, func(a, b cachedSample) int { return compareSamples(a.Sample, b.Sample) })
	d.Samples = make([]Sample, len(usable))
	d.cache = make([][]uint8, len(usable))
	for i, u := range usable {
		d.Samples[i], d.cache[i] = u.Sample, u.pixels
	}
	d.LeftOut = left.merge(listing.LeftOut)
	d.warnOfSharedImages(parts)
	d.warnOfSeveralClasses()
	d.warnOfSkipped(listing.Files, scanned)
}

// warnOfSkipped warns of classes that have lost a tenth of their files or more:
// a model learns another mix of images then than was meant.
func (d *Dataset) warnOfSkipped(files []File, scanned []scannedFile) {
	total, skipped, first := map[string]int{}, map[string]int{}, map[string]int{}
	for i, file := range files {
		total[file.Class]++
		if scanned[i].err == nil {
			continue
		}
		if skipped[file.Class]++; skipped[file.Class] == 1 {
			first[file.Class] = i
		}
	}
	for _, class := range slices.Sorted(maps.Keys(skipped)) {
		if skipped[class]*10 < total[class] {
			continue
		}
		example := first[class]
		d.Warnings = append(d.Warnings, fmt.Sprintf("%d of the %d files of class %q can't be used, the first being %s: %v",
			skipped[class], total[class], class, Shown(files[example].Name), scanned[example].err))
	}
}

// withoutClass is what to do for the dataset to have one class less.
func (d *Dataset) withoutClass() string {
	if d.Labels != "" {
		return fmt.Sprintf("remove its rows from %q", Shown(d.Labels))
	}
	return "move the folder away"
}

// checkEnough refuses a dataset with a class that has hardly any usable image.
func (d *Dataset) checkEnough(files []File, scanned []scannedFile, opts Options) error {
	if opts.AnySize && len(d.Samples) > 0 {
		return nil
	}
	for label, count := range d.All().ClassCounts() {
		if count >= MinImagesPerClass {
			continue
		}
		class := d.Classes[label]
		err := fmt.Errorf("%w: %v has %d usable images of class %q, at least %d are needed: add images (formats: %s), or %s if it is no class",
			ErrInvalid, d.source, count, class, MinImagesPerClass, strings.Join(preprocess.Formats(), ", "), d.withoutClass())
		total, unusable, first := 0, 0, -1
		for i, file := range files {
			if file.Class != class {
				continue
			}
			total++
			if scanned[i].err != nil {
				unusable++
				if first < 0 {
					first = i
				}
			}
		}
		if unusable > 0 {
			err = fmt.Errorf("%w; %d of its %d files could not be used, the first being %s: %w", err, unusable, total,
				Shown(files[first].Name), scanned[first].err)
		}
		return err
	}
	return nil
}
