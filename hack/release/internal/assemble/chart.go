// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidwall/sjson"

	"github.com/trainyard-dev/trainyard/hack/internal/chart"
)

const chartFolder = "dist/chart"

// addChart packages the chart. Its values are the images of this release, so that it installs without any being set.
func (r *release) addChart(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "trainyard-chart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := os.CopyFS(filepath.Join(folder, "chart"), os.DirFS(chartFolder)); err != nil {
		return err
	}
	if err := pin(filepath.Join(folder, "chart"), r.Registry, r.images); err != nil {
		return err
	}
	number := strings.TrimPrefix(r.Version, "v")
	helm := exec.CommandContext(ctx, r.Helm, "package", filepath.Join(folder, "chart"), "--destination", folder, "--version", number, "--app-version", r.Version)
	if out, err := helm.CombinedOutput(); err != nil {
		return fmt.Errorf("helm package: %w\n%s", err, out)
	}
	name := "trainyard-" + number + ".tgz"
	packed, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	repacked, err := repack(packed, r.commit.Time)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return r.write(name, repacked)
}

// pin makes images the defaults of a chart's values, in all files that tell them.
func pin(folder, registry string, images []builtImage) error {
	path := filepath.Join(folder, "values.schema.json")
	schema, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	const values = "properties.images.properties."
	if schema, err = sjson.SetBytes(schema, values+"registry.default", registry); err != nil {
		return err
	}
	for _, i := range images {
		value := strings.TrimPrefix(i.name, "trainyard-")
		if schema, err = sjson.SetBytes(schema, values+value+".default.digest", i.digest.String()); err != nil {
			return err
		}
	}
	defaults, page, err := chart.Values(schema)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(path, schema, 0o644),
		os.WriteFile(filepath.Join(folder, "values.yaml"), defaults, 0o644),
		os.WriteFile(filepath.Join(folder, "README.md"), page, 0o644),
	)
}

// repack gives the files of an archive one time and nobody's name: Helm takes the clock's.
func repack(archive []byte, at time.Time) ([]byte, error) {
	uncompressed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	in, packed := tar.NewReader(uncompressed), tar.NewWriter(compressed)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := packed.WriteHeader(&tar.Header{Name: header.Name, Mode: 0o644, Size: header.Size, ModTime: at, Typeflag: header.Typeflag}); err != nil {
			return nil, err
		}
		if _, err := io.Copy(packed, in); err != nil {
			return nil, err
		}
	}
	err = errors.Join(packed.Close(), compressed.Close()) // before the bytes are taken
	return out.Bytes(), err
}
