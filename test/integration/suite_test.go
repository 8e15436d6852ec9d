// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package integration runs the controllers against a real API server with the real
// CRDs. There is no Job, Deployment or garbage controller: the cases play those. Each
// case has a namespace of its own, and the clock can be stepped forward.
package integration

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/controllers"
)

const (
	runnerImage = "registry.example/trainyard-runner:test"
	serverImage = "registry.example/trainyard-server:test"
)

var (
	testEnv *envtest.Environment
	// k8s reads and writes as a user would: without a cache.
	k8s client.WithWatch
	// clk is the controllers' clock: the real one, and what it has been stepped forward.
	clk = &steppedClock{}
	// faults makes the controllers' API calls fail.
	faults = &faultInjector{}
	// runners answers for the pods that the controllers ask for progress.
	runners = &fakeRunners{}
	// managerConfig has the rights that the manager has in a cluster, and no others.
	managerConfig *rest.Config
	// manager is the running manager; nil while a case has it stopped.
	manager *runningManager
)

func TestIntegration(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(time.Minute) // which only a busy machine, or a fault, takes
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	SetDefaultConsistentlyDuration(time.Second)
	RunSpecs(t, "Integration")
}

var _ = BeforeSuite(func() {
	logf.SetLogger(zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true)))
	testEnv = &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,

		ControlPlaneStartTimeout: 2 * time.Minute,
	}
	// Specs leave more Services behind than the 254 addresses that it has otherwise.
	testEnv.ControlPlane.GetAPIServer().Configure().Set("service-cluster-ip-range", "10.0.0.0/16")
	cfg, err := testEnv.Start()
	Expect(err).NotTo(HaveOccurred(), "start the API server: is KUBEBUILDER_ASSETS set?")
	scheme, err := controllers.Scheme()
	Expect(err).NotTo(HaveOccurred())
	k8s, err = client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	managerConfig = allowManager()
	manager = startManager()
	DeferCleanup(func() {
		if manager != nil {
			manager.stop()
		}
		Expect(testEnv.Stop()).To(Succeed())
	})
	startRecorder()
})

// allowManager makes a user with the role that config/rbac gives to the manager.
func allowManager() *rest.Config {
	GinkgoHelper()
	role := &rbacv1.ClusterRole{}
	manifest, err := os.ReadFile(filepath.Join("..", "..", "config", "rbac", "role.yaml"))
	Expect(err).NotTo(HaveOccurred())
	Expect(yaml.UnmarshalStrict(manifest, role)).To(Succeed())
	user, err := testEnv.AddUser(envtest.User{Name: role.Name}, &rest.Config{QPS: testEnv.Config.QPS, Burst: testEnv.Config.Burst})
	Expect(err).NotTo(HaveOccurred())
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: role.Name}},
	}
	for _, object := range []client.Object{role, binding} {
		Expect(k8s.Create(context.Background(), object)).To(Succeed())
	}
	return user.Config()
}

// runningManager is a manager with both controllers, as main starts it.
type runningManager struct {
	cancel context.CancelFunc
	done   chan error
}

func startManager() *runningManager {
	GinkgoHelper()
	scheme, err := controllers.Scheme()
	Expect(err).NotTo(HaveOccurred())
	mgr, err := ctrl.NewManager(managerConfig, ctrl.Options{
		Scheme:     scheme,
		Cache:      controllers.CacheOptions(),
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)}, // there is a second one after a restart
		NewClient: func(cfg *rest.Config, options client.Options) (client.Client, error) {
			c, err := client.NewWithWatch(cfg, options)
			if err != nil {
				return nil, err
			}
			return interceptor.NewClient(c, faults.funcs()), nil
		},
	})
	Expect(err).NotTo(HaveOccurred())
	Expect(controllers.SetupAll(mgr, controllers.Options{
		RunnerImage:       runnerImage,
		ServerImage:       serverImage,
		Clock:             clk,
		ProgressTransport: runners,
	})).To(Succeed())
	ctx, cancel := context.WithCancel(context.Background())
	m := &runningManager{cancel: cancel, done: make(chan error, 1)}
	go func() { m.done <- mgr.Start(ctx) }()
	Expect(mgr.GetCache().WaitForCacheSync(ctx)).To(BeTrue())
	return m
}

func (m *runningManager) stop() {
	GinkgoHelper()
	m.cancel()
	Eventually(m.done).Should(Receive(BeNil()))
}

// stopManager leaves the case without a manager until it starts one. A case that fails before that leaves one to
// those after it.
func stopManager() {
	GinkgoHelper()
	DeferCleanup(func() {
		if manager == nil {
			manager = startManager()
		}
	})
	stopped := manager
	manager = nil
	stopped.stop()
}

// restartManager does what happens when the manager's pod is replaced.
func restartManager() {
	GinkgoHelper()
	stopManager()
	manager = startManager()
}

// makeNamespace makes a namespace for one case.
func makeNamespace(ctx context.Context) string {
	GinkgoHelper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "case-"}}
	Expect(k8s.Create(ctx, ns)).To(Succeed())
	return ns.Name
}

// steppedClock is the real clock, stepped forward.
type steppedClock struct{ offset atomic.Int64 }

func (c *steppedClock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (c *steppedClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Step moves the clock forward. It wakes nobody.
func (c *steppedClock) Step(d time.Duration) { c.offset.Add(int64(d)) }

// faultInjector makes the controllers' writes fail.
type faultInjector struct {
	mu     sync.Mutex
	decide func(verb string, object client.Object) error
}

// set has decide judge each write from now on: an error fails it before it reaches the
// API server. Verbs are create, update, patch, apply, delete and those followed by /status.
func (f *faultInjector) set(decide func(verb string, object client.Object) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decide = decide
}

func (f *faultInjector) check(verb string, object client.Object) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.decide == nil {
		return nil
	}
	return f.decide(verb, object)
}

func (f *faultInjector) funcs() interceptor.Funcs {
	return interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			if err := f.check("create", object); err != nil {
				return err
			}
			return c.Create(ctx, object, options...)
		},
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			if err := f.check("update", object); err != nil {
				return err
			}
			return c.Update(ctx, object, options...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if err := f.check("patch", object); err != nil {
				return err
			}
			return c.Patch(ctx, object, patch, options...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			if err := f.check("delete", object); err != nil {
				return err
			}
			return c.Delete(ctx, object, options...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			if err := f.check("patch/"+sub, object); err != nil {
				return err
			}
			return c.SubResource(sub).Patch(ctx, object, patch, options...)
		},
	}
}
