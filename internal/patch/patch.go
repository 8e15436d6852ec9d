// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package patch writes an object's status at most once per reconcile, only if it
// has changed and only onto the version that was read, and emits the events of
// that change after the write has succeeded. Events of what has been done to other
// objects don't wait for it.
package patch

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/internal/text"
)

// maxNote is the longest note of an event, in bytes; the API refuses more than 1024.
const maxNote = 1000

// Helper holds an object as it was read. Make one per reconcile.
type Helper struct {
	writer   client.StatusClient
	recorder events.EventRecorder
	owner    client.FieldOwner
	before   client.Object
	events   []event
}

type event struct{ eventType, reason, action, note string }

// NewHelper remembers object as it is now, to tell later what has changed.
func NewHelper(writer client.StatusClient, recorder events.EventRecorder, owner client.FieldOwner, object client.Object) *Helper {
	return &Helper{
		writer:   writer,
		recorder: recorder,
		owner:    owner,
		before:   object.DeepCopyObject().(client.Object),
	}
}

// Before returns the object as it was read. It must not be changed.
func (h *Helper) Before() client.Object { return h.before }

// Normal queues an event of type Normal for [Helper.PatchStatus]. Reason and action
// are in UpperCamelCase; note is for people.
func (h *Helper) Normal(reason, action, note string) {
	h.events = append(h.events, event{corev1.EventTypeNormal, reason, action, note})
}

// Warning queues an event of type Warning.
func (h *Helper) Warning(reason, action, note string) {
	h.events = append(h.events, event{corev1.EventTypeWarning, reason, action, note})
}

// WarningNow emits an event of type Warning at once. It is for what has been done
// already: if the status can't be written, the next reconcile finds nothing to do
// that it could tell of.
func (h *Helper) WarningNow(reason, action, note string) {
	h.emit(h.before, event{corev1.EventTypeWarning, reason, action, note})
}

func (h *Helper) emit(object client.Object, e event) {
	h.recorder.Eventf(object, nil, e.eventType, e.reason, e.action, "%s", text.Clean(e.note, maxNote))
}

// PatchStatus writes object's status if it differs from the one that was read, and
// then emits the queued events. The write carries the resource version that was
// read: if another client has written the object since, it fails with a conflict,
// nothing is written and no event is emitted, and the next reconcile decides anew.
// On success object holds what the API server answered.
func (h *Helper) PatchStatus(ctx context.Context, object client.Object) error {
	changes, err := client.MergeFrom(h.before).Data(object)
	if err != nil {
		return fmt.Errorf("compare %T %s with what was read: %w", object, client.ObjectKeyFromObject(object), err)
	}
	if string(changes) != "{}" {
		patch := client.MergeFromWithOptions(h.before, client.MergeFromWithOptimisticLock{})
		if err := h.writer.Status().Patch(ctx, object, patch, h.owner); err != nil {
			return fmt.Errorf("patch the status of %T %s: %w", object, client.ObjectKeyFromObject(object), err)
		}
	}
	for _, e := range h.events {
		h.emit(object, e)
	}
	h.events = nil
	return nil
}
