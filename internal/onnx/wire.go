// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// Bounds on what is read. They are far above any image classifier and keep what a hostile file can cost below a small
// multiple of its size.
const (
	// MaxFileBytes is the largest model file that Decode reads.
	MaxFileBytes = 1 << 30
	// maxDepth bounds the nesting of messages.
	maxDepth = 16
	// freeBytes and costFactor bound the memory that decoded messages may take: freeBytes + costFactor × file size.
	freeBytes  = 64 << 20
	costFactor = 4
	// messageBytes and stringBytes are what an empty message and an empty string cost when decoded.
	messageBytes = 256
	stringBytes  = 24
	scalarBytes  = 8
)

// checkWire walks the encoded model without decoding it and refuses what would take much more memory than it has bytes,
// such as millions of empty messages, as well as truncated and deeply nested input.
func checkWire(data []byte) error {
	if len(data) == 0 {
		return errors.New("the file is empty")
	}
	if len(data) > MaxFileBytes {
		return fmt.Errorf("the file has %d bytes; at most %d are read", len(data), MaxFileBytes)
	}
	scan := wireScan{budget: freeBytes + costFactor*len(data)}
	return scan.message(data, (*onnxpb.ModelProto)(nil).ProtoReflect().Descriptor(), 0)
}

// wireScan holds what is left of the memory that the decoded messages may take.
type wireScan struct{ budget int }

func (s *wireScan) spend(n int) error {
	if s.budget -= n; s.budget < 0 {
		return errors.New("the file holds more messages or values than its size warrants")
	}
	return nil
}

func (s *wireScan) message(data []byte, descriptor protoreflect.MessageDescriptor, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("messages are nested more than %d deep", maxDepth)
	}
	if err := s.spend(messageBytes); err != nil {
		return err
	}
	for len(data) > 0 {
		number, wireType, n := protowire.ConsumeTag(data)
		if n < 0 {
			return parseError(n)
		}
		data = data[n:]
		field := descriptor.Fields().ByNumber(number)
		size := protowire.ConsumeFieldValue(number, wireType, data)
		if size < 0 {
			return parseError(size)
		}
		if err := s.field(data[:size], field, wireType, depth); err != nil {
			return err
		}
		data = data[size:]
	}
	return nil
}

// parseError says what a negative length of protowire means for the file.
func parseError(n int) error {
	if errors.Is(protowire.ParseError(n), io.ErrUnexpectedEOF) {
		return errors.New("the file is cut short, or not an ONNX file")
	}
	return errors.New("the file is not an ONNX file, or damaged")
}

// field accounts for the value of a field; field is nil for one that the schema lacks, which is kept as bytes.
func (s *wireScan) field(value []byte, field protoreflect.FieldDescriptor, wireType protowire.Type, depth int) error {
	if field == nil {
		return s.spend(len(value) + scalarBytes)
	}
	if wireType != protowire.BytesType {
		return s.spend(scalarBytes)
	}
	content, _ := protowire.ConsumeBytes(value)
	switch field.Kind() {
	case protoreflect.MessageKind:
		return s.message(content, field.Message(), depth+1)
	case protoreflect.StringKind, protoreflect.BytesKind:
		return s.spend(len(content) + stringBytes)
	case protoreflect.Int64Kind, protoreflect.Uint64Kind, protoreflect.Int32Kind, protoreflect.EnumKind:
		// Packed varints: one byte each at least.
		return s.spend(countVarints(content) * scalarBytes)
	default:
		return s.spend(len(content))
	}
}

// countVarints is the number of varints in packed: each ends with a byte below 128.
func countVarints(packed []byte) int {
	n := 0
	for _, b := range packed {
		if b < 0x80 {
			n++
		}
	}
	return n
}
