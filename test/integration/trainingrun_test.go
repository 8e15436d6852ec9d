// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var (
	sum      = strings.Repeat("ab", 32)
	success  = []metav1.ConditionStatus{metav1.ConditionTrue, "", ""}
	stall    = []metav1.ConditionStatus{metav1.ConditionFalse, "", metav1.ConditionTrue}
	onItsWay = []metav1.ConditionStatus{metav1.ConditionFalse, metav1.ConditionTrue, ""}
	unknown  = []metav1.ConditionStatus{metav1.ConditionUnknown, metav1.ConditionTrue, ""}
)

var _ = Describe("TrainingRun", func() {
	var ns string

	BeforeEach(func(ctx SpecContext) {
		ns = makeNamespace(ctx)
	})

	AfterEach(func(ctx SpecContext) {
		Expect(k8s.DeleteAllOf(ctx, &v1alpha1.TrainingRun{}, client.InNamespace(ns))).To(Succeed())
	})

	It("runs a Job as the contract says, under the restricted Pod Security level", func(ctx SpecContext) {
		namespace := &corev1.Namespace{}
		Expect(k8s.Get(ctx, client.ObjectKey{Name: ns}, namespace)).To(Succeed())
		namespace.Labels["pod-security.kubernetes.io/enforce"] = "restricted"
		Expect(k8s.Update(ctx, namespace)).To(Succeed())

		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).DataPVC("photos", "raw").Label("kueue.x-k8s.io/queue-name", "team-a").ActiveDeadlineSeconds(600).Obj())
		job := jobOf(ctx, run)
		Expect(job.Name).To(Equal("pets-" + string(run.UID[:8])))
		Expect(metav1.IsControlledBy(job, run)).To(BeTrue())
		Expect(job.Labels).To(HaveKeyWithValue("kueue.x-k8s.io/queue-name", "team-a"))
		Expect(job.Spec.Suspend).To(Equal(ptr.To(true)))
		Expect(job.Spec.BackoffLimit).To(Equal(ptr.To[int32](2)))
		Expect(job.Spec.ActiveDeadlineSeconds).To(Equal(ptr.To[int64](600)))
		Expect(job.Spec.TTLSecondsAfterFinished).To(BeNil())
		Expect(job.Spec.Template.Spec.Containers[0].Image).To(Equal(runnerImage))
		expectState(ctx, run, v1alpha1.PendingReason, unknown)
		Eventually(get(ctx, run)).Should(HaveField("Status.JobName", job.Name))
		Expect(readyMessage(fetch(ctx, run))).To(ContainSubstring("until queue team-a admits it"))

		By("making its pod where the level is enforced")
		makeJobPod(ctx, job)
	})

	It("mounts the cache that runs share, and requests scratch space", func(ctx SpecContext) {
		for _, name := range []string{"pets", "cats"} {
			run := wrappers.MakeTrainingRun(name, ns).Obj()
			run.Spec.Dataset.Generated, run.Spec.Dataset.URI = nil, "s3://datasets/"+name
			run.Spec.Dataset.Cache = v1alpha1.DatasetCache{PVC: v1alpha1.OutputPVC{ClaimName: "cache"}, SizeLimit: "20Gi"}
			pod := makeJobPod(ctx, jobOf(ctx, create(ctx, run)))
			Expect(pod.Spec.Volumes).To(ContainElement(HaveField("PersistentVolumeClaim", HaveValue(HaveField("ClaimName", "cache")))))
			Expect(pod.Spec.Containers[0].VolumeMounts).To(ContainElement(SatisfyAll(HaveField("MountPath", "/cache"), HaveField("ReadOnly", false))))
			Expect(pod.Spec.Containers[0].Resources.Requests.StorageEphemeral().String()).To(Equal("1Gi"))
		}
	})

	It("tells of progress, then of the published model", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		pod := makeJobPod(ctx, job)
		runners.answer("10.1.0.1", contract.Progress{
			Version: 1, Sequence: 1, Percent: 45, Epoch: 9, Epochs: 20, Step: 450, Steps: 1000,
			ImagesPerSecond: 41.26, RemainingSecs: 60, Metrics: []contract.Metric{{Name: "loss", Value: 0.5}},
			Checkpoint: &contract.Checkpoint{Epoch: 8, Step: 400},
		})
		runPod(ctx, pod, "10.1.0.1")
		expectState(ctx, run, v1alpha1.TrainingReason, onItsWay)
		Eventually(func(g Gomega) {
			status := fetch(ctx, run).Status
			g.Expect(status.StartTime).NotTo(BeNil())
			g.Expect(status.PodName).To(Equal(pod.Name))
			g.Expect(status.Progress).NotTo(BeNil())
			g.Expect(status.Progress.Percent).To(Equal(ptr.To[int32](45)))
			g.Expect(status.Progress.Epoch).To(BeEquivalentTo(9))
			g.Expect(status.Progress.ImagesPerSecond).To(Equal("41.3"))
			g.Expect(status.Progress.EstimatedCompletionTime).NotTo(BeNil())
			g.Expect(status.Metrics).To(Equal([]v1alpha1.Metric{{Name: "loss", Value: "0.5"}}))
			g.Expect(status.Checkpoint).To(Equal(&v1alpha1.CheckpointStatus{
				Epoch: 8, Step: 400, URI: "pvc://models/.checkpoints/" + job.Name,
			}))
		}).Should(Succeed())

		By("ending")
		endPod(ctx, pod, 0, "Completed", successOf(run))
		completeJob(ctx, job)
		expectState(ctx, run, v1alpha1.ModelPublishedReason, success)
		run = fetch(ctx, run)
		Expect(meta.IsStatusConditionTrue(run.Status.Conditions, v1alpha1.CompleteCondition)).To(BeTrue())
		Expect(run.Status.ObservedGeneration).To(Equal(run.Generation))
		Expect(run.Status.Model.URI).To(Equal("pvc://models/" + job.Name + "/model.onnx"))
		Expect(run.Status.Model.SHA256).To(Equal(sum))
		Expect(run.Status.Metrics).To(Equal([]v1alpha1.Metric{{Name: "accuracy", Value: "0.9512"}}))
		Expect(run.Status.Lineage).To(Equal(&v1alpha1.Lineage{
			Dataset: &v1alpha1.DatasetLineage{Digest: "sha256:" + sum, Samples: 40, TestSplitDigest: "sha256:" + sum},
			Image:   "registry.example/image@sha256:0123",
		}))
		Expect(run.Status.Progress.Percent).To(Equal(ptr.To[int32](100)))
		Expect(run.Status.Progress.EstimatedCompletionTime).To(BeNil())
		Expect(run.Status.CompletionTime.Time).To(BeTemporally("~", time.Now(), time.Minute))
		expectEvents(ctx, run, v1alpha1.PendingReason, v1alpha1.TrainingReason, v1alpha1.ModelPublishedReason)

		By("leaving an ended run alone whose Job is deleted")
		Expect(k8s.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(Succeed())
		Consistently(jobsIn(ctx, ns)).Should(BeEmpty())
		Expect(fetch(ctx, run).Status).To(Equal(run.Status))
	})

	It("sets right what somebody has written into its status", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		pod := makeJobPod(ctx, job)
		runners.answer("10.1.0.9", contract.Progress{Version: 1, Sequence: 1, Stage: contract.StageLoading})
		runPod(ctx, pod, "10.1.0.9")
		Eventually(get(ctx, run)).Should(HaveField("Status.Progress", Not(BeNil())))
		Expect(readyMessage(fetch(ctx, run))).To(Equal("pod " + pod.Name + " is reading the dataset"))

		// The runner has nothing new to say: nothing else would have the run reconciled.
		edit := func(change func(*v1alpha1.TrainingRunStatus)) {
			GinkgoHelper()
			run = fetch(ctx, run)
			before := run.Status.DeepCopy()
			base := client.MergeFrom(run.DeepCopy())
			change(&run.Status)
			Expect(k8s.Status().Patch(ctx, run, base)).To(Succeed())
			Eventually(func() v1alpha1.TrainingRunStatus { return fetch(ctx, run).Status }).Should(HaveField("Progress", before.Progress))
			Eventually(func() v1alpha1.TrainingRunStatus { return fetch(ctx, run).Status }).Should(Equal(*before))
		}
		edit(func(status *v1alpha1.TrainingRunStatus) {
			status.Progress.Percent = ptr.To[int32](99)
			status.Conditions[0].Message = "all is well"
			status.JobName = "other"
		})

		endPod(ctx, pod, 0, "Completed", successOf(run))
		completeJob(ctx, job)
		expectState(ctx, run, v1alpha1.ModelPublishedReason, success)
		edit(func(status *v1alpha1.TrainingRunStatus) {
			status.Model.SHA256 = strings.Repeat("cd", 32)
			status.Metrics[0].Value = "1"
			status.Progress.Percent = ptr.To[int32](1)
		})
	})

	DescribeTable("restores the status of a run that has ended, whose pods are gone", func(ctx SpecContext, end func(context.Context, *v1alpha1.TrainingRun, *batchv1.Job), reason string, ready []metav1.ConditionStatus) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		end(ctx, run, job)
		expectState(ctx, run, reason, ready)
		Eventually(func() map[string]string { return jobOf(ctx, run).Annotations }).Should(HaveKey(v1alpha1.EndingAnnotation))
		collectPods(ctx, job)
		ended := fetch(ctx, run).Status

		for name, edit := range map[string]func(*v1alpha1.TrainingRunStatus){
			"its words": func(status *v1alpha1.TrainingRunStatus) { status.Conditions[0].Message = "all is well" },
			"its metrics": func(status *v1alpha1.TrainingRunStatus) {
				status.Metrics = []v1alpha1.Metric{{Name: "accuracy", Value: "1"}}
			},
			"its end": func(status *v1alpha1.TrainingRunStatus) { status.Conditions, status.CompletionTime = nil, nil },
		} {
			By("editing " + name)
			run = fetch(ctx, run)
			base := client.MergeFrom(run.DeepCopy())
			edit(&run.Status)
			Expect(k8s.Status().Patch(ctx, run, base)).To(Succeed())
			Eventually(func() v1alpha1.TrainingRunStatus { return fetch(ctx, run).Status }).Should(Equal(ended))
		}
		Eventually(func() []string { return eventReasons(ctx, run) }).Should(ContainElement("RunRepaired"))
		Expect(jobsIn(ctx, ns)()).To(HaveLen(1))

		By("suspending it, which is no edit")
		change(ctx, fetch(ctx, run), `{"spec":{"suspend":true}}`)
		Eventually(func() *metav1.Condition {
			return meta.FindStatusCondition(fetch(ctx, run).Status.Conditions, v1alpha1.SuspendedCondition)
		}).ShouldNot(BeNil())
	},
		Entry("Complete", func(ctx context.Context, run *v1alpha1.TrainingRun, job *batchv1.Job) {
			endPod(ctx, makeJobPod(ctx, job), 0, "Completed", successOf(run))
			completeJob(ctx, job)
		}, v1alpha1.ModelPublishedReason, success),
		Entry("Failed", func(ctx context.Context, _ *v1alpha1.TrainingRun, job *batchv1.Job) {
			endPod(ctx, makeJobPod(ctx, job), 1, "Error", "")
			failJob(ctx, job, "BackoffLimitExceeded")
		}, v1alpha1.RunnerFailedReason, stall),
	)

	It("doesn't believe a status by which a run that runs has ended", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		pod := makeJobPod(ctx, job)
		runPod(ctx, pod, "10.1.0.3")
		expectState(ctx, run, v1alpha1.TrainingReason, onItsWay)
		run = fetch(ctx, run)
		base := client.MergeFrom(run.DeepCopy())
		meta.SetStatusCondition(&run.Status.Conditions, metav1.Condition{Type: v1alpha1.CompleteCondition, Status: metav1.ConditionTrue, Reason: "ModelPublished"})
		run.Status.Model = &v1alpha1.PublishedModel{URI: "pvc://models/x/model.onnx", SHA256: strings.Repeat("cd", 32)}
		Expect(k8s.Status().Patch(ctx, run, base)).To(Succeed())
		Eventually(func(g Gomega) {
			status := fetch(ctx, run).Status
			g.Expect(meta.FindStatusCondition(status.Conditions, v1alpha1.CompleteCondition)).To(BeNil())
			g.Expect(status.Model).To(BeNil())
		}).Should(Succeed())
		endPod(ctx, pod, 0, "Completed", successOf(run))
		completeJob(ctx, job)
		expectState(ctx, run, v1alpha1.ModelPublishedReason, success)
	})

	DescribeTable("sets back what was edited of a Job that runs", func(ctx SpecContext, patch string) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).ActiveDeadlineSeconds(600).Obj())
		job := jobOf(ctx, run)
		change(ctx, job.DeepCopy(), patch)
		Eventually(func() batchv1.JobSpec { return jobOf(ctx, run).Spec }).Should(Equal(job.Spec))
		Eventually(func() []string { return eventReasons(ctx, run) }).Should(ContainElement("RunRepaired"))
		Expect(jobOf(ctx, run).UID).To(Equal(job.UID))
	},
		Entry("suspended", `{"spec":{"suspend":true}}`),
		Entry("without pods", `{"spec":{"parallelism":0}}`),
		Entry("with less time", `{"spec":{"activeDeadlineSeconds":1}}`),
		Entry("with all the time", `{"spec":{"activeDeadlineSeconds":null}}`),
		Entry("with fewer tries", `{"spec":{"backoffLimit":0}}`),
	)

	It("leaves a Job to its queue", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Label("kueue.x-k8s.io/queue-name", "team-a").Obj())
		job := jobOf(ctx, run)
		change(ctx, job.DeepCopy(), `{"spec":{"suspend":false}}`)
		Consistently(func() *bool { return jobOf(ctx, run).Spec.Suspend }, "500ms").Should(Equal(ptr.To(false)))
		change(ctx, job.DeepCopy(), `{"spec":{"suspend":true}}`)
		Consistently(func() *bool { return jobOf(ctx, run).Spec.Suspend }, "500ms").Should(Equal(ptr.To(true)))
	})

	It("runs a Job again that failed because it was edited", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).ActiveDeadlineSeconds(600).Obj())
		job := jobOf(ctx, run)
		pod := makeJobPod(ctx, job)
		stopManager()
		change(ctx, job, `{"spec":{"activeDeadlineSeconds":1}}`)
		endPod(ctx, pod, 143, "Error", "")
		failJob(ctx, job, "DeadlineExceeded")
		manager = startManager()
		Eventually(func() *metav1.Time { return jobOf(ctx, run).DeletionTimestamp }).ShouldNot(BeNil())
		collectPods(ctx, job)
		collectJob(ctx, job)
		Eventually(func(g Gomega) { g.Expect(jobOf(ctx, run).UID).NotTo(Equal(job.UID)) }).Should(Succeed())
		Expect(meta.IsStatusConditionTrue(fetch(ctx, run).Status.Conditions, v1alpha1.FailedCondition)).To(BeFalse())
	})

	It("sets back the image of a pod that runs", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		pod := makeJobPod(ctx, jobOf(ctx, run))
		runPod(ctx, pod, "10.1.0.4")
		expectState(ctx, run, v1alpha1.TrainingReason, onItsWay)
		setPodImage(ctx, *pod)
		Eventually(func() string {
			Expect(k8s.Get(ctx, client.ObjectKeyFromObject(pod), pod)).To(Succeed())
			return pod.Spec.Containers[0].Image
		}).Should(Equal(runnerImage))
		Eventually(func() []string { return eventReasons(ctx, run) }).Should(ContainElement("RunRepaired"))
	})

	It("makes a Job again whose pod a later LimitRange refuses", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		makePolicy(ctx, ns, &corev1.LimitRange{
			ObjectMeta: metav1.ObjectMeta{Name: "l"},
			Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
				Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
			}}},
		})
		Expect(k8s.Create(ctx, &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{GenerateName: "job-", Namespace: ns},
			InvolvedObject: corev1.ObjectReference{Kind: "Job", Namespace: ns, Name: job.Name, UID: job.UID},
			Reason:         "FailedCreate", Type: corev1.EventTypeWarning, LastTimestamp: metav1.Now(),
			Message: `Error creating: pods "pets-x" is forbidden: maximum memory usage per Container is 256Mi, but request is 1Gi`,
		})).To(Succeed())
		clk.Step(startGrace)
		change(ctx, job.DeepCopy(), `{"metadata":{"labels":{"touched":"yes"}}}`) // the queue's clock is the real one
		Eventually(func() *metav1.Time { return jobOf(ctx, run).DeletionTimestamp }).ShouldNot(BeNil())
		collectJob(ctx, job)
		Eventually(func(g Gomega) {
			after := jobOf(ctx, run)
			g.Expect(after.UID).NotTo(Equal(job.UID))
			g.Expect(after.Spec.Template.Spec.Containers[0].Resources.Requests.Memory().String()).To(Equal("256Mi"))
		}).Should(Succeed())
	})

	It("writes nothing when nothing has changed", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		runPod(ctx, makeJobPod(ctx, job), "10.1.0.2")
		expectState(ctx, run, v1alpha1.TrainingReason, onItsWay)
		expectEvents(ctx, run, v1alpha1.PendingReason, v1alpha1.TrainingReason)
		before, jobBefore := fetch(ctx, run), jobOf(ctx, run)

		By("waking the reconciler through the Job and through a restart")
		change(ctx, jobBefore, `{"metadata":{"labels":{"touched":"yes"}}}`)
		restartManager()
		Consistently(func(g Gomega) {
			g.Expect(fetch(ctx, run).ResourceVersion).To(Equal(before.ResourceVersion))
			g.Expect(jobOf(ctx, run).ResourceVersion).To(Equal(jobBefore.ResourceVersion))
			g.Expect(eventReasons(ctx, run)).To(HaveLen(2))
		}).WithTimeout(2 * time.Second).Should(Succeed())
	})

	DescribeTable("tells why a pod doesn't run, and takes it back when it does",
		func(ctx SpecContext, ip string, obstruct func(context.Context, *corev1.Pod), reason, message string) {
			run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
			pod := makeJobPod(ctx, jobOf(ctx, run))
			obstruct(ctx, pod)
			expectState(ctx, run, reason, onItsWay)
			Expect(readyMessage(fetch(ctx, run))).To(ContainSubstring(message))
			setPodStatus(ctx, pod, func(status *corev1.PodStatus) { status.Conditions = nil })
			runPod(ctx, pod, ip)
			expectState(ctx, run, v1alpha1.TrainingReason, onItsWay)
		},
		Entry("image", "10.1.1.1", func(ctx context.Context, pod *corev1.Pod) {
			waitPod(ctx, pod, "ImagePullBackOff", `Back-off pulling image "x": not found`)
		}, v1alpha1.ImagePullBackOffReason, `Back-off pulling image "x": not found`),
		Entry("no node", "10.1.1.2", func(ctx context.Context, pod *corev1.Pod) {
			unschedulePod(ctx, pod, "0/1 nodes are available: 1 Insufficient cpu.")
		}, v1alpha1.UnschedulableReason, "Insufficient cpu"),
		Entry("no volume", "10.1.1.3", func(ctx context.Context, pod *corev1.Pod) {
			unschedulePod(ctx, pod, `persistentvolumeclaim "models" not found`)
		}, v1alpha1.VolumeUnavailableReason, "ReadWriteMany"),
		Entry("node that doesn't answer", "10.1.1.4", func(ctx context.Context, pod *corev1.Pod) {
			Expect(k8s.SubResource("binding").Create(ctx, pod, &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: "n1"}})).To(Succeed())
			setPodStatus(ctx, pod, func(status *corev1.PodStatus) { // as the node controller leaves it
				status.Phase = corev1.PodRunning
				status.Conditions = []corev1.PodCondition{
					{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.Now()},
					{Type: corev1.ContainersReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()},
				}
			})
		}, v1alpha1.NodeNotReadyReason, "node n1 has not answered since"),
	)

	It("finds in a Job's events that a quota refuses its pod", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		expectState(ctx, run, v1alpha1.PendingReason, unknown)
		Expect(k8s.Create(ctx, &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{GenerateName: "job-", Namespace: ns},
			InvolvedObject: corev1.ObjectReference{Kind: "Job", Namespace: ns, Name: job.Name, UID: job.UID},
			Reason:         "FailedCreate", Message: `Error creating: pods "pets-x" is forbidden: exceeded quota: q`, Type: corev1.EventTypeWarning,
			LastTimestamp: metav1.Now(),
		})).To(Succeed())
		clk.Step(startGrace)
		change(ctx, job, `{"metadata":{"labels":{"touched":"yes"}}}`) // the queue's clock is the real one
		Eventually(func() string { return readyMessage(fetch(ctx, run)) }).Should(Equal(
			"the pod of Job " + job.Name + " can't be created: exceeded quota: q; raise the quota, or create another TrainingRun that asks for less in spec.podTemplate.resources"))
		expectState(ctx, run, v1alpha1.PendingReason, unknown)
	})

	It("finds in a pod's events that its volume can't be mounted", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		pod := makeJobPod(ctx, jobOf(ctx, run))
		Expect(k8s.SubResource("binding").Create(ctx, pod, &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: "n1"}})).To(Succeed())
		Expect(k8s.Create(ctx, &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{GenerateName: "pod-", Namespace: ns},
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: ns, Name: pod.Name, UID: pod.UID},
			Reason:         "FailedAttachVolume", Message: "Multi-Attach error for volume", Type: corev1.EventTypeWarning,
			LastTimestamp: metav1.Now(),
		})).To(Succeed())
		clk.Step(startGrace)
		waitPod(ctx, pod, "ContainerCreating", "")
		expectState(ctx, run, v1alpha1.VolumeUnavailableReason, onItsWay)
		Expect(readyMessage(fetch(ctx, run))).To(And(ContainSubstring("Multi-Attach error"), ContainSubstring("ReadWriteMany")))
	})

	DescribeTable("tells why a run has failed",
		func(ctx SpecContext, code int32, word, output, jobReason, wantReason string, wantMessage string) {
			run := create(ctx, wrappers.MakeTrainingRun("pets", ns).ActiveDeadlineSeconds(60).Obj())
			job := jobOf(ctx, run)
			pod := makeJobPod(ctx, job)
			endPod(ctx, pod, code, word, output)
			failJob(ctx, job, jobReason)
			expectState(ctx, run, wantReason, stall)
			run = fetch(ctx, run)
			Expect(meta.IsStatusConditionTrue(run.Status.Conditions, v1alpha1.FailedCondition)).To(BeTrue())
			Expect(readyMessage(run)).To(ContainSubstring(wantMessage))
			Expect(run.Status.LastFailure.PodName).To(Equal(pod.Name))
			Expect(run.Status.LastFailure.ExitCode).To(Equal(ptr.To(code)))
			Expect(run.Status.LastFailure.Time).NotTo(BeNil())
			Expect(run.Status.CompletionTime).NotTo(BeNil())
			expectEvents(ctx, run, v1alpha1.PendingReason, wantReason)
		},
		Entry("configuration", int32(3), "Error", failureOf("ConfigInvalid", "batchSize is too large"), "PodFailurePolicy", v1alpha1.ConfigInvalidReason, "batchSize is too large"),
		Entry("dataset missing", int32(4), "Error", failureOf("DatasetNotFound", "no folder /data/raw"), "PodFailurePolicy", v1alpha1.DatasetNotFoundReason, "no folder /data/raw"),
		Entry("dataset, no document", int32(4), "Error", "panic: oh", "PodFailurePolicy", v1alpha1.DatasetInvalidReason, "exited with code 4"),
		Entry("artifact", int32(6), "Error", failureOf("ArtifactInvalid", "digest differs"), "PodFailurePolicy", v1alpha1.ArtifactInvalidReason, "digest differs"),
		Entry("a reason that nobody knows", int32(1), "Error", failureOf("Sabotage", "ha"), "BackoffLimitExceeded", v1alpha1.RunnerFailedReason, "ha (spec.backoffLimit of 2 is used up)"),
		Entry("crash", int32(2), "Error", "goroutine 1 [running]", "BackoffLimitExceeded", v1alpha1.RunnerFailedReason, "exited with code 2 (Error); status.lastFailure.logTail has the end of its log (spec.backoffLimit"),
		Entry("out of memory", int32(137), "OOMKilled", "epoch 1", "BackoffLimitExceeded", v1alpha1.OOMKilledReason, "memory"),
		Entry("deadline", int32(137), "Error", "", "DeadlineExceeded", v1alpha1.DeadlineExceededReason, "spec.activeDeadlineSeconds (60)"),
	)

	DescribeTable("tells what is wrong with the place of its data or of its output",
		func(ctx SpecContext, code int, reason, said, want string) {
			run := wrappers.MakeTrainingRun("pets", ns).Obj()
			run.Spec.Dataset = v1alpha1.Dataset{URI: "s3://datasets/pets", SecretRef: v1alpha1.SecretReference{Name: "readers"}}
			run.Spec.Output = v1alpha1.Output{URI: "s3://models/team", SecretRef: v1alpha1.SecretReference{Name: "writers"}}
			run = create(ctx, run)
			job := jobOf(ctx, run)
			endPod(ctx, makeJobPod(ctx, job), int32(code), "Error", failureOf(reason, said))
			if code == contract.ExitTemporary {
				failJob(ctx, job, "BackoffLimitExceeded")
			} else {
				failJob(ctx, job, "PodFailurePolicy")
			}
			expectState(ctx, run, reason, stall)
			Expect(readyMessage(fetch(ctx, run))).To(ContainSubstring(want))
		},
		Entry("credentials of the data", contract.ExitDataset, "CredentialsInvalid", "list s3://datasets/pets/: access denied (AccessDenied): check the Secret",
			"Secret readers of spec.dataset.secretRef: list s3://datasets/pets/: access denied (AccessDenied): check the Secret"),
		Entry("no bucket of data", contract.ExitDataset, "DatasetNotFound", "list s3://datasets/pets/: bucket not found (NoSuchBucket): check the bucket's name",
			"spec.dataset.uri: list s3://datasets/pets/: bucket not found"),
		Entry("credentials of the output", contract.ExitDataset, "CredentialsInvalid", "output: write s3://models/team/x: access denied (AccessDenied): check the Secret",
			"Secret writers of spec.output.secretRef: write s3://models/team/x: access denied"),
		Entry("a host of data out of reach", contract.ExitTemporary, "SourceUnreachable", `list s3://datasets/pets: tried 7 times in 32s: Get "minio:9000": dial tcp: no route to host`,
			`spec.dataset.uri: list s3://datasets/pets: tried 7 times in 32s: Get "minio:9000": dial tcp: no route to host (spec.backoffLimit of 2 is used up)`),
		Entry("no bucket for the output", contract.ExitConfig, "ConfigInvalid", "output: write s3://models/team/x: bucket not found (NoSuchBucket): check the bucket's name",
			"spec.output.uri: write s3://models/team/x: bucket not found"),
	)

	It("keeps what a run has published that missed a gate", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Gate("accuracy", "0.99").Obj())
		job := jobOf(ctx, run)
		pod := makeJobPod(ctx, job)
		endPod(ctx, pod, contract.ExitGate, "Error", resultOf(run, func(r *contract.TrainResult) {
			r.Outcome, r.Reason, r.Message = contract.OutcomeFailed, contract.ReasonGateNotMet, "accuracy is 0.9512, below 0.99"
		}))
		failJob(ctx, job, "PodFailurePolicy")
		expectState(ctx, run, v1alpha1.GateNotMetReason, stall)
		run = fetch(ctx, run)
		Expect(run.Status.Model).NotTo(BeNil())
		Expect(run.Status.Metrics).To(HaveLen(1))
	})

	It("tells of each failed pod while others are tried", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		first := makeJobPod(ctx, job)
		endPod(ctx, first, 137, "OOMKilled", "epoch 1\nepoch 2")
		Eventually(func(g Gomega) {
			failure := fetch(ctx, run).Status.LastFailure
			g.Expect(failure).NotTo(BeNil())
			g.Expect(failure.Reason).To(Equal(v1alpha1.OOMKilledReason))
			g.Expect(failure.LogTail).To(Equal("epoch 1\nepoch 2"))
		}).Should(Succeed())
		second := makeJobPod(ctx, job)
		runPod(ctx, second, "10.1.2.1")
		expectState(ctx, run, v1alpha1.TrainingReason, onItsWay)
		Expect(fetch(ctx, run).Status.PodName).To(Equal(second.Name))
	})

	It("suspends by deleting the Job and resumes only when its pods are gone", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		first := jobOf(ctx, run)
		runPod(ctx, makeJobPod(ctx, first), "10.1.3.1")
		expectState(ctx, run, v1alpha1.TrainingReason, onItsWay)

		By("suspending")
		suspend(ctx, run, true)
		expectState(ctx, run, v1alpha1.SuspendedReason, onItsWay)
		Eventually(func(g Gomega) {
			job := jobOf(ctx, run)
			g.Expect(job.DeletionTimestamp).NotTo(BeNil())
			g.Expect(job.Finalizers).To(ContainElement(metav1.FinalizerDeleteDependents))
		}).Should(Succeed())
		Expect(meta.IsStatusConditionTrue(fetch(ctx, run).Status.Conditions, v1alpha1.SuspendedCondition)).To(BeTrue())

		By("resuming while the old Job is there")
		suspend(ctx, run, false)
		expectState(ctx, run, v1alpha1.WaitingForDeletionReason, onItsWay)
		Expect(jobOf(ctx, run).UID).To(Equal(first.UID))

		By("collecting the old Job")
		collectJob(ctx, first)
		Eventually(func(g Gomega) { g.Expect(jobOf(ctx, run).UID).NotTo(Equal(first.UID)) }).Should(Succeed())
		expectState(ctx, run, v1alpha1.PendingReason, onItsWay)
		suspended := meta.FindStatusCondition(fetch(ctx, run).Status.Conditions, v1alpha1.SuspendedCondition)
		Expect(suspended.Status).To(Equal(metav1.ConditionFalse))
		Expect(suspended.Reason).To(Equal(v1alpha1.ResumedReason))
	})

	It("makes a Job again that was deleted by hand, once its pods have ended", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		first := jobOf(ctx, run)
		pod := makeJobPod(ctx, first)
		runPod(ctx, pod, "10.1.4.1")
		expectState(ctx, run, v1alpha1.TrainingReason, onItsWay)
		Expect(k8s.Delete(ctx, first, client.PropagationPolicy(metav1.DeletePropagationOrphan))).To(Succeed())
		removeFinalizers(ctx, first)
		expectState(ctx, run, v1alpha1.WaitingForDeletionReason, onItsWay)
		Eventually(func() string { return readyMessage(fetch(ctx, run)) }).Should(ContainSubstring(pod.Name))
		Consistently(jobsIn(ctx, ns)).Should(BeEmpty())
		Expect(k8s.Delete(ctx, pod, client.GracePeriodSeconds(0))).To(Succeed())
		Eventually(func(g Gomega) { g.Expect(jobOf(ctx, run).UID).NotTo(Equal(first.UID)) }).Should(Succeed())
	})

	It("takes the result of a Job that has ended, though the run is to be suspended", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		pod := makeJobPod(ctx, job)
		faults.set(func(verb string, _ client.Object) error {
			if verb == "patch/status" {
				return apierrors.NewInternalError(fmt.Errorf("not now"))
			}
			return nil
		})
		DeferCleanup(func() { faults.set(nil) })
		endPod(ctx, pod, 0, "Completed", successOf(run))
		completeJob(ctx, job)
		suspend(ctx, run, true)
		faults.set(nil)
		expectState(ctx, run, v1alpha1.ModelPublishedReason, success)
		Expect(jobOf(ctx, run).DeletionTimestamp).To(BeNil())
	})

	It("makes a Job again once that succeeded without a result, then gives up", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		first := jobOf(ctx, run)
		Expect(first.Annotations).To(HaveKeyWithValue(v1alpha1.AttemptAnnotation, "0"))
		endPod(ctx, makeJobPod(ctx, first), 0, "Completed", "no JSON")
		completeJob(ctx, first)
		Eventually(func(g Gomega) {
			g.Expect(jobOf(ctx, run).DeletionTimestamp).NotTo(BeNil())
			g.Expect(fetch(ctx, run).Status.LastFailure).To(HaveField("Reason", v1alpha1.ResultMissingReason))
		}).Should(Succeed())
		cause := fetch(ctx, run).Status.LastFailure
		Expect(cause.Message).To(ContainSubstring("decode document"))
		collectPods(ctx, first)
		Consistently(func() *v1alpha1.Failure { return fetch(ctx, run).Status.LastFailure }).Should(Equal(cause))
		collectJob(ctx, first)
		Eventually(func(g Gomega) {
			g.Expect(jobOf(ctx, run).Annotations).To(HaveKeyWithValue(v1alpha1.AttemptAnnotation, "1"))
		}).Should(Succeed())
		second := jobOf(ctx, run)
		endPod(ctx, makeJobPod(ctx, second), 0, "Completed", "no JSON either")
		completeJob(ctx, second)
		expectState(ctx, run, v1alpha1.ResultMissingReason, stall)
	})

	It("doesn't believe a result that names another's model", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		endPod(ctx, makeJobPod(ctx, job), 0, "Completed", resultOf(run, func(r *contract.TrainResult) {
			r.Model.URI = "pvc://models/../secrets/model.onnx"
		}))
		completeJob(ctx, job)
		Eventually(func(g Gomega) {
			failure := fetch(ctx, run).Status.LastFailure
			g.Expect(failure).NotTo(BeNil())
			g.Expect(failure.Message).To(ContainSubstring("must have a path without empty parts"))
		}).Should(Succeed())
		Expect(fetch(ctx, run).Status.Model).To(BeNil())
	})

	It("strips a hostile termination message", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		endPod(ctx, makeJobPod(ctx, job), 4, "Error", failureOf("DatasetInvalid", "\x1b[2Jall\u202e good\n"+strings.Repeat("x", 3000)))
		failJob(ctx, job, "PodFailurePolicy")
		expectState(ctx, run, v1alpha1.DatasetInvalidReason, stall)
		message := readyMessage(fetch(ctx, run))
		Expect(message).To(HavePrefix("[2Jall good xxx"))
		Expect(len(message)).To(BeNumerically("<=", 1024))
	})

	DescribeTable("leaves a stranger's Job alone, and goes on when it is gone", func(ctx SpecContext, labels map[string]string) {
		suspended := create(ctx, wrappers.MakeTrainingRun("pets", ns).Suspend(true).Obj())
		expectState(ctx, suspended, v1alpha1.SuspendedReason, onItsWay)
		stranger := &batchv1.Job{
			ObjectMeta: metav1.ObjectMeta{Name: "pets-" + string(suspended.UID[:8]), Namespace: ns, Labels: labels},
			Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "c", Image: "i"}},
			}}},
		}
		Expect(k8s.Create(ctx, stranger)).To(Succeed())
		suspend(ctx, suspended, false)
		expectState(ctx, suspended, v1alpha1.NameConflictReason, stall)
		Expect(readyMessage(fetch(ctx, suspended))).To(ContainSubstring("delete or rename it"))
		Expect(k8s.Get(ctx, client.ObjectKeyFromObject(stranger), stranger)).To(Succeed())
		Expect(stranger.DeletionTimestamp).To(BeNil())

		By("deleting it")
		Expect(k8s.Delete(ctx, stranger, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(Succeed())
		suspend(ctx, suspended, true) // any change: the controllers don't watch what isn't theirs
		expectState(ctx, suspended, v1alpha1.SuspendedReason, onItsWay)
		suspend(ctx, suspended, false)
		expectState(ctx, suspended, v1alpha1.PendingReason, unknown)
		Eventually(func() bool { return metav1.IsControlledBy(jobOf(ctx, suspended), suspended) }).Should(BeTrue())
	},
		Entry("that the cache doesn't show", nil),
		Entry("that carries Trainyard's label", map[string]string{"app.kubernetes.io/managed-by": "trainyard"}),
	)

	It("tells that the Job can't be made, and makes it when it can", func(ctx SpecContext) {
		faults.set(func(verb string, object client.Object) error {
			if _, isJob := object.(*batchv1.Job); isJob && verb == "create" {
				return apierrors.NewForbidden(batchv1.Resource("jobs"), object.GetName(), fmt.Errorf("exceeded quota: jobs"))
			}
			return nil
		})
		DeferCleanup(func() { faults.set(nil) })
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		expectState(ctx, run, v1alpha1.PendingReason, onItsWay)
		Expect(readyMessage(fetch(ctx, run))).To(ContainSubstring("exceeded quota: jobs"))
		faults.set(nil)
		jobOf(ctx, run)
		expectState(ctx, run, v1alpha1.PendingReason, unknown)
	})

	It("ends well whichever write fails on the way", func(ctx SpecContext) {
		failures := map[string]int{}
		faults.set(func(verb string, object client.Object) error {
			if object.GetNamespace() != ns || failures[verb] >= 2 {
				return nil
			}
			failures[verb]++
			return apierrors.NewServerTimeout(batchv1.Resource("any"), verb, 0)
		})
		DeferCleanup(func() { faults.set(nil) })
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		endPod(ctx, makeJobPod(ctx, job), 0, "Completed", successOf(run))
		completeJob(ctx, job)
		expectState(ctx, run, v1alpha1.ModelPublishedReason, success)
		Eventually(func() map[string]string { return jobOf(ctx, run).Annotations }).Should(HaveKey(v1alpha1.EndingAnnotation))
		Expect(failures).To(Equal(map[string]int{"create": 2, "patch/status": 2, "patch": 2}))
	})

	It("goes on where a manager has stopped", func(ctx SpecContext) {
		run := create(ctx, wrappers.MakeTrainingRun("pets", ns).Obj())
		job := jobOf(ctx, run)
		pod := makeJobPod(ctx, job)
		stopManager()
		endPod(ctx, pod, 0, "Completed", successOf(run))
		completeJob(ctx, job)
		manager = startManager()
		expectState(ctx, run, v1alpha1.ModelPublishedReason, success)
		Expect(jobsIn(ctx, ns)()).To(HaveLen(1))
	})

	It("names the field that the API server refuses in the Job", func(ctx SpecContext) {
		run := wrappers.MakeTrainingRun("pets", ns).PodTemplate(v1alpha1.PodTemplate{NodeSelector: map[string]string{"not a label": "x"}}).Obj()
		run = create(ctx, run)
		expectState(ctx, run, v1alpha1.InvalidSpecReason, stall)
		Expect(readyMessage(fetch(ctx, run))).To(ContainSubstring("nodeSelector"))
	})
})

