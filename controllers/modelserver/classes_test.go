// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// fromConfigMap names the key classes of the ConfigMap pets.
func fromConfigMap() v1alpha1.ClassesSource {
	return v1alpha1.ClassesSource{ConfigMapKeyRef: v1alpha1.ClassesReference{Name: "pets", Key: "classes"}}
}

func petsConfigMap(text string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "pets", Namespace: "zoo"}, Data: map[string]string{"classes": text}}
}

func TestResolveClasses(t *testing.T) {
	binary := petsConfigMap("")
	binary.Data, binary.BinaryData = nil, map[string][]byte{"classes": []byte("cat\ndog\n")}
	otherKey := petsConfigMap("")
	otherKey.Data = map[string]string{"names": "cat\ndog"}
	foreign := petsConfigMap("cat\ndog")
	foreign.Namespace = "farm"
	long := make([]string, 256) // < takes six bytes there
	for i := range long {
		long[i] = fmt.Sprintf("%s%d", strings.Repeat("<", 96), i)
	}
	var many strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&many, "%d\n", i)
	}
	cases := map[string]struct {
		source      v1alpha1.ModelSource
		found       *corev1.ConfigMap
		want        []string
		wantReason  string
		wantStalled bool
		says        string
	}{
		"none":        {},
		"in the spec": {source: v1alpha1.ModelSource{Classes: []string{"crane", "dog", "crane"}}, want: []string{"crane", "dog", "crane (2)"}},
		"names that can't be told apart": {
			source:     v1alpha1.ModelSource{Classes: []string{"a", "a (2)", "a"}},
			wantReason: "ClassesInvalid", wantStalled: true, says: `spec.model.source.classes name 2, "a (2)", is there twice`,
		},
		"names that are long in JSON": {
			source:     v1alpha1.ModelSource{Classes: long},
			wantReason: "ClassesInvalid", wantStalled: true, says: "spec.model.source.classes has names of 148883 bytes",
		},
		"a list":     {source: v1alpha1.ModelSource{ClassesFrom: fromConfigMap()}, found: petsConfigMap(`["cat", "dog"]`), want: []string{"cat", "dog"}},
		"lines":      {source: v1alpha1.ModelSource{ClassesFrom: fromConfigMap()}, found: petsConfigMap("cat\ndog\n"), want: []string{"cat", "dog"}},
		"binaryData": {source: v1alpha1.ModelSource{ClassesFrom: fromConfigMap()}, found: binary, want: []string{"cat", "dog"}},
		"no ConfigMap": {
			source: v1alpha1.ModelSource{ClassesFrom: fromConfigMap()}, wantReason: "ClassesNotFound",
			says: "ConfigMap pets doesn't exist in this namespace: create it with the names of the classes in key classes, or name another in spec.model.source.classesFrom.configMapKeyRef",
		},
		"of another namespace": {
			source: v1alpha1.ModelSource{ClassesFrom: fromConfigMap()}, found: foreign, wantReason: "ClassesNotFound",
			says: "ConfigMap pets doesn't exist",
		},
		"no such key": {
			source: v1alpha1.ModelSource{ClassesFrom: fromConfigMap()}, found: otherKey, wantReason: "ClassesNotFound",
			says: "ConfigMap pets has no key classes: add it, or name another in spec.model.source.classesFrom.configMapKeyRef.key",
		},
		"no names": {
			source: v1alpha1.ModelSource{ClassesFrom: fromConfigMap()}, found: petsConfigMap("\n"), wantReason: "ClassesInvalid", wantStalled: true,
			says: "key classes of ConfigMap pets, which spec.model.source.classesFrom.configMapKeyRef names, is empty: it must have a name a line",
		},
		"more than a server can be told": {
			source: v1alpha1.ModelSource{ClassesFrom: fromConfigMap()}, found: petsConfigMap(many.String()), wantReason: "ClassesInvalid", wantStalled: true,
			says: "has names of 228891 bytes, and a server can be told 100000: write them into the model file, as property classes of its metadata",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			builder := fake.NewClientBuilder()
			if tc.found != nil {
				builder.WithObjects(tc.found)
			}
			s := &scope{server: makeServer().Obj()}
			got, unresolved, err := (&reconciler{live: builder.Build()}).resolveClasses(t.Context(), s, &tc.source)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("classes (-want +got):\n%s", diff)
			}
			if (unresolved != nil) != (tc.wantReason != "") {
				t.Fatalf("unresolved = %+v, want reason %q", unresolved, tc.wantReason)
			}
			if unresolved != nil && (unresolved.Reason != tc.wantReason || unresolved.Stalled != tc.wantStalled || !strings.Contains(unresolved.Message, tc.says)) {
				t.Errorf("unresolved = %+v, want %s, stalled %t, with %q", unresolved, tc.wantReason, tc.wantStalled, tc.says)
			}
			if again := s.requeueAfter == 30*time.Second; again != (tc.source.ClassesFrom != v1alpha1.ClassesSource{}) {
				t.Errorf("looks again in %s", s.requeueAfter)
			}
		})
	}
}

// That a ConfigMap can't be read says nothing of the classes.
func TestResolveClassesReportsErrors(t *testing.T) {
	silent := errors.New("the API server doesn't answer")
	c := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return silent
		},
	}).Build()
	_, unresolved, err := (&reconciler{live: c}).resolveClasses(t.Context(), &scope{server: makeServer().Obj()}, &v1alpha1.ModelSource{ClassesFrom: fromConfigMap()})
	if !errors.Is(err, silent) || unresolved != nil || !strings.Contains(err.Error(), "get ConfigMap pets") {
		t.Errorf("unresolved %+v, error %v", unresolved, err)
	}
}

func TestDigestOf(t *testing.T) {
	seen := map[string][]string{}
	for _, names := range [][]string{nil, {"cat", "dog"}, {"dog", "cat"}, {"ca", "tdog"}, {"cat3:dog", "x"}} {
		digest := digestOf(names)
		if other, known := seen[digest]; known {
			t.Errorf("%q and %q have the same digest", names, other)
		}
		seen[digest] = names
	}
	if digestOf(nil) != "" || seen[digestOf([]string{"cat", "dog"})] == nil {
		t.Error("the digest of no names isn't empty, or differs from call to call")
	}
}
