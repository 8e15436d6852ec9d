// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package unknown keeps the fields of a JSON document that the Go type it is decoded
// into doesn't have. A program of an older version that reads a document, changes what
// it knows and writes it back leaves what a newer one has added where it was.
package unknown

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Fields are the unknown fields of an object and of what lies within it. A nil Fields
// is none. It is never changed once it is made, so that copies may share it.
type Fields struct {
	values map[string]json.RawMessage
	within map[string]*Fields
	// lists hold the unknown fields of a list's elements, by the JSON of what is known of
	// the element: an element that has changed is another one.
	lists map[string]map[string]*Fields
}

// Of returns the unknown fields of a document that has been decoded into a value of the
// type of v, which is a struct or a pointer to one. Types that decode themselves have none.
func Of(document []byte, v any) (*Fields, error) {
	fields, err := ofObject(document, indirect(reflect.TypeOf(v)))
	if err != nil {
		return nil, fmt.Errorf("find unknown fields: %w", err)
	}
	return fields, nil
}

// Encode renders v as json.Marshal does, with unknown fields put back: those of an
// object, or of an element of a list, that v doesn't have any more are left out.
func Encode(v any, fields *Fields) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil || fields == nil {
		return data, err
	}
	return fields.putBack(data)
}

func ofObject(data []byte, t reflect.Type) (*Fields, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		return nil, err
	}
	fields := &Fields{values: map[string]json.RawMessage{}, within: map[string]*Fields{}, lists: map[string]map[string]*Fields{}}
	known := fieldTypes(t)
	for key, value := range object {
		field, ok := known[strings.ToLower(key)]
		if !ok {
			fields.values[key] = value
			continue
		}
		if err := fields.add(key, value, indirect(field)); err != nil {
			return nil, err
		}
	}
	if len(fields.values)+len(fields.within)+len(fields.lists) == 0 {
		return nil, nil
	}
	return fields, nil
}

// add finds the unknown fields within the value of a known one.
func (f *Fields) add(key string, value json.RawMessage, t reflect.Type) error {
	if isPlain(t) {
		within, err := ofObject(value, t)
		if within != nil {
			f.within[key] = within
		}
		return err
	}
	if t.Kind() != reflect.Slice || !isPlain(indirect(t.Elem())) {
		return nil
	}
	element := indirect(t.Elem())
	var elements []json.RawMessage
	if err := json.Unmarshal(value, &elements); err != nil {
		return err
	}
	for _, data := range elements {
		within, err := ofObject(data, element)
		if err != nil {
			return err
		}
		if within == nil {
			continue
		}
		decoded := reflect.New(element)
		if err := json.Unmarshal(data, decoded.Interface()); err != nil {
			return err
		}
		known, err := json.Marshal(decoded.Interface())
		if err != nil {
			return err
		}
		if f.lists[key] == nil {
			f.lists[key] = map[string]*Fields{}
		}
		f.lists[key][string(known)] = within
	}
	return nil
}

func (f *Fields) putBack(data []byte) ([]byte, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, err
	}
	for key, value := range f.values {
		object[key] = value
	}
	for key, within := range f.within {
		value, ok := object[key]
		if !ok {
			continue
		}
		merged, err := within.putBack(value)
		if err != nil {
			return nil, err
		}
		object[key] = merged
	}
	for key, list := range f.lists {
		value, ok := object[key]
		if !ok {
			continue
		}
		var elements []json.RawMessage
		if err := json.Unmarshal(value, &elements); err != nil {
			return nil, err
		}
		for i, element := range elements {
			within := list[string(element)]
			if within == nil {
				continue
			}
			merged, err := within.putBack(element)
			if err != nil {
				return nil, err
			}
			elements[i] = merged
		}
		merged, err := json.Marshal(elements)
		if err != nil {
			return nil, err
		}
		object[key] = merged
	}
	return json.Marshal(object)
}

// fieldTypes returns the types of a struct's JSON fields by their names in lower case,
// because encoding/json tells no case apart when it decodes.
func fieldTypes(t reflect.Type) map[string]reflect.Type {
	types := map[string]reflect.Type{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case field.Anonymous && name == "":
			for name, embedded := range fieldTypes(indirect(field.Type)) {
				types[name] = embedded
			}
		case !field.IsExported():
		case name == "":
			types[strings.ToLower(field.Name)] = field.Type
		default:
			types[strings.ToLower(name)] = field.Type
		}
	}
	return types
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// isPlain tells whether a type is a struct that encoding/json decodes field by field.
func isPlain(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(unmarshaler)
}

func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