// startGrace is how long the controllers give a Job to get its pod, and a pod its containers.
const startGrace = 10 * time.Second

func create(ctx context.Context, run *v1alpha1.TrainingRun) *v1alpha1.TrainingRun {
	GinkgoHelper()
	Expect(k8s.Create(ctx, run)).To(Succeed())
	return run
}

func fetch(ctx context.Context, run *v1alpha1.TrainingRun) *v1alpha1.TrainingRun {
	GinkgoHelper()
	got := &v1alpha1.TrainingRun{}
	Expect(k8s.Get(ctx, client.ObjectKeyFromObject(run), got)).To(Succeed())
	return got
}

func get(ctx context.Context, run *v1alpha1.TrainingRun) func() *v1alpha1.TrainingRun {
	return func() *v1alpha1.TrainingRun { return fetch(ctx, run) }
}

// jobOf waits for the run's Job.
func jobOf(ctx context.Context, run *v1alpha1.TrainingRun) *batchv1.Job {
	GinkgoHelper()
	job := &batchv1.Job{}
	Eventually(func() error {
		return k8s.Get(ctx, client.ObjectKey{Namespace: run.Namespace, Name: run.Name + "-" + string(run.UID[:8])}, job)
	}).Should(Succeed())
	return job
}

func jobsIn(ctx context.Context, ns string) func() []batchv1.Job {
	return func() []batchv1.Job {
		jobs := &batchv1.JobList{}
		if err := k8s.List(ctx, jobs, client.InNamespace(ns)); err != nil {
			return nil
		}
		return jobs.Items
	}
}

