// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"bytes"
	"crypto/md5"
	"hash"
)

const (
	legacyChunk = 1 << 20
	textSample  = 512
)

// NewLegacyHash returns the hash of DVC 2, md5-dos2unix: MD5 of the content with its line ends as Unix has them. Content is
// judged in chunks of 1 MiB, each text or not by its first 512 bytes, and a line end across two chunks stays.
func NewLegacyHash() hash.Hash { return &legacyHash{sum: md5.New()} }

type legacyHash struct {
	sum   hash.Hash
	chunk []byte
}

// Write implements hash.Hash.
func (h *legacyHash) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part := p[:min(len(p), legacyChunk-len(h.chunk))]
		h.chunk, p = append(h.chunk, part...), p[len(part):]
		if len(h.chunk) == legacyChunk {
			h.sum.Write(unixLines(h.chunk))
			h.chunk = h.chunk[:0]
		}
	}
	return n, nil
}

// Sum implements hash.Hash. It ends the hash: nothing may be written after it.
func (h *legacyHash) Sum(b []byte) []byte {
	h.sum.Write(unixLines(h.chunk))
	h.chunk = h.chunk[:0]
	return h.sum.Sum(b)
}

// Reset implements hash.Hash.
func (h *legacyHash) Reset() {
	h.sum.Reset()
	h.chunk = h.chunk[:0]
}

// Size implements hash.Hash.
func (h *legacyHash) Size() int { return h.sum.Size() }

// BlockSize implements hash.Hash.
func (h *legacyHash) BlockSize() int { return h.sum.BlockSize() }

// unixLines returns a chunk with the line ends of Unix, if it is text.
func unixLines(chunk []byte) []byte {
	if !isText(chunk[:min(len(chunk), textSample)]) {
		return chunk
	}
	return bytes.ReplaceAll(chunk, []byte("\r\n"), []byte("\n"))
}

// isText judges as DVC does: no NUL, and at most 30 % of bytes that texts seldom have.
func isText(sample []byte) bool {
	odd := 0
	for _, b := range sample {
		switch {
		case b == 0:
			return false
		case b >= 32 && b < 127, b == '\n', b == '\r', b == '\t', b == '\f', b == '\b':
		default:
			odd++
		}
	}
	return odd*10 <= len(sample)*3
}
