// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/command"
	"github.com/trainyard-dev/trainyard/internal/plugin/verb"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// person calls kubectl trainyard in a namespace.
type person struct{ kubeconfig, namespace string }

// answer is what a call has printed, and its exit code.
type answer struct {
	out, err string
	code     int
}

// call runs the plugin as the person.
func (p person) call(args ...string) answer {
	var out, errOut bytes.Buffer
	code := command.Main(append(args, "--kubeconfig", p.kubeconfig, "--namespace", p.namespace),
		genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &errOut})
	return answer{out: out.String(), err: errOut.String(), code: code}
}

// succeeds is call for what is expected to go well.
func (p person) succeeds(args ...string) string {
	GinkgoHelper()
	got := p.call(args...)
	Expect(got.code).To(BeZero(), "%v: %s", args, got.err)
	return got.out
}

// refuses is call for what is expected to be refused, and returns why.
func (p person) refuses(args ...string) string {
	GinkgoHelper()
	got := p.call(args...)
	Expect(got.code).To(Equal(1), "%v: %s", args, got.out)
	return got.err
}

var people sync.Map // of kubeconfigs, by the name of the verb that they may use

// allowedOnly returns a person who has, in a namespace, the rights that a verb says it needs, and no others. Those to
// some resources can be left out.
func allowedOnly(ctx context.Context, namespace, verbName string, without ...string) person {
	GinkgoHelper()
	_, verbs := command.New(genericiooptions.IOStreams{Out: io.Discard, ErrOut: io.Discard})
	at := slices.IndexFunc(verbs, func(v verb.Verb) bool { return v.Command.Name() == verbName })
	Expect(at).NotTo(BeNumerically("<", 0), "there is no verb %s", verbName)
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: verbName}}
	for _, right := range verbs[at].Rights {
		if !slices.Contains(without, right.Resources[0]) {
			role.Rules = append(role.Rules, right.PolicyRule)
		}
	}
	return allowed(ctx, role)
}

// allowed returns a person who has the rights of a role, which is created, and no others.
func allowed(ctx context.Context, role *rbacv1.Role) person {
	GinkgoHelper()
	user := "only-" + role.Name
	Expect(k8s.Create(ctx, role)).To(Succeed())
	Expect(k8s.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: role.Namespace, Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})).To(Succeed())
	if file, found := people.Load(user); found {
		return person{kubeconfig: file.(string), namespace: role.Namespace}
	}
	added, err := testEnv.AddUser(envtest.User{Name: user}, nil)
	Expect(err).NotTo(HaveOccurred())
	kubeconfig, err := added.KubeConfig()
	Expect(err).NotTo(HaveOccurred())
	folder, err := os.MkdirTemp("", "trainyard-person-")
	Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(folder, "kubeconfig")
	Expect(os.WriteFile(file, kubeconfig, 0o600)).To(Succeed())
	people.Store(user, file)
	return person{kubeconfig: file, namespace: role.Namespace}
}

var _ = AfterSuite(func() {
	people.Range(func(_, file any) bool {
		return Expect(os.RemoveAll(filepath.Dir(file.(string)))).To(Succeed())
	})
})