// expectState waits until Ready has this reason, and Ready, Reconciling and Stalled
// these states; "" is absent.
func expectState(ctx context.Context, run *v1alpha1.TrainingRun, reason string, states []metav1.ConditionStatus) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		got := fetch(ctx, run)
		ready := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ReadyCondition)
		g.Expect(ready).NotTo(BeNil())
		g.Expect(ready.Reason).To(Equal(reason), ready.Message)
		for i, conditionType := range []string{v1alpha1.ReadyCondition, v1alpha1.ReconcilingCondition, v1alpha1.StalledCondition} {
			var status metav1.ConditionStatus
			if c := meta.FindStatusCondition(got.Status.Conditions, conditionType); c != nil {
				status = c.Status
				g.Expect(c.ObservedGeneration).To(Equal(got.Generation))
			}
			g.Expect(status).To(Equal(states[i]), conditionType)
		}
	}).Should(Succeed())
}

func readyMessage(run *v1alpha1.TrainingRun) string {
	return meta.FindStatusCondition(run.Status.Conditions, v1alpha1.ReadyCondition).Message
}

// suspend writes spec.suspend as a user would.
func suspend(ctx context.Context, run *v1alpha1.TrainingRun, value bool) {
	GinkgoHelper()
	got := fetch(ctx, run)
	before := got.DeepCopy()
	got.Spec.Suspend = ptr.To(value)
	Expect(k8s.Patch(ctx, got, client.MergeFrom(before))).To(Succeed())
}

