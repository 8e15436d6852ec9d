// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestFieldsDecodeInNoTime walks the Go types of both kinds: a type that decodes itself
// may compute, or fail, and with it the list that the object is in. Those below don't:
// a Quantity and a CoreObject keep their text, and the schema bounds times.
func TestFieldsDecodeInNoTime(t *testing.T) {
	decoders := map[reflect.Type]bool{
		reflect.TypeFor[Quantity]():    true,
		reflect.TypeFor[metav1.Time](): true,
		reflect.TypeFor[CoreObject]():  true,
	}
	unmarshaler := reflect.TypeFor[json.Unmarshaler]()
	seen := map[reflect.Type]bool{}
	var walk func(path string, typ reflect.Type)
	walk = func(path string, typ reflect.Type) {
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if decoders[typ] || seen[typ] {
			seen[typ] = true
			return
		}
		if reflect.PointerTo(typ).Implements(unmarshaler) {
			t.Errorf("%s is a %v, which decodes itself: use Quantity or another type whose decoding costs no more than its length", path, typ)
			return
		}
		seen[typ] = true
		switch typ.Kind() {
		case reflect.Struct:
			for i := range typ.NumField() {
				if field := typ.Field(i); field.Name != "TypeMeta" && field.Name != "ObjectMeta" { // the API server's own
					walk(path+"."+field.Name, field.Type)
				}
			}
		case reflect.Slice, reflect.Map:
			walk(path+"[]", typ.Elem())
		case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64:
		default:
			t.Errorf("%s is a %v, whose decoding nothing bounds", path, typ)
		}
	}
	walk("TrainingRun", reflect.TypeFor[TrainingRun]())
	walk("ModelServer", reflect.TypeFor[ModelServer]())
	for typ := range decoders {
		if !seen[typ] {
			t.Errorf("no field is a %v any more: take it from the list", typ)
		}
	}
}

func TestQuantity(t *testing.T) {
	cases := map[string]struct {
		document string
		want     string // canonical JSON
		wantErr  string
	}{
		"text":                   {document: `"500m"`, want: `"500m"`},
		"not canonical":          {document: `"1500m"`, want: `"1500m"`},
		"canonical is shorter":   {document: `"1000m"`, want: `"1"`},
		"a number":               {document: `2`, want: `"2"`},
		"null":                   {document: `null`, want: `"0"`},
		"a small exponent":       {document: `"1e3"`, want: `"1e3"`},
		"a large exponent":       {document: `"1e-100000000"`, want: `"1e-100000000"`, wantErr: "is not a quantity"},
		"a large exponent, bare": {document: `1e-100000000`, want: `"1e-100000000"`, wantErr: "is not a quantity"},
		"half an exponent":       {document: `"1e1.5"`, want: `"1e1.5"`, wantErr: "is not a quantity"},
		"too long":               {document: `"` + strings.Repeat("9", 33) + `"`, want: `"` + strings.Repeat("9", 33) + `"`, wantErr: "at most 32 characters"},
		"no quantity":            {document: `"much"`, want: `"much"`, wantErr: "such as 500m or 1Gi"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var q Quantity
			if err := json.Unmarshal([]byte(tc.document), &q); err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(q)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tc.want {
				t.Errorf("JSON is %s, want %s", got, tc.want)
			}
			_, err = q.Parse()
			if tc.wantErr == "" && err != nil || tc.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tc.wantErr)) {
				t.Errorf("Parse: %v, want %q", err, tc.wantErr)
			}
		})
	}
}
