// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// readBuffer is how much of a compressed archive is read at once.
const readBuffer = 256 << 10

// maxWindow bounds the memory that an archive makes zstd take.
const maxWindow = 128 << 20

func (x *expander) expandGzip(archive io.Reader) error {
	content, err := gzip.NewReader(bufio.NewReaderSize(archive, readBuffer))
	if err != nil {
		return x.explain("", err)
	}
	return x.expandTar(content)
}

func (x *expander) expandZstd(archive io.Reader) error {
	content, err := zstd.NewReader(archive, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return x.explain("", err)
	}
	defer content.Close()
	return x.expandTar(content)
}

// expandTar unpacks a tar. All of what it unpacks to counts, the headers too.
func (x *expander) expandTar(archive io.Reader) error {
	stream := &tailReader{Reader: x.bounded(archive)}
	reader := tar.NewReader(stream)
	last := ""
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return x.finishTar(stream, last)
		}
		if err != nil {
			return x.explain(last, err)
		}
		last = header.Name
		if err := x.expandTarEntry(header, reader); err != nil {
			return x.explain(last, err)
		}
	}
}

// finishTar reads what is left of a stream, for its checksum, and refuses a tar that was cut off between two entries.
func (x *expander) finishTar(stream *tailReader, last string) error {
	if stream.zeros < tarBlock {
		return fmt.Errorf("%w: it is cut off behind %q", ErrRefused, last)
	}
	_, err := io.Copy(io.Discard, stream)
	return x.explain(last, err)
}

func (x *expander) expandTarEntry(header *tar.Header, content io.Reader) error {
	if header.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := x.enter(header.Name)
	if err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg:
		return x.writeFile(name, content)
	case tar.TypeDir:
		return x.makeFolder(name)
	case tar.TypeLink:
		return fmt.Errorf("%w: %q is a hard link: pack the files themselves", ErrRefused, name)
	case tar.TypeGNUSparse:
		return fmt.Errorf("%w: %q is a sparse file: pack it without --sparse", ErrRefused, name)
	}
	return refusedType(name, header.FileInfo().Mode())
}

// tarBlock is the unit of a tar. Blocks of zeros end it.
const tarBlock = 512

// tailReader counts the zeros at the end of what was read.
type tailReader struct {
	io.Reader
	zeros int64
}

func (t *tailReader) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	end := n
	for end > 0 && p[end-1] == 0 {
		end--
	}
	if end > 0 {
		t.zeros = 0
	}
	t.zeros += int64(n - end)
	return n, err
}
