// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Recorder judges every version of every TrainingRun and ModelServer whose status the controllers have written.
type Recorder struct {
	scripts Scripts

	mu       sync.Mutex
	judged   int
	problems map[string]int                        // and how often
	seen     map[string]*unstructured.Unstructured // by kind/condition/reason, the first
	names    map[string]bool                       // by kind/name
}

// Record judges each object that the API server sends when it changes, until the context ends.
func Record(ctx context.Context, cfg *rest.Config, scripts Scripts) (*Recorder, error) {
	dynamicClient, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	r := &Recorder{scripts: scripts, problems: map[string]int{}, seen: map[string]*unstructured.Unstructured{}, names: map[string]bool{}}
	factory := dynamicinformer.NewDynamicSharedInformerFactory(dynamicClient, 0)
	for _, resource := range []string{"trainingruns", "modelservers"} {
		informer := factory.ForResource(v1alpha1.GroupVersion.WithResource(resource)).Informer()
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { r.record(object) },
			UpdateFunc: func(_, object any) { r.record(object) },
		}); err != nil {
			return nil, err
		}
	}
	factory.Start(ctx.Done())
	for resource, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return nil, fmt.Errorf("list the %s: %w", resource.Resource, ctx.Err())
		}
	}
	return r, nil
}

func (r *Recorder) record(object any) {
	version, ok := object.(*unstructured.Unstructured)
	if !ok {
		return
	}
	o, err := readJudged(version)
	if err == nil && !o.byController() {
		return
	}
	if err == nil {
		err = r.scripts.Judge(version)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judged++
	r.names[version.GetKind()+"/"+version.GetName()] = true
	if err != nil {
		r.problems[fmt.Sprintf("%s: %v", version.GetKind(), err)]++
	}
	for _, condition := range o.Status.Conditions {
		if key := keyOf(version.GetKind(), condition.Type, condition.Reason); r.seen[key] == nil {
			r.seen[key] = version
		}
	}
}

// byController tells whether the controllers alone have written the status.
func (o *judged) byController() bool {
	writers := slices.DeleteFunc(slices.Clone(o.Metadata.ManagedFields), func(e metav1.ManagedFieldsEntry) bool { return e.Subresource != "status" })
	return len(writers) > 0 && !slices.ContainsFunc(writers, func(e metav1.ManagedFieldsEntry) bool { return e.Manager != v1alpha1.FieldManager })
}

// Judged is how many versions have been judged.
func (r *Recorder) Judged() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.judged
}

// Saw tells whether a version of an object of this name has been judged, in any namespace.
func (r *Recorder) Saw(kind, name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.names[kind+"/"+name]
}

// Problems are what the tools made of them and shouldn't have.
func (r *Recorder) Problems() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.problems))
}

// Unseen are the reasons that no status has had, as kind/condition/reason.
func (r *Recorder) Unseen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(reasons(), func(key string) bool { return r.seen[key] != nil })
}

// First is the first object whose condition had a reason, or nil.
func (r *Recorder) First(kind, condition, reason string) *unstructured.Unstructured {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[keyOf(kind, condition, reason)]
}