func unschedulePod(ctx context.Context, pod *corev1.Pod, message string) {
	GinkgoHelper()
	setPodStatus(ctx, pod, func(status *corev1.PodStatus) {
		status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message,
		}}
	})
}

func removeFinalizers(ctx context.Context, object client.Object) {
	GinkgoHelper()
	Expect(k8s.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
	before := object.DeepCopyObject().(client.Object)
	object.SetFinalizers(nil)
	Expect(k8s.Patch(ctx, object, client.MergeFrom(before))).To(Succeed())
}

// expectEvents waits for the events about a run: exactly these reasons, in this order.
func expectEvents(ctx context.Context, run *v1alpha1.TrainingRun, reasons ...string) {
	GinkgoHelper()
	Eventually(func() []string { return eventReasons(ctx, run) }).Should(HaveExactElements(reasons))
}

// eventReasons returns the reasons of the events about a run, the oldest first.
func eventReasons(ctx context.Context, run *v1alpha1.TrainingRun) []string {
	GinkgoHelper()
	list := &eventsv1.EventList{}
	Expect(k8s.List(ctx, list, client.InNamespace(run.Namespace))).To(Succeed())
	slices.SortFunc(list.Items, func(a, b eventsv1.Event) int { return a.EventTime.Compare(b.EventTime.Time) })
	var reasons []string
	for i := range list.Items {
		if list.Items[i].Regarding.UID == run.UID {
			reasons = append(reasons, list.Items[i].Reason)
		}
	}
	return reasons
}

// resultOf is what a runner leaves that has published the run's model, changed by change.
func resultOf(run *v1alpha1.TrainingRun, change func(*contract.TrainResult)) string {
	GinkgoHelper()
	folder := "pvc://" + run.Spec.Output.PVC.ClaimName + "/" + run.Name + "-" + string(run.UID[:8])
	result := contract.TrainResult{
		Version: contract.Version,
		Outcome: contract.OutcomeSucceeded,
		Metrics: []contract.Metric{{Name: "accuracy", Value: 0.9512}},
		Model: &contract.ModelResult{
			URI: folder + "/model.onnx", SHA256: sum, SizeBytes: 1000, ClassCount: 2, Classes: []string{"cat", "dog"},
			Samples: &contract.SamplesResult{URI: folder + "/samples.tar", SHA256: sum, Count: 4},
		},
		Dataset: &contract.DatasetResult{Digest: "sha256:" + sum, Samples: 40, TestSplitDigest: "sha256:" + sum},
	}
	change(&result)
	document, err := json.Marshal(result)
	Expect(err).NotTo(HaveOccurred())
	return string(document)
}

func successOf(run *v1alpha1.TrainingRun) string {
	GinkgoHelper()
	return resultOf(run, func(*contract.TrainResult) {})
}

// failureOf is what a runner leaves that has failed.
func failureOf(reason, message string) string {
	document, err := json.Marshal(contract.TrainResult{Version: contract.Version, Outcome: contract.OutcomeFailed, Reason: reason, Message: message})
	if err != nil {
		panic(err)
	}
	return string(document)
}
