// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// maxRevisionName bounds what an annotation is quoted with; no revision has a longer name.
const maxRevisionName = 63

// maxAuthor bounds the name of a field manager, as the API server does.
const maxAuthor = 128

// steering reads what a person asks of a server's rollout.
func steering(server *v1alpha1.ModelServer) rollout.Steering {
	return rollout.Steering{
		Paused:  ptr.Deref(server.Spec.Rollout.Paused, false),
		Retry:   server.Spec.Retry,
		Manual:  server.Spec.Promotion.Mode == v1alpha1.ManualPromotion,
		Promote: text.Clean(server.Annotations[v1alpha1.PromoteAnnotation], maxRevisionName),
		Reject:  text.Clean(server.Annotations[v1alpha1.RejectAnnotation], maxRevisionName),
	}
}

// fieldsOf are the fields that move the traffic, by what the history calls them.
var fieldsOf = map[string][][]string{
	rollout.MovedBySpec:        {{"f:spec", "f:model"}, {"f:spec", "f:image"}, {"f:spec", "f:server"}, {"f:spec", "f:podTemplate"}},
	v1alpha1.PromoteAnnotation: {{"f:metadata", "f:annotations", "f:" + v1alpha1.PromoteAnnotation}},
	v1alpha1.RejectAnnotation:  {{"f:metadata", "f:annotations", "f:" + v1alpha1.RejectAnnotation}},
}

// nameAuthor says in the history of a record that moves the traffic who wrote what moved it. The
// server was read past the cache, which doesn't have its managed fields.
func nameAuthor(server *v1alpha1.ModelServer, before, after *rollout.Record) {
	if before == nil || before.Switch == after.Switch || before.Live == after.Live || len(after.History) == 0 {
		return
	}
	entry := &after.History[0]
	if author := children.LastWriter(server.ManagedFields, fieldsOf[entry.MovedBy]...); author != "" {
		entry.MovedBy += ", written by " + text.Clean(author, maxAuthor)
	}
}

// steeringChanged lets changes through of the annotations that steer a rollout: those of a
// spec change its generation.
func steeringChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.ModelServer)
		after, ok2 := e.ObjectNew.(*v1alpha1.ModelServer)
		return ok && ok2 && steering(before) != steering(after)
	}}
}
