// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/internal/conditions"
	"github.com/trainyard-dev/trainyard/internal/text"
)

const (
	eventsInterval = 10 * time.Second // the least time between two reads of the same group
	eventsDelay    = time.Second      // from the first object of a group to its first read: others may follow
	eventsScan     = 500 * time.Millisecond
	eventsTimeout  = 10 * time.Second // of one request
	eventsPerPage  = 1000
	eventsPages    = 10 // of one read; what lies beyond isn't explained
	eventsWorkers  = 4
	// eventsQPS bounds the requests of all groups together, in requests per second.
	eventsQPS   = 5
	eventsBurst = 10
	// eventsShare is the most of the time that a group may be read in: a read that took
	// long is followed by a pause eventsShare times as long.
	eventsShare = 10

	// recheckStart is how often an object that waits for its start is reconciled though
	// nothing new was found. One that isn't asked about for longer is forgotten.
	recheckStart = time.Minute
	forgetStart  = recheckStart + recheckStart/2
)

// Events finds the newest event of each object that waits for its start, and wakes
// the object's owner when that changes. Objects of a kind in a namespace are a group and
// share one read, which a goroutine of its own makes: no reconcile waits for it, however
// many objects wait. Nothing is read while nothing waits. It is safe for concurrent use.
type Events struct {
	reader client.Reader // past the cache: events are never watched
	clock  clock.PassiveClock
	limit  flowcontrol.RateLimiter

	mu     sync.Mutex
	groups map[eventGroup]*waitingGroup
}

type eventGroup struct{ namespace, kind string }

type waitingGroup struct {
	due     time.Time
	reading bool
	objects map[types.UID]*waitingObject
}

type waitingObject struct {
	owner  types.NamespacedName
	wakes  chan<- event.GenericEvent
	asked  time.Time
	read   bool
	newest *corev1.Event
}

// NewEvents returns a reader of events, which reads past the cache once it is started.
func NewEvents(reader client.Reader, clock clock.PassiveClock) *Events {
	return &Events{
		reader: reader,
		clock:  clock,
		limit:  flowcontrol.NewTokenBucketRateLimiter(eventsQPS, eventsBurst),
		groups: map[eventGroup]*waitingGroup{},
	}
}

// ask returns the newest event of an object that waits for its start; nil is none. Read
// is false until its events have been read once. The owner is woken when they have, and
// whenever another event is the newest.
func (e *Events) ask(kind string, object client.Object, owner types.NamespacedName, wakes chan<- event.GenericEvent) (newest *corev1.Event, read bool) {
	now := e.clock.Now()
	key := eventGroup{namespace: object.GetNamespace(), kind: kind}
	e.mu.Lock()
	defer e.mu.Unlock()
	group := e.groups[key]
	if group == nil {
		group = &waitingGroup{due: now.Add(eventsDelay), objects: map[types.UID]*waitingObject{}}
		e.groups[key] = group
	}
	waiting := group.objects[object.GetUID()]
	if waiting == nil {
		waiting = &waitingObject{}
		group.objects[object.GetUID()] = waiting
	}
	waiting.owner, waiting.wakes, waiting.asked = owner, wakes, now
	return waiting.newest, waiting.read
}

// forget stops reading for an object that waits no longer.
func (e *Events) forget(kind string, object client.Object) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if group := e.groups[eventGroup{namespace: object.GetNamespace(), kind: kind}]; group != nil {
		delete(group.objects, object.GetUID())
	}
}

// NeedLeaderElection tells the manager that only the leader reads.
func (e *Events) NeedLeaderElection() bool { return true }