var _ = Describe("kubectl trainyard", func() {
	var (
		cluster *fakeCluster
		pets    servers
	)
	BeforeEach(func(ctx SpecContext) {
		cluster, pets = startServers(ctx)
	})

	It("shows how a server and a run stand, to who may do no more than that", func(ctx SpecContext) {
		revision := pets.serving(ctx)
		person := allowedOnly(ctx, pets.namespace, "status")

		Expect(person.succeeds("status")).To(And(ContainSubstring("✔ Serving"), ContainSubstring("✔ ModelPublished")))
		text := person.succeeds("status", "pets")
		Expect(text).To(And(
			ContainSubstring("ModelServer pets"), MatchRegexp(`[├└]─ %s +live +✔ Live`, revision), MatchRegexp(`pod +✔ Running`),
			ContainSubstring("Not configured: spec.replicas is 1"),
		))
		Expect(text).NotTo(ContainSubstring("Not read"))
		Eventually(func() string { return person.succeeds("status", "msrv/pets") }).Should(MatchRegexp(`Normal +Serving +ModelServer pets`))
		Expect(person.succeeds("status", "run-1")).To(And(ContainSubstring("TrainingRun run-1"), ContainSubstring("pets (live)")))

		By("printing JSON")
		var data struct {
			Servers []struct{ Object v1alpha1.ModelServer }
		}
		Expect(json.Unmarshal([]byte(person.succeeds("status", "pets", "-o", "json")), &data)).To(Succeed())
		Expect(data.Servers[0].Object.Status.Live.Revision).To(Equal(revision))
		Expect(person.succeeds("status", "pets", "-o", "yaml")).To(ContainSubstring("revision: " + revision))

		By("saying what a person may not read")
		little := allowed(ctx, &rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: pets.namespace, Name: "little"},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{verb.Group}, Resources: []string{verb.Servers, verb.Runs}, Verbs: []string{"get"}}},
		})
		Expect(little.succeeds("status", "pets")).To(And(
			ContainSubstring("pods: you may not list them in namespace "+pets.namespace), ContainSubstring("events: you may not list them")))
		Expect(little.refuses("status")).To(ContainSubstring("list ModelServers"))
		Expect(person.refuses("status", "nobody")).To(ContainSubstring(`there is no ModelServer or TrainingRun "nobody"`))
	})

	It("waits until a server is Ready, a person has to act, or the time is over", func(ctx SpecContext) {
		person := allowedOnly(ctx, pets.namespace, "status")
		cluster.model(digestOf("1"), neverFinishes)
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		pets.reaches(ctx, v1alpha1.SmokingReason)
		late := person.call("status", "pets", "--wait", "--timeout", "1ms")
		Expect(late.code).To(Equal(verb.ExitTimeout), late.err)
		Expect(late.err).To(ContainSubstring("ModelServer pets: Smoking"))

		ended := make(chan answer, 1)
		go func() { ended <- person.call("status", "pets", "--wait") }()
		pets.annotate(ctx, v1alpha1.RejectAnnotation, pets.get(ctx).Status.Candidate.Revision)
		var got answer
		Eventually(ended).Should(Receive(&got))
		Expect(got.code).To(Equal(verb.ExitStalled), got.err)
		Expect(got.err).To(ContainSubstring("Aborted"))

		pets.serve(ctx, "run-2")
		Expect(person.call("status", "pets", "--wait").code).To(BeZero(), "the model of run-2 is served")
	})

	It("steers a rollout, as who may do no more than that", func(ctx SpecContext) {
		first := pets.serving(ctx)
		reject := allowedOnly(ctx, pets.namespace, "reject")
		Expect(reject.refuses("reject", "pets")).To(ContainSubstring("nothing can be rejected"))
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Promotion.Mode = v1alpha1.ManualPromotion })

		By("pausing and resuming")
		pause, resume := allowedOnly(ctx, pets.namespace, "pause"), allowedOnly(ctx, pets.namespace, "resume")
		Expect(pause.succeeds("pause", "pets")).To(HavePrefix("ModelServer pets pauses"))
		pets.serve(ctx, "run-2")
		pets.reaches(ctx, v1alpha1.PausedReason)
		Expect(pause.refuses("pause", "pets")).To(ContainSubstring("it is paused already"))
		Expect(resume.succeeds("resume", "pets")).To(Equal("ModelServer pets resumes\n"))

		By("promoting what awaits it")
		second := pets.reaches(ctx, v1alpha1.AwaitingPromotionReason).Status.Candidate.Revision
		Expect(allowedOnly(ctx, pets.namespace, "promote").succeeds("promote", "pets")).To(ContainSubstring("promotes " + second))
		Expect(pets.reaches(ctx, v1alpha1.ServingReason).Status.Live.Revision).To(Equal(second))

		By("rolling back to the run before, and rejecting that")
		rollback := allowedOnly(ctx, pets.namespace, "rollback")
		Expect(rollback.refuses("rollback", "pets", "--to", "nobody")).To(ContainSubstring(`no TrainingRun "nobody"`))
		Expect(rollback.succeeds("rollback", "pets")).To(ContainSubstring("TrainingRun run-1"))
		Expect(pets.reaches(ctx, v1alpha1.AwaitingPromotionReason).Status.Candidate.Revision).To(Equal(first))
		Expect(reject.succeeds("reject", "msrv/pets")).To(ContainSubstring("rejects candidate " + first))
		pets.reaches(ctx, v1alpha1.AbortedReason)

		By("retrying what was rejected")
		retry := allowedOnly(ctx, pets.namespace, "retry")
		Expect(retry.succeeds("retry", "pets")).To(ContainSubstring("retries"))
		Expect(pets.reaches(ctx, v1alpha1.AwaitingPromotionReason).Annotations).NotTo(HaveKey(v1alpha1.RejectAnnotation))
		Expect(retry.refuses("retry", "pets")).To(ContainSubstring("nothing to retry"))
		Expect(managersOf(pets.get(ctx))).To(ContainElement("kubectl-trainyard"))
	})

	It("says that a field comes from Git", func(ctx SpecContext) {
		pets.serving(ctx)
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"rollout":{"paused":false}}}`))
		Expect(k8s.Patch(ctx, pets.get(ctx), patch, client.FieldOwner("argocd-controller"))).To(Succeed())
		pets.update(ctx, func(server *v1alpha1.ModelServer) { server.Spec.Rollout.Paused = ptr.To(true) })
		Expect(k8s.Patch(ctx, pets.get(ctx), patch, client.FieldOwner("argocd-controller"))).To(Succeed())
		got := allowedOnly(ctx, pets.namespace, "pause").call("pause", "pets")
		Expect(got.code).To(BeZero(), got.err)
		Expect(got.err).To(HavePrefix("warning: spec.rollout.paused comes from Git by Argo CD"))
	})

	It("writes manifests that the API server accepts", func(ctx SpecContext) {
		folder := GinkgoT().TempDir()
		person := allowedOnly(ctx, pets.namespace, "init")
		Expect(person.succeeds("init", "fresh", "--dir", folder, "--min-accuracy", "0.9", "--manual")).To(ContainSubstring("kubectl apply -f " + folder))
		for _, name := range []string{"fresh-trainingrun.yaml", "fresh-modelserver.yaml"} {
			text, err := os.ReadFile(filepath.Join(folder, name))
			Expect(err).NotTo(HaveOccurred())
			object := &unstructured.Unstructured{}
			Expect(yaml.Unmarshal(text, &object.Object)).To(Succeed())
			Expect(object.GetNamespace()).To(Equal(pets.namespace))
			Expect(client.WithFieldValidation(k8s, metav1.FieldValidationStrict).Create(ctx, object, client.DryRunAll)).To(Succeed())
		}
		Expect(person.refuses("init", "fresh", "--dir", folder)).To(ContainSubstring("is there already"))
	})

	It("finds what is wrong, says what to do about it and packs it", func(ctx SpecContext) {
		cluster.model(digestOf("1"), failsSmoke)
		Expect(k8s.Create(ctx, wrappers.MakeModelServer("pets", pets.namespace, "run-1").Obj())).To(Succeed())
		pets.reaches(ctx, v1alpha1.SmokeFailedReason)
		bundle := filepath.Join(GinkgoT().TempDir(), "bundle.zip")
		got := allowedOnly(ctx, pets.namespace, "doctor").call("doctor", "--bundle", bundle)
		Expect(got.code).To(Equal(verb.ExitStalled), got.err)
		Expect(got.out).To(And(
			ContainSubstring("✔ CustomResourceDefinitions: trainyard.dev/v1alpha1 is served"),
			ContainSubstring("✗ ModelServer pets: SmokeFailed"),
			ContainSubstring("✔ TrainingRun run-1: ModelPublished"),
			ContainSubstring("! Your rights: kubectl trainyard promote needs: get modelservers, patch modelservers"),
			ContainSubstring("Deployments: you may not list them in namespace trainyard-system"),
		))
		archive, err := zip.OpenReader(bundle)
		Expect(err).NotTo(HaveOccurred())
		defer archive.Close()
		Expect(archive.File).To(ContainElements(HaveField("Name", "trainyard/findings.txt"), HaveField("Name", "trainyard/modelservers.yaml")))
	})

	It("suspends, resumes and retries a run", func(ctx SpecContext) {
		run := wrappers.MakeTrainingRun("pets", pets.namespace).Label("team", "zoo").Obj()
		Expect(k8s.Create(ctx, run)).To(Succeed())
		suspend, resume := allowedOnly(ctx, pets.namespace, "suspend"), allowedOnly(ctx, pets.namespace, "resume")
		Expect(suspend.succeeds("suspend", "pets")).To(HavePrefix("TrainingRun pets suspends"))
		Eventually(func(g Gomega) {
			g.Expect(k8s.Get(ctx, client.ObjectKeyFromObject(run), run)).To(Succeed())
			g.Expect(meta.IsStatusConditionTrue(run.Status.Conditions, v1alpha1.SuspendedCondition)).To(BeTrue())
		}).Should(Succeed())
		Expect(resume.succeeds("resume", "trun/pets")).To(HavePrefix("TrainingRun pets resumes"))

		retry := allowedOnly(ctx, pets.namespace, "retry")
		Expect(retry.refuses("retry", "trun/pets")).To(ContainSubstring("it hasn't failed"))
		pets.serving(ctx)
		Expect(retry.refuses("retry", "pets")).To(ContainSubstring("say modelserver/pets or trainingrun/pets"))
	})
})

func managersOf(object client.Object) []string {
	var managers []string
	for _, entry := range object.GetManagedFields() {
		managers = append(managers, entry.Manager)
	}
	return managers
}
