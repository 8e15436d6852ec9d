// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// Checkpoints keep tensors in the safetensors format, so that other tools can open them: the header's length as a
// little-endian uint64, the header as JSON, the data.

// maxSafetensorsHeader bounds the header in bytes; the format's own bound is 100 MB.
const maxSafetensorsHeader = 16 << 20

type safetensorsEntry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"` // from the end of the header: first byte, byte after the last
}

// writeSafetensors writes tensors in the order of their names, so that the same tensors give the same bytes.
func writeSafetensors(w io.Writer, tensors map[string]Tensor) error {
	names := slices.Sorted(maps.Keys(tensors))
	header := make(map[string]safetensorsEntry, len(names))
	offset := int64(0)
	for _, name := range names {
		t := tensors[name]
		if n := elements(t.Shape); n != int64(len(t.Data)) {
			return fmt.Errorf("tensor %s of shape %v has %d elements, want %d", name, t.Shape, len(t.Data), n)
		}
		end := offset + 4*int64(len(t.Data))
		header[name] = safetensorsEntry{DType: "F32", Shape: t.Shape, Offsets: [2]int64{offset, end}}
		offset = end
	}
	encoded, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("encode safetensors header: %w", err)
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(len(encoded))); err != nil {
		return err
	}
	if _, err := w.Write(encoded); err != nil {
		return err
	}
	for _, name := range names {
		if err := binary.Write(w, binary.LittleEndian, tensors[name].Data); err != nil {
			return err
		}
	}
	return nil
}

// readSafetensors reads float32 tensors.
func readSafetensors(content []byte) (map[string]Tensor, error) {
	if len(content) < 8 {
		return nil, errors.New("safetensors file is cut short")
	}
	length, content := binary.LittleEndian.Uint64(content), content[8:]
	if length > maxSafetensorsHeader || length > uint64(len(content)) {
		return nil, fmt.Errorf("safetensors header of %d bytes exceeds the file", length)
	}
	var header map[string]safetensorsEntry
	if err := json.Unmarshal(content[:length], &header); err != nil {
		return nil, fmt.Errorf("decode safetensors header: %w", err)
	}
	content = content[length:]
	tensors := make(map[string]Tensor, len(header))
	for name, entry := range header {
		first, end := entry.Offsets[0], entry.Offsets[1]
		if entry.DType != "F32" || first < 0 || end < first || end > int64(len(content)) || end-first != 4*elements(entry.Shape) {
			return nil, fmt.Errorf("safetensors tensor %q: type %s, shape %v and offsets %v do not fit the file",
				name, entry.DType, entry.Shape, entry.Offsets)
		}
		data := make([]float32, (end-first)/4)
		for i := range data {
			data[i] = math.Float32frombits(binary.LittleEndian.Uint32(content[first+4*int64(i):]))
		}
		tensors[name] = Tensor{Shape: entry.Shape, Data: data}
	}
	return tensors, nil
}

// elements is the number of elements of a shape, or -1 for one that no tensor can have.
func elements(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d > math.MaxInt32 || n*int64(d) > math.MaxInt32 {
			return -1
		}
		n *= int64(d)
	}
	return n
}