// Start reads until ctx is done, and returns when no read is under way.
func (e *Events) Start(ctx context.Context) error {
	due := make(chan eventGroup)
	var workers sync.WaitGroup
	for range eventsWorkers {
		workers.Go(func() {
			for group := range due {
				e.read(ctx, group)
			}
		})
	}
	ticker := time.NewTicker(eventsScan)
	defer ticker.Stop()
	for ctx.Err() == nil {
		for _, group := range e.takeDue() {
			due <- group
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	close(due)
	workers.Wait()
	return nil
}

// takeDue returns the groups that are due, the longest due first, and marks them as
// being read. It forgets what nobody has asked about for a while.
func (e *Events) takeDue() []eventGroup {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.clock.Now()
	var due []eventGroup
	for key, group := range e.groups {
		for uid, object := range group.objects {
			if now.Sub(object.asked) > forgetStart {
				delete(group.objects, uid)
			}
		}
		switch {
		case group.reading || now.Before(group.due):
		case len(group.objects) == 0:
			delete(e.groups, key)
		default:
			group.reading = true
			due = append(due, key)
		}
	}
	slices.SortFunc(due, func(a, b eventGroup) int { return e.groups[a].due.Compare(e.groups[b].due) })
	return due
}

// read reads a group's events and wakes the owners for whom there is news.
func (e *Events) read(ctx context.Context, key eventGroup) {
	began := time.Now() // what a read costs is no matter of the clock that tests step
	newest := e.waitingIn(key)
	err := e.list(ctx, key, newest)
	if err != nil && ctx.Err() == nil {
		logf.FromContext(ctx).Info("Events can't be read: status may lack the cause why a pod doesn't start",
			"namespace", key.namespace, "kind", key.kind, "error", err.Error())
	}
	pause := max(eventsInterval, eventsShare*time.Since(began))
	for _, object := range e.finish(key, pause, newest, err == nil) {
		owner := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: object.owner.Namespace, Name: object.owner.Name}}
		select {
		case object.wakes <- event.GenericEvent{Object: owner}:
		case <-ctx.Done():
			return
		}
	}
}

// waitingIn returns the UIDs of a group's objects, none with an event yet.
func (e *Events) waitingIn(key eventGroup) map[types.UID]*corev1.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	waiting := map[types.UID]*corev1.Event{}
	for uid := range e.groups[key].objects {
		waiting[uid] = nil
	}
	return waiting
}

// list fills in the newest event of each object.
func (e *Events) list(ctx context.Context, key eventGroup, newest map[types.UID]*corev1.Event) error {
	fields := client.MatchingFields{"involvedObject.kind": key.kind}
	if len(newest) == 1 {
		for uid := range newest {
			fields = client.MatchingFields{"involvedObject.uid": string(uid)}
		}
	}
	token := ""
	for range eventsPages {
		if err := e.limit.Wait(ctx); err != nil {
			return err
		}
		page := &corev1.EventList{}
		request, cancel := context.WithTimeout(ctx, eventsTimeout)
		err := e.reader.List(request, page, client.InNamespace(key.namespace), fields, client.Limit(eventsPerPage), client.Continue(token))
		cancel()
		if err != nil {
			return fmt.Errorf("list the events of namespace %s: %w", key.namespace, err)
		}
		for i := range page.Items {
			found := &page.Items[i]
			if before, waits := newest[found.InvolvedObject.UID]; waits && newerEvent(before, found) == found {
				newest[found.InvolvedObject.UID] = trimEvent(found)
			}
		}
		if token = page.Continue; token == "" {
			return nil
		}
	}
	return fmt.Errorf("namespace %s has more than %d events of kind %s", key.namespace, eventsPages*eventsPerPage, key.kind)
}

// finish keeps what a read has found, and returns the objects whose owners have to be
// woken. What a read found that isn't complete counts, what it didn't find doesn't.
func (e *Events) finish(key eventGroup, pause time.Duration, newest map[types.UID]*corev1.Event, complete bool) []*waitingObject {
	e.mu.Lock()
	defer e.mu.Unlock()
	group := e.groups[key]
	group.reading = false
	group.due = e.clock.Now().Add(pause)
	var news []*waitingObject
	for uid, object := range group.objects {
		found, asked := newest[uid]
		if !asked {
			continue // it waits since the read began
		}
		if found == nil && !complete {
			found = object.newest
		}
		if !object.read || !sameEvent(object.newest, found) {
			news = append(news, object)
		}
		object.read, object.newest = true, found
	}
	return news
}

// sameEvent tells whether two events, of which each may be nil, say the same.
func sameEvent(a, b *corev1.Event) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Reason == b.Reason && a.Type == b.Type && a.Message == b.Message
}

// trimEvent keeps of an event what explains a start.
func trimEvent(e *corev1.Event) *corev1.Event {
	return &corev1.Event{Reason: e.Reason, Type: e.Type, Message: text.Head(e.Message, conditions.MaxMessage), LastTimestamp: *eventTime(e)}
}
