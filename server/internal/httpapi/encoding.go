// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
)

const (
	encodingHeader = "Content-Encoding"
	gzipEncoding   = "gzip"
)

// checkEncoding refuses a body that is compressed otherwise than with gzip (RFC 9110, 8.4), and normalizes the header of others.
func checkEncoding(w http.ResponseWriter, header http.Header) error {
	encoding := strings.ToLower(strings.Join(header.Values(encodingHeader), ", "))
	header.Del(encodingHeader)
	switch encoding {
	case "", "identity":
		return nil
	case gzipEncoding, "x-gzip": // the same, by RFC 9110
		header.Set(encodingHeader, gzipEncoding)
		return nil
	default:
		w.Header().Set("Accept-Encoding", gzipEncoding)
		return newProblem(http.StatusUnsupportedMediaType, "unsupported_encoding",
			"the request's body is compressed (Content-Encoding: %.100s): send it as it is, or with gzip", encoding)
	}
}

// inflating reads what a body that is compressed with gzip holds. Nothing is read before the first Read.
type inflating struct {
	compressed io.ReadCloser
	inflated   *gzip.Reader
}

func (i *inflating) Read(p []byte) (int, error) {
	if i.inflated == nil {
		inflated, err := gzip.NewReader(i.compressed)
		if err != nil {
			return 0, err
		}
		i.inflated = inflated
	}
	return i.inflated.Read(p)
}

func (i *inflating) Close() error { return i.compressed.Close() }

// isDamagedGzip tells whether an error is of a body that is no gzip, or not all of it.
func isDamagedGzip(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt)
}
