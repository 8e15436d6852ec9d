// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// startLimit ends a test that hangs; nothing is promised by it.
const startLimit = 5 * time.Minute

// cluster is an API server without nodes or controllers.
type cluster struct {
	config     *rest.Config
	client     client.Client
	kubeconfig string
}

// startCluster starts one that has the CustomResourceDefinitions.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	kubectl(t) // skips the test where there are no programs to start
	log.SetLogger(zap.New(zap.WriteTo(io.Discard)))
	environment := &envtest.Environment{
		ControlPlaneStartTimeout: startLimit, CRDDirectoryPaths: []string{root + "/config/crd/bases"}, ErrorIfCRDPathMissing: true,
	}
	server, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	})
	scheme, err := controllers.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{config: server, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	if c.client, err = client.New(server, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.kubeconfig, environment.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"trainyard-system", "operators", "team-a", "team-b", "team-c"} {
		if err := c.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// apply applies manifests as make deploy does, with strict validation.
func (c *cluster) apply(t *testing.T, manifests []byte, args ...string) {
	t.Helper()
	args = append([]string{"--kubeconfig", c.kubeconfig, "apply", "--server-side", "--validate=strict", "--force-conflicts", "-f", "-"}, args...)
	if _, err := run(t, manifests, kubectl(t), args...); err != nil {
		t.Error(err)
	}
}

// A real API server takes everything that the ways to install Trainyard come to, and knows each of its fields.
func TestAPIServerAccepts(t *testing.T) {
	c := startCluster(t)
	c.apply(t, installer(t), "--dry-run=server")
	for _, overlay := range []string{"high-availability", "network-policy", "namespaced"} {
		c.apply(t, build(t, filepath.Join(overlays, overlay)), "--dry-run=server")
	}
	for _, values := range valuesFiles(t) {
		// The API server has none of the kinds of the Prometheus Operator.
		c.apply(t, render(t, "operators", "--values", values, "--set", "monitoring.monitors=false,monitoring.rules=false"), "--dry-run=server")
	}
}

// What no controller has seen yet is in progress to kstatus, so that Helm and Flux wait for it.
func TestNewObjectsAreInProgress(t *testing.T) {
	c := startCluster(t)
	for _, object := range []client.Object{
		wrappers.MakeTrainingRun("pets", "team-a").Obj(), wrappers.MakeModelServer("pets", "team-a", "pets").Obj(),
	} {
		c.create(t, object)
		kind, err := apiutil.GVKForObject(object, c.client.Scheme())
		if err != nil {
			t.Fatal(err)
		}
		stored := &unstructured.Unstructured{}
		stored.SetGroupVersionKind(kind)
		if err := c.client.Get(t.Context(), client.ObjectKeyFromObject(object), stored); err != nil {
			t.Fatal(err)
		}
		result, err := kstatus.Compute(stored)
		if err != nil {
			t.Fatal(err)
		}
		if result.Status != kstatus.InProgressStatus {
			t.Errorf("a new %s is %s to kstatus: %s", kind.Kind, result.Status, result.Message)
		}
	}
}

// The rights that are installed suffice the manager: nothing that it asks for is forbidden.
func TestRightsSuffice(t *testing.T) {
	cases := map[string]struct {
		manifests          func(*testing.T) []byte
		namespace          string // of the manager
		watched, elsewhere []string
	}{
		"cluster-wide": {manifests: installer, namespace: "trainyard-system", watched: []string{"team-a", "team-b", "team-c"}},
		"namespaced": {
			manifests: func(t *testing.T) []byte { t.Helper(); return build(t, filepath.Join(overlays, "namespaced")) },
			namespace: "team-a", watched: []string{"team-a", "team-b"}, elsewhere: []string{"team-c"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t)
			c.apply(t, tc.manifests(t))
			user := "system:serviceaccount:" + tc.namespace + ":trainyard-manager"
			var namespaces []string
			if tc.elsewhere != nil {
				namespaces = tc.watched
			}
			for _, namespace := range tc.watched {
				c.eventuallyAllowed(t, user, namespace)
			}
			refused := c.startManager(t, user, namespaces)
			defer func() {
				if got := refused(); len(got) > 0 {
					t.Errorf("the API server forbade %v", got)
				}
			}()
			for _, namespace := range append(tc.elsewhere, tc.watched...) {
				c.create(t, wrappers.MakeTrainingRun("pets", namespace).Obj())
				c.create(t, wrappers.MakeModelServer("pets", namespace, "pets").Obj())
			}
			for _, namespace := range tc.watched {
				c.eventuallyWorkedOn(t, namespace)
			}
			for _, namespace := range tc.elsewhere {
				c.expectForbidden(t, user, namespace)
			}
		})
	}
}

// startManager runs the controllers as a user, and returns what tells which requests were forbidden.
func (c *cluster) startManager(t *testing.T, user string, namespaces []string) func() []string {
	t.Helper()
	asUser := rest.CopyConfig(c.config)
	asUser.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated", "system:serviceaccounts"}}
	refused := &refusals{}
	asUser.Wrap(func(next http.RoundTripper) http.RoundTripper { refused.next = next; return refused })
	mgr, err := ctrl.NewManager(asUser, ctrl.Options{
		Scheme: c.client.Scheme(), Cache: controllers.CacheOptions(namespaces...), Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)}, // each case has its manager
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := controllers.SetupAll(mgr, controllers.Options{RunnerImage: "runner", ServerImage: "server", Namespaces: namespaces}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the manager ended: %v", err)
		}
	})
	return refused.all
}

