// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/trainyard-dev/trainyard/controllers/children"
)

// eventReader answers a list with its pages in turn, or fails.
type eventReader struct {
	client.Reader
	pages [][]corev1.Event
	err   error
	asked []string // namespace and field selector of each request
}

func (r *eventReader) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	o := (&client.ListOptions{}).ApplyOptions(options)
	r.asked = append(r.asked, o.Namespace+" "+o.FieldSelector.String()+" "+o.Continue)
	page := 0
	if o.Continue != "" {
		_, _ = fmt.Sscan(o.Continue, &page)
	}
	if page < len(r.pages) {
		list.(*corev1.EventList).Items = r.pages[page]
	}
	if page+1 < len(r.pages) {
		list.SetContinue(strconv.Itoa(page + 1))
	}
	return r.err
}

func of(uid types.UID, e corev1.Event) corev1.Event {
	e.InvolvedObject.UID = uid
	return e
}

func waitingJob(i int) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "zoo", Name: fmt.Sprintf("pets-%d", i), UID: types.UID(fmt.Sprintf("job-%d", i))}}
}

// startEventsTest is a reader of events whose every read is made by the test.
type startEventsTest struct {
	*Events
	reader *eventReader
	clock  *clocktesting.FakePassiveClock
	wakes  chan event.GenericEvent
}

func makeStartEvents(pages ...[]corev1.Event) *startEventsTest {
	s := &startEventsTest{
		reader: &eventReader{pages: pages},
		clock:  clocktesting.NewFakePassiveClock(testNow),
		wakes:  make(chan event.GenericEvent, 5000),
	}
	s.Events = NewEvents(s.reader, s.clock)
	return s
}

func (s *startEventsTest) askFor(i int) (*corev1.Event, bool) {
	return s.ask(children.JobKind, waitingJob(i), types.NamespacedName{Namespace: "zoo", Name: fmt.Sprintf("run-%d", i)}, s.wakes)
}

// pass lets time pass, reads what is due then, and returns the owners that were woken.
func (s *startEventsTest) pass(ctx context.Context, d time.Duration) []string {
	s.clock.SetTime(s.clock.Now().Add(d))
	for _, group := range s.takeDue() {
		s.read(ctx, group)
	}
	var woken []string
	for len(s.wakes) > 0 {
		woken = append(woken, (<-s.wakes).Object.GetName())
	}
	return woken
}

// 1,500 Jobs without a pod cost one list at a time and no reconcile waits for it.
func TestStartEventsShareOneRead(t *testing.T) {
	refused := warning("FailedCreate", "Error creating: no room", 5)
	var pages [][]corev1.Event
	for i := range 1500 {
		if i%eventsPerPage == 0 {
			pages = append(pages, nil)
		}
		pages[i/eventsPerPage] = append(pages[i/eventsPerPage], of(waitingJob(i).UID, refused))
	}
	s := makeStartEvents(pages...)
	for i := range 1500 {
		if newest, read := s.askFor(i); newest != nil || read {
			t.Fatalf("known before it was read: %+v", newest)
		}
	}
	if woken := s.pass(t.Context(), eventsDelay); len(woken) != 1500 {
		t.Errorf("%d owners were woken, want 1500", len(woken))
	}
	want := []string{"zoo involvedObject.kind=Job ", "zoo involvedObject.kind=Job 1"}
	if diff := cmp.Diff(want, s.reader.asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	for _, i := range []int{0, 999, 1000, 1499} {
		if newest, read := s.askFor(i); !read || newest == nil || newest.Message != refused.Message {
			t.Errorf("newest event of Job %d = %+v, read: %t", i, newest, read)
		}
	}
	if woken := s.pass(t.Context(), eventsInterval-1); len(woken) != 0 || len(s.reader.asked) != 2 {
		t.Errorf("before it is due: woken %v, asked %v", woken, s.reader.asked)
	}
	if woken := s.pass(t.Context(), 1); len(woken) != 0 || len(s.reader.asked) != 4 {
		t.Errorf("without news: woken %v, asked %v", woken, s.reader.asked)
	}
}

func TestStartEventsTellNews(t *testing.T) {
	s := makeStartEvents([]corev1.Event{of("job-1", warning("FailedCreate", "no room", 5))})
	s.askFor(1)
	s.askFor(2)
	s.pass(t.Context(), eventsDelay)

	s.reader.pages[0] = append(s.reader.pages[0], of("job-1", normal("SuccessfulCreate", 9)), of("job-3", normal("SuccessfulCreate", 9)))
	if diff := cmp.Diff([]string{"run-1"}, s.pass(t.Context(), eventsInterval)); diff != "" {
		t.Errorf("another event is the newest: woken (-want +got):\n%s", diff)
	}
	s.reader.err = errors.New("timeout")
	s.reader.pages = nil
	if woken := s.pass(t.Context(), eventsInterval); len(woken) != 0 {
		t.Errorf("a read failed: woken %v", woken)
	}
	if newest, read := s.askFor(1); !read || newest == nil || newest.Reason != "SuccessfulCreate" {
		t.Errorf("a read failed: newest = %+v, read: %t", newest, read)
	}
	s.reader.err = nil
	if diff := cmp.Diff([]string{"run-1"}, s.pass(t.Context(), eventsInterval)); diff != "" {
		t.Errorf("the events have expired: woken (-want +got):\n%s", diff)
	}
}

// What can't be read must not keep status from being written.
func TestStartEventsThatCannotBeRead(t *testing.T) {
	s := makeStartEvents()
	s.reader.err = errors.New("forbidden")
	s.askFor(1)
	if diff := cmp.Diff([]string{"run-1"}, s.pass(t.Context(), eventsDelay)); diff != "" {
		t.Errorf("woken (-want +got):\n%s", diff)
	}
	if newest, read := s.askFor(1); newest != nil || !read {
		t.Errorf("newest = %+v, read: %t", newest, read)
	}
	if diff := cmp.Diff([]string{"zoo involvedObject.uid=job-1 "}, s.reader.asked); diff != "" {
		t.Errorf("requests for a single object (-want +got):\n%s", diff)
	}
}

func TestStartEventsReadOnlyWhileSomethingWaits(t *testing.T) {
	s := makeStartEvents()
	s.askFor(1)
	s.askFor(2)
	s.pass(t.Context(), eventsDelay)
	s.forget(children.JobKind, waitingJob(1))
	s.pass(t.Context(), forgetStart-eventsDelay) // read once more, for the other
	s.pass(t.Context(), eventsInterval)          // which nobody has asked about since
	if len(s.reader.asked) != 2 || len(s.groups) != 0 {
		t.Errorf("asked %v, groups %v", s.reader.asked, s.groups)
	}
}

// A namespace with more events than one read may have doesn't take the others' place.
func TestStartEventsAreBounded(t *testing.T) {
	pages := make([][]corev1.Event, 3*eventsPages)
	pages[eventsPages] = []corev1.Event{of("job-1", warning("FailedCreate", "no room", 5))}
	s := makeStartEvents(pages...)
	s.askFor(1)
	s.askFor(2)
	s.pass(t.Context(), eventsDelay)
	if len(s.reader.asked) != eventsPages {
		t.Errorf("%d requests, want %d", len(s.reader.asked), eventsPages)
	}
	if newest, read := s.askFor(1); newest != nil || !read {
		t.Errorf("newest = %+v, read: %t", newest, read)
	}
}
