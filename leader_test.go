// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/controllers"
)

// leaseServer is an API server that has nothing but one lease. Like a real one it refuses
// an update of another version than its own: the renewal that a stop cancels may arrive
// after the release.
type leaseServer struct {
	mu      sync.Mutex
	lease   *coordinationv1.Lease
	version int
}

func (s *leaseServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.URL.Path, "/leases") {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		written := &coordinationv1.Lease{}
		if err := json.NewDecoder(r.Body).Decode(written); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if s.lease != nil && written.ResourceVersion != s.lease.ResourceVersion {
			respond(w, http.StatusConflict, statusOf(http.StatusConflict, metav1.StatusReasonConflict))
			return
		}
		s.version++
		written.ResourceVersion = strconv.Itoa(s.version)
		s.lease = written
	}
	if s.lease == nil {
		respond(w, http.StatusNotFound, statusOf(http.StatusNotFound, metav1.StatusReasonNotFound))
		return
	}
	respond(w, http.StatusOK, s.lease)
}

func statusOf(code int32, reason metav1.StatusReason) metav1.Status {
	return metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: reason, Code: code,
	}
}

func respond(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *leaseServer) holder() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease == nil {
		return ""
	}
	return ptr.Deref(s.lease.Spec.HolderIdentity, "")
}

// startLeader starts a manager with main's options and one runnable, and waits until it leads.
func startLeader(t *testing.T, url string, runnable manager.RunnableFunc) (stop func() error) {
	t.Helper()
	f, err := parseFlags([]string{"--runner-image=r", "--server-image=s", "--leader-elect", "--leader-elect-namespace=trainyard-system",
		"--metrics-bind-address=0", "--health-probe-bind-address=0"})
	if err != nil {
		t.Fatal(err)
	}
	scheme, err := controllers.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	options := f.managerOptions(scheme)
	options.Cache = cache.Options{} // which asks for every kind that it limits
	options.GracefulShutdownTimeout = ptr.To(50 * time.Millisecond)
	config := &rest.Config{Host: url, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		t.Fatal(err)
	}
	if err := mgr.Add(runnable); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	select {
	case <-mgr.Elected():
	case err := <-done:
		t.Fatalf("the manager ended before it led: %v", err)
	}
	return func() error {
		cancel()
		return <-done
	}
}

func TestALeaderThatStopsGivesItsLeaseUp(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	cases := map[string]manager.RunnableFunc{
		"at rest": func(ctx context.Context) error { <-ctx.Done(); return nil },
		// A reconcile that waits for the API server doesn't hold the lease.
		"in the middle of its work": func(context.Context) error { <-release; return nil },
	}
	for name, runnable := range cases {
		t.Run(name, func(t *testing.T) {
			leases := &leaseServer{}
			server := httptest.NewServer(leases)
			defer server.Close()
			stop := startLeader(t, server.URL, runnable)
			first := leases.holder()
			if first == "" {
				t.Fatal("a leader holds no lease")
			}
			_ = stop() // work that was cut off is an error
			if holder := leases.holder(); holder != "" {
				t.Fatalf("the lease is still held by %q, want nobody", holder)
			}
			stopSecond := startLeader(t, server.URL, cases["at rest"])
			if holder := leases.holder(); holder == "" || holder == first {
				t.Errorf("the lease is held by %q, want another than %q", holder, first)
			}
			if err := stopSecond(); err != nil {
				t.Errorf("stop the second manager: %v", err)
			}
		})
	}
}

// The kubelet must not end the manager before the lease is given up: then another would
// have to wait until it runs out.
func TestShutdownFitsIntoTheGracePeriod(t *testing.T) {
	data, err := os.ReadFile("config/manager/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	deployment := &appsv1.Deployment{}
	if err := yaml.UnmarshalStrict(data, deployment); err != nil {
		t.Fatal(err)
	}
	grace := time.Duration(ptr.Deref(deployment.Spec.Template.Spec.TerminationGracePeriodSeconds, 30)) * time.Second
	f, err := parseFlags([]string{"--runner-image=r", "--server-image=s"})
	if err != nil {
		t.Fatal(err)
	}
	options := f.managerOptions(nil)
	if options.GracefulShutdownTimeout == nil || *options.GracefulShutdownTimeout > grace/2 {
		t.Errorf("shutdown may take %v, the grace period is %v: giving up the lease takes a part of it", options.GracefulShutdownTimeout, grace)
	}
	if f.retryPeriod*2 > f.renewDeadline || f.renewDeadline >= f.leaseDuration {
		t.Errorf("lease %v, renewal %v, retry %v: a renewal needs two tries at least", f.leaseDuration, f.renewDeadline, f.retryPeriod)
	}
}