// refusals is a transport that notes what the API server forbids.
type refusals struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen []string
}

func (r *refusals) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusForbidden {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen = append(r.seen, request.Method+" "+request.URL.Path)
	}
	return response, err
}

func (r *refusals) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

func (c *cluster) create(t *testing.T, object client.Object) {
	t.Helper()
	if err := c.client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// eventuallyWorkedOn waits until a namespace's run has its Job, and its server a status.
func (c *cluster) eventuallyWorkedOn(t *testing.T, namespace string) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, startLimit, true, func(ctx context.Context) (bool, error) {
		var jobs batchv1.JobList
		var server v1alpha1.ModelServer
		if last = c.client.List(ctx, &jobs, client.InNamespace(namespace)); last != nil || len(jobs.Items) == 0 {
			return false, nil
		}
		last = c.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "pets"}, &server)
		return last == nil && len(server.Status.Conditions) > 0, nil
	})
	if err != nil {
		t.Fatalf("namespace %s: %v; last: %v", namespace, err, last)
	}
}

// eventuallyAllowed waits until the API server has read the rights of a user.
func (c *cluster) eventuallyAllowed(t *testing.T, user, namespace string) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, startLimit, true, func(context.Context) (bool, error) {
		return c.allowed(t, user, authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "list", Group: "trainyard.dev", Resource: "trainingruns"}), nil
	})
	if err != nil {
		t.Fatalf("%s may not list TrainingRuns in %s: %v", user, namespace, err)
	}
}

// allowed asks the API server whether a user may do something.
func (c *cluster) allowed(t *testing.T, user string, attributes authorizationv1.ResourceAttributes) bool {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &attributes}}
	c.create(t, review)
	return review.Status.Allowed
}

// expectForbidden asserts that a user may do nothing in a namespace that the manager does.
func (c *cluster) expectForbidden(t *testing.T, user, namespace string) {
	t.Helper()
	for _, resource := range []authorizationv1.ResourceAttributes{
		{Verb: "list", Group: "trainyard.dev", Resource: "trainingruns"},
		{Verb: "create", Group: "batch", Resource: "jobs"},
		{Verb: "get", Resource: "configmaps"},
		{Verb: "list", Resource: "pods"},
	} {
		resource.Namespace = namespace
		if c.allowed(t, user, resource) {
			t.Errorf("%s may %s %s in %s", user, resource.Verb, resource.Resource, namespace)
		}
	}
}
