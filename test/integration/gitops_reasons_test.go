// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// What GitOps tools make of each reason is judged where a status has it. These are the reasons that no other spec has
// the controllers write.
var _ = Describe("Reasons that GitOps tools show", func() {
	DescribeTable("of a TrainingRun that has failed", func(ctx SpecContext, reason, want string) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", makeNamespace(ctx)).Obj())
		job := jobOf(ctx, run)
		endPod(ctx, makeJobPod(ctx, job), contract.ExitDataset, "Error", failureOf(reason, "so it is"))
		failJob(ctx, job, "PodFailurePolicy")
		expectState(ctx, run, want, stall)
	},
		Entry("by its loss", contract.ReasonLossDiverged, v1alpha1.LossDivergedReason),
		Entry("by its files", contract.ReasonTooManyInvalid, v1alpha1.TooManyInvalidFilesReason),
	)

	It("of a TrainingRun whose nodes were lost", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", makeNamespace(ctx)).Obj())
		job := jobOf(ctx, run)
		pod := makeJobPod(ctx, job)
		Expect(k8s.SubResource("binding").Create(ctx, pod, &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: "n1"}})).To(Succeed())
		endPod(ctx, pod, 255, "Unknown", "")
		Eventually(get(ctx, run)).Should(HaveField("Status.LastFailure", HaveField("Reason", v1alpha1.NodeLostReason)))
		failJob(ctx, job, batchv1.JobReasonBackoffLimitExceeded)
		expectState(ctx, run, v1alpha1.NodeLostReason, stall)
		Expect(readyMessage(fetch(ctx, run))).To(And(ContainSubstring("node n1"), ContainSubstring(pod.Name), ContainSubstring("spec.backoffLimit")))
	})

	It("of what a TrainingRun has left", func(ctx SpecContext) {
		clk.Step(10 * time.Second) // so retention is over when the run ends: Jobs end by the real clock
		ns := makeNamespace(ctx)
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		endPod(ctx, makeJobPod(ctx, job), 0, "Completed", successOf(run))
		completeJob(ctx, job)
		expectState(ctx, run, v1alpha1.ModelPublishedReason, success)

		By("being asked for")
		server := wrappers.MakeModelServer("pets", ns, "pets").Obj()
		server.Spec.Rollout.Paused = ptr.To(true) // nothing of it is left then
		Expect(k8s.Create(ctx, server)).To(Succeed())
		servers{namespace: ns}.reaches(ctx, v1alpha1.PausedReason)
		change(ctx, run, `{"spec":{"output":{"retention":"1s"}}}`)
		Eventually(func() string { return prunedOf(ctx, ns) }).Should(Equal("False/InUse"))

		By("being deleted, in vain")
		Expect(k8s.Delete(ctx, server)).To(Succeed())
		Eventually(func() string {
			change(ctx, run, `{"spec":{"suspend":`+strconv.FormatBool(!ptr.Deref(fetch(ctx, run).Spec.Suspend, false))+`}}`)
			return prunedOf(ctx, ns)
		}).Should(Equal("False/Pruning"))
		prune := pruneJobOf(ctx, ns)
		endPod(ctx, makeJobPod(ctx, prune), contract.ExitArtifact, "Error", failureOf(contract.ReasonArtifactInvalid, "no run has written notes.txt"))
		failJob(ctx, prune, "PodFailurePolicy")
		Eventually(func() string { return prunedOf(ctx, ns) }).Should(Equal("False/PruneFailed"))

		By("being deleted")
		Expect(k8s.Delete(ctx, prune, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(Succeed())
		Eventually(func() types.UID { return pruneJobOf(ctx, ns).UID }).ShouldNot(Equal(prune.UID))
		prune = pruneJobOf(ctx, ns)
		endPod(ctx, makeJobPod(ctx, prune), 0, "Completed", "")
		completeJob(ctx, prune)
		Eventually(func() string { return prunedOf(ctx, ns) }).Should(Equal("True/Pruned"))
	})

	DescribeTable("of a TrainingRun that is recorded in MLflow", func(ctx SpecContext, said contract.MLflowResult, want string) {
		wanted := wrappers.MakeTrainingRun("pets", makeNamespace(ctx)).Obj()
		wanted.Spec.Tracking.MLflow.URI = "https://mlflow.example"
		run := create(ctx, wanted)
		job := jobOf(ctx, run)
		endPod(ctx, makeJobPod(ctx, job), 0, "Completed", resultOf(run, func(result *contract.TrainResult) { result.MLflow = &said }))
		completeJob(ctx, job)
		expectState(ctx, run, v1alpha1.ModelPublishedReason, success)
		Expect(fetch(ctx, run).Status.Conditions).To(ContainElement(And(HaveField("Type", v1alpha1.TrackedCondition), HaveField("Reason", want))))
	},
		Entry("in whole", contract.MLflowResult{RunID: "0123456789abcdef0123456789abcdef"}, v1alpha1.RecordedReason),
		Entry("later", contract.MLflowResult{Reason: contract.ReasonTrackerUnavailable, Message: "connection refused"}, v1alpha1.TrackerUnavailableReason),
		Entry("never", contract.MLflowResult{Reason: contract.ReasonTrackerRejected, Message: "401"}, v1alpha1.TrackerRejectedReason),
	)

	Describe("of a ModelServer", func() {
		var (
			cluster *fakeCluster
			pets    servers
		)
		BeforeEach(func(ctx SpecContext) {
			cluster, pets = startServers(ctx)
			pets.serving(ctx)
		})
		// starting begins a rollout whose pod doesn't become ready, and returns that pod.
		starting := func(ctx context.Context) *corev1.Pod {
			GinkgoHelper()
			cluster.model(digestOf("2"), neverReady)
			pets.serve(ctx, "run-2")
			candidate := pets.reaches(ctx, v1alpha1.StartingReason).Status.Candidate.Revision
			var pod *corev1.Pod
			Eventually(func(g Gomega) {
				pods := pets.podsOf(ctx, candidate)
				g.Expect(pods).To(HaveLen(1))
				g.Expect(pods[0].Status.Conditions).NotTo(BeEmpty(), "its kubelet has yet to have its say")
				pod = &pods[0]
			}).Should(Succeed())
			return pod
		}
		unscheduled := func(message string) func(*corev1.PodStatus) {
			return func(status *corev1.PodStatus) {
				status.Phase = corev1.PodPending
				status.Conditions = append(status.Conditions, corev1.PodCondition{
					Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message,
				})
			}
		}
		ended := func(code int32, reason, message string) corev1.ContainerState {
			return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message, FinishedAt: metav1.Now()}}
		}

		DescribeTable("whose pods don't start", func(ctx SpecContext, change func(*corev1.PodStatus), want string) {
			changePod(ctx, starting(ctx), change)
			pets.reaches(ctx, want)
		},
			Entry("for lack of an image", func(status *corev1.PodStatus) {
				status.ContainerStatuses = []corev1.ContainerStatus{{
					Name: contract.ServerContainer, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "not found"}},
				}}
			}, v1alpha1.ImagePullBackOffReason),
			Entry("for lack of room", unscheduled("0/1 nodes are available: 1 Insufficient cpu."), v1alpha1.UnschedulableReason),
			Entry("for lack of a volume", unscheduled(`persistentvolumeclaim "models" not found`), v1alpha1.VolumeUnavailableReason),
			Entry("for lack of memory", func(status *corev1.PodStatus) {
				status.ContainerStatuses = []corev1.ContainerStatus{{
					Name: contract.ServerContainer, LastTerminationState: ended(137, "OOMKilled", ""),
					State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off"}},
				}}
			}, v1alpha1.OOMKilledReason),
			Entry("for lack of a model", func(status *corev1.PodStatus) {
				status.InitContainerStatuses = []corev1.ContainerStatus{{
					Name: contract.PullContainer, LastTerminationState: ended(contract.ExitDataset, "Error", "no such host"),
					State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off"}},
				}}
			}, v1alpha1.SourceUnreachableReason),
		)

		It("whose pods wait for credentials", func(ctx SpecContext) {
			pod := starting(ctx)
			Expect(k8s.SubResource("binding").Create(ctx, pod, &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: "n1"}})).To(Succeed())
			Expect(k8s.Create(ctx, &corev1.Event{
				ObjectMeta:     metav1.ObjectMeta{GenerateName: "pod-", Namespace: pets.namespace},
				InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: pets.namespace, Name: pod.Name, UID: pod.UID},
				Reason:         "FailedMount", Message: `MountVolume.SetUp failed for volume "credentials-model" : secret "s3" not found`, Type: corev1.EventTypeWarning,
				LastTimestamp: metav1.Now(),
			})).To(Succeed())
			clk.Step(startGrace)
			changePod(ctx, pod, func(status *corev1.PodStatus) {
				status.Phase = corev1.PodPending
				status.ContainerStatuses = []corev1.ContainerStatus{{
					Name: contract.ServerContainer, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}},
				}}
			})
			pets.reaches(ctx, v1alpha1.CredentialsInvalidReason)
		})

		It("that doesn't start in time", func(ctx SpecContext) {
			pod := starting(ctx)
			Eventually(func() *rollout.Starting { return pets.record(ctx).Starting }).ShouldNot(BeNil())
			clk.Step(11 * time.Minute)
			changePod(ctx, pod, func(status *corev1.PodStatus) { status.Message = "something happens" })
			pets.reaches(ctx, v1alpha1.ProgressDeadlineExceededReason)
			Eventually(func(g Gomega) { // while its Deployment is deleted there is nothing to reject
				g.Expect(offered(ctx, "ModelServer", pets.namespace, "pets")).To(ConsistOf("pause", "reject", "retry"))
			}).Should(Succeed())
		})

		It("that can't go back to its fallback", func(ctx SpecContext) {
			cluster.model(digestOf("2"), bakesForEver)
			pets.serve(ctx, "run-2")
			fallback := pets.reaches(ctx, v1alpha1.BakingReason).Status.Fallback.Revision
			changePod(ctx, &pets.podsOf(ctx, fallback)[0], func(status *corev1.PodStatus) { status.Conditions[0].Status = corev1.ConditionFalse })
			cluster.model(digestOf("2"), failsBake)
			pets.reaches(ctx, v1alpha1.RollbackBlockedReason)
		})

		It("whose spec the API server refuses", func(ctx SpecContext) {
			pets.update(ctx, func(server *v1alpha1.ModelServer) {
				server.Spec.PodTemplate.NodeSelector = map[string]string{"not a label": "x"}
			})
			pets.reaches(ctx, v1alpha1.InvalidSpecReason)
		})

		It("whose TrainingRun has no model to serve", func(ctx SpecContext) {
			By("being on its way")
			run := create(ctx, wrappers.MakeTrainingRun("run-3", pets.namespace).Obj())
			pets.serve(ctx, "run-3")
			pets.reaches(ctx, v1alpha1.TrainingRunNotCompleteReason)

			By("failing")
			job := jobOf(ctx, run)
			endPod(ctx, makeJobPod(ctx, job), contract.ExitDataset, "Error", failureOf(contract.ReasonDatasetNotFound, "no such folder"))
			failJob(ctx, job, "PodFailurePolicy")
			pets.reaches(ctx, v1alpha1.TrainingRunFailedReason)

			By("having lost it")
			lost := &v1alpha1.TrainingRun{}
			Expect(k8s.Get(ctx, client.ObjectKey{Namespace: pets.namespace, Name: "run-2"}, lost)).To(Succeed())
			changeStatus(ctx, lost, func() { lost.Status.Model = nil })
			pets.serve(ctx, "run-2")
			pets.reaches(ctx, v1alpha1.ArtifactMissingReason)
		})
	})
})
