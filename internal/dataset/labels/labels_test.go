// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package labels

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read reads a manifest whole.
func read(text string, columns Columns) ([]Row, error) {
	var rows []Row
	err := Read(strings.NewReader(text), columns, func(row Row) error {
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

func TestManifestsAsPeopleHaveThem(t *testing.T) {
	cat, dog := Row{Line: 2, Path: "a.jpg", Label: "cat"}, Row{Line: 3, Path: "b.jpg", Label: "dog"}
	positional := []Row{{Line: 1, Path: "a.jpg", Label: "cat", Positional: true}, {Line: 2, Path: "b.jpg", Label: "dog", Positional: true}}
	for name, tc := range map[string]struct {
		text    string
		columns Columns
		want    []Row
	}{
		"a header":              {text: "path,label\na.jpg,cat\nb.jpg,dog\n", want: []Row{cat, dog}},
		"no line feed at last":  {text: "path,label\na.jpg,cat\nb.jpg,dog", want: []Row{cat, dog}},
		"no header":             {text: "a.jpg,cat\nb.jpg,dog\n", want: positional},
		"a byte order mark":     {text: "\xef\xbb\xbfpath,label\na.jpg,cat\nb.jpg,dog\n", want: []Row{cat, dog}},
		"a mark and no header":  {text: "\xef\xbb\xbfa.jpg,cat\nb.jpg,dog\n", want: positional},
		"a mark and quotes":     {text: "\xef\xbb\xbf\"path\",\"label\"\na.jpg,cat\nb.jpg,dog\n", want: []Row{cat, dog}},
		"CRLF":                  {text: "path,label\r\na.jpg,cat\r\nb.jpg,dog\r\n", want: []Row{cat, dog}},
		"semicolons":            {text: "Path;Label\na.jpg;cat\nb.jpg;dog\n", want: []Row{cat, dog}},
		"tabs":                  {text: "file_name\tcategory\na.jpg\tcat\nb.jpg\tdog\n", want: []Row{cat, dog}},
		"spaces":                {text: "path, label\na.jpg, cat \nb.jpg, dog\n", want: []Row{cat, dog}},
		"other columns":         {text: "n,Class Name,w,Image-Path\n1,cat,200,a.jpg\n2,dog,,b.jpg\n", want: []Row{cat, dog}},
		"named columns":         {text: "path,id,breed,label\nx,a.jpg,cat,1\ny,b.jpg,dog,2\n", columns: Columns{Path: "id", Label: "breed"}, want: []Row{cat, dog}},
		"one named column":      {text: "path,breed\na.jpg,cat\nb.jpg,dog\n", columns: Columns{Label: "breed"}, want: []Row{cat, dog}},
		"quotes":                {text: "path,label\n\"a, \"\"b\"\"\n.jpg\",\"the; cat\"\nb.jpg,dog\n", want: []Row{{Line: 2, Path: "a, \"b\"\n.jpg", Label: "the; cat"}, {Line: 4, Path: "b.jpg", Label: "dog"}}},
		"a split":               {text: "path,label,split\na.jpg,cat,train\nb.jpg,dog, test \n", want: []Row{{Line: 2, Path: "a.jpg", Label: "cat", Split: "train"}, {Line: 3, Path: "b.jpg", Label: "dog", Split: "test"}}},
		"a split by its place":  {text: "a.jpg,cat,train\n", want: []Row{{Line: 1, Path: "a.jpg", Label: "cat", Split: "train", Positional: true}}},
		"empty lines":           {text: "path,label\n\na.jpg,cat\n", want: []Row{{Line: 3, Path: "a.jpg", Label: "cat"}}},
		"empty fields":          {text: "path,label\n,cat\na.jpg,\n", want: []Row{{Line: 2, Label: "cat"}, {Line: 3, Path: "a.jpg"}}},
		"nothing":               {text: ""},
		"JSON Lines":            {text: `{"path": "a.jpg", "label": "cat"}` + "\n\n" + `{"label": "dog", "path": "b.jpg", "boxes": [1]}`, want: []Row{{Line: 1, Path: "a.jpg", Label: "cat"}, {Line: 3, Path: "b.jpg", Label: "dog"}}},
		"JSON with a mark":      {text: "\xef\xbb\xbf{\"file_name\": \"a.jpg\", \"label\": 3, \"split\": \"val\"}\r\n", want: []Row{{Line: 1, Path: "a.jpg", Label: "3", Split: "val"}}},
		"JSON of named keys":    {text: `{"path": "x", "id": "a.jpg", "breed": "cat", "fold": "test"}`, columns: Columns{Path: "id", Label: "breed", Split: "fold"}, want: []Row{{Line: 1, Path: "a.jpg", Label: "cat", Split: "test"}}},
		"JSON without a label":  {text: `{"path": "a.jpg", "label": null}` + "\n" + `null`, want: []Row{{Line: 1, Path: "a.jpg"}, {Line: 2}}},
		"a path with an escape": {text: `{"path": "caf\u00e9.jpg", "label": "cat"}`, want: []Row{{Line: 1, Path: "café.jpg", Label: "cat"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(tc.text, tc.columns)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestManifestsAtFault(t *testing.T) {
	for name, tc := range map[string]struct {
		text    string
		columns Columns
		want    string
	}{
		"UTF-16":                {"\xff\xfep\x00a\x00", Columns{}, "line 1: the text is UTF-16: save it as UTF-8"},
		"an array":              {" [\n{\"path\": 1}]", Columns{}, "line 1: a JSON array can't be read row by row"},
		"another column count":  {"path,label\na.jpg,cat\nb.jpg,dog,x\n", Columns{}, "line 3: there is another number of columns"},
		"a bare quote":          {"path,label\na\"b.jpg,cat\n", Columns{}, "line 2: a quotation mark is out of place"},
		"a quote that is open":  {"path,label\n\"a.jpg,cat\nb.jpg,dog\n", Columns{}, "a quotation mark is out of place"},
		"carriage returns":      {"path,label\ra.jpg,cat\r", Columns{}, "line 1: lines end with a carriage return alone"},
		"no path column":        {"path,label\n", Columns{Path: "id"}, `line 1: there is no column "id", which labels.pathColumn names; it has "path", "label"`},
		"no label column":       {"path,breed\n", Columns{}, `line 1: no column is named as one of the labels is, such as "label" or "class"; it has "path", "breed": name it with labels.labelColumn`},
		"no split column":       {"path,label\n", Columns{Split: "fold"}, `line 1: there is no column "fold", which labels.splitColumn names`},
		"columns without names": {"1,a.jpg,cat,x\n", Columns{}, "without one there must be 2 or 3 columns, path, label and split, not 4"},
		"one column":            {"a.jpg cat\n", Columns{}, "not 1: add a header"},
		"broken JSON":           {`{"path": "a.jpg", "label": "cat"}` + "\n{\n", Columns{}, "line 2: no JSON object: unexpected end of JSON input"},
		"a label that is a map": {`{"path": "a.jpg", "label": {}}`, Columns{}, `line 1: "label" must be a string or a whole number`},
		"a label of a fraction": {`{"path": "a.jpg", "label": 1.5}`, Columns{}, `line 1: "label" must be a string or a whole number`},
		"a long object":         {"{\"path\": \"a\"}\n{\"path\": \"" + strings.Repeat("a", 2<<20) + "\"}", Columns{}, "line 2: the object has more than 1 MiB"},
		"a long row":            {"path,label\na.jpg,cat\n\"" + strings.Repeat("a\n", 2<<20), Columns{}, "line 3: the row has more than 1 MiB"},
		"a long header":         {strings.Repeat("a", 2<<20), Columns{}, "line 1: the row has more than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(tc.text, tc.columns)
			if !errors.Is(err, ErrFault) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

// endless gives the same text for ever.
type endless struct{ text string }

func (e endless) Read(p []byte) (int, error) { return copy(p, e.text), nil }

// What a manifest takes is bounded by its rows and its bytes, whatever it holds.
func TestManifestsAreBounded(t *testing.T) {
	none := func(Row) error { return nil }
	for name, tc := range map[string]struct{ text, want string }{
		"rows":  {"a,b\n", "line 1001: there are more than 1000 rows: divide the dataset"},
		"bytes": {strings.Repeat("a", 500) + ",b\n", "more than 1 GiB"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := readWithin(bounds{bytes: 100_000, rows: 1000}, endless{tc.text}, Columns{}, none); !errors.Is(err, ErrFault) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// What the caller, or the file, says ends the reading as it is.
func TestErrorsOfOthersArePassedOn(t *testing.T) {
	theirs := errors.New("theirs")
	for _, text := range []string{"a.jpg,cat\n", `{"path": "a.jpg"}`} {
		if err := Read(strings.NewReader(text), Columns{}, func(Row) error { return theirs }); !errors.Is(err, theirs) || errors.Is(err, ErrFault) {
			t.Errorf("of the caller: %v", err)
		}
		failing := io.MultiReader(strings.NewReader(text+strings.Repeat("\n", 1<<16)), readerFunc(func([]byte) (int, error) { return 0, theirs }))
		if err := Read(failing, Columns{}, func(Row) error { return nil }); !errors.Is(err, theirs) || errors.Is(err, ErrFault) {
			t.Errorf("of the file: %v", err)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
