// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Kind is one of the two kinds of Trainyard.
type Kind string

// The kinds.
const (
	ModelServer Kind = "ModelServer"
	TrainingRun Kind = "TrainingRun"
)

// spellings are how kubectl lets each kind be written.
var spellings = map[Kind][]string{
	ModelServer: {"modelserver", "modelservers", "msrv"},
	TrainingRun: {"trainingrun", "trainingruns", "trun"},
}

// Ref names an object: of any kind that a verb knows, where Kind is empty.
type Ref struct {
	Kind Kind
	Name string
}

// ParseRef reads NAME or KIND/NAME.
func ParseRef(text string) (Ref, error) {
	kind, name, found := strings.Cut(text, "/")
	if !found {
		kind, name = "", text
	}
	if name == "" || strings.Contains(name, "/") {
		return Ref{}, fmt.Errorf("%q must be NAME or KIND/NAME, such as modelserver/pets", text)
	}
	if kind == "" && !found {
		return Ref{Name: name}, nil
	}
	word := strings.TrimSuffix(strings.ToLower(kind), "."+v1alpha1.GroupVersion.Group)
	for known, words := range spellings {
		if slices.Contains(words, word) {
			return Ref{Kind: known, Name: name}, nil
		}
	}
	return Ref{}, fmt.Errorf("%q is no kind of Trainyard: use modelserver or trainingrun", kind)
}

// Found is what a name stands for: one object or, where both kinds have the name, two.
type Found struct {
	Server *v1alpha1.ModelServer
	Run    *v1alpha1.TrainingRun
}

// Find gets the objects that text names, NAME or KIND/NAME, of the kinds that a verb knows.
func (c *Cluster) Find(ctx context.Context, text string, kinds ...Kind) (Found, error) {
	ref, err := ParseRef(text)
	if err != nil {
		return Found{}, err
	}
	if ref.Kind != "" {
		if !slices.Contains(kinds, ref.Kind) {
			return Found{}, fmt.Errorf("%s: this verb is for a %s", text, kinds[0])
		}
		kinds = []Kind{ref.Kind}
	}
	var found Found
	for _, kind := range kinds {
		switch kind {
		case ModelServer:
			found.Server, err = get(ctx, c, kind, ref.Name, &v1alpha1.ModelServer{})
		case TrainingRun:
			found.Run, err = get(ctx, c, kind, ref.Name, &v1alpha1.TrainingRun{})
		}
		if err != nil {
			return Found{}, err
		}
	}
	if found.Server == nil && found.Run == nil {
		return Found{}, fmt.Errorf("there is no %s %q in namespace %s: kubectl trainyard status lists what there is", joined(kinds), ref.Name, c.Namespace)
	}
	return found, nil
}

// FindOne is Find for verbs that act on one object.
func (c *Cluster) FindOne(ctx context.Context, text string, kinds ...Kind) (Found, error) {
	found, err := c.Find(ctx, text, kinds...)
	if err == nil && found.Server != nil && found.Run != nil {
		err = fmt.Errorf("there is a ModelServer and a TrainingRun %q: say modelserver/%[1]s or trainingrun/%[1]s", text)
	}
	return found, err
}

// get returns nil for an object that doesn't exist.
func get[T client.Object](ctx context.Context, c *Cluster, kind Kind, name string, object T) (T, error) {
	var none T
	err := c.Client.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: name}, object)
	switch {
	case apierrors.IsNotFound(err):
		return none, nil
	case err != nil:
		return none, Explain(fmt.Errorf("get %s %s: %w", kind, name, err))
	}
	return object, nil
}

// ErrNotInstalled says that the cluster doesn't know the kinds.
var ErrNotInstalled = errors.New("the cluster doesn't have the kinds of Trainyard: install it, or see kubectl trainyard doctor")

// Explain says what to do about an error where the API server can't.
func Explain(err error) error {
	if meta.IsNoMatchError(err) {
		return ErrNotInstalled
	}
	return err
}

func joined(kinds []Kind) string {
	words := make([]string, 0, len(kinds))
	for _, kind := range kinds {
		words = append(words, string(kind))
	}
	return strings.Join(words, " or ")
}

// Names completes the names of objects on the command line.
func (f *Flags) Names(kinds ...Kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, err := f.Connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, kind := range kinds {
			names = append(names, c.names(cmd.Context(), kind, len(kinds) > 1)...)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// names lists objects of a kind for completion, which goes without those that it can't read.
func (c *Cluster) names(ctx context.Context, kind Kind, withKind bool) []string {
	var list client.ObjectList = &v1alpha1.ModelServerList{}
	prefix := "modelserver/"
	if kind == TrainingRun {
		list, prefix = &v1alpha1.TrainingRunList{}, "trainingrun/"
	}
	if !withKind {
		prefix = ""
	}
	if err := c.Client.List(ctx, list, client.InNamespace(c.Namespace)); err != nil {
		return nil
	}
	var names []string
	_ = meta.EachListItem(list, func(object runtime.Object) error { // which fails for no list of objects
		if named, ok := object.(client.Object); ok {
			names = append(names, prefix+named.GetName())
		}
		return nil
	})
	return names
}
