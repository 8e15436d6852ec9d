// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	smokeCommand   = "smoke"
	liveVolume     = "live"
	picturesVolume = "pictures"

	// bakeDelay is what a bake waits first, for the proxies of the nodes to follow the switch.
	bakeDelay = 5 * time.Second
	// podStartGrace is what the pod of a test may take to start.
	podStartGrace = 5 * time.Minute
	// smokeGracePeriod is how long, in seconds, a test may take to end.
	smokeGracePeriod = 5
)

// testInput is what the Job of a test is made from.
type testInput struct {
	server *v1alpha1.ModelServer
	config servingConfig
	// image is the operator's server image, whatever serves: it is the judge.
	image string
	// pullImage is the image that fetches samples that lie outside the cluster.
	pullImage string
	start     rollout.Start
	now       time.Time
	// pods are those of a bake's revision, and podsBefore those of the one before it.
	pods, podsBefore []rollout.Pod
	// info and liveInfo are the tested revision's and that of the one it is compared with.
	info     revisionInfo
	liveInfo *revisionInfo
	// deployment is the UID of the tested revision's Deployment.
	deployment types.UID
	// ranges are the LimitRanges of the server's namespace.
	ranges []corev1.LimitRange
	// margin is how far below live's score the revision's may be where a gate leaves that to the test; nil for what is usual.
	margin *float64
	// skipped says why there is no liveInfo though there is such a revision.
	skipped string
}

// desiredTestJob builds the Job of a smoke test or of a bake.
func desiredTestJob(in testInput) (*batchv1.Job, error) {
	pod, err := smokePod(in)
	if err != nil {
		return nil, err
	}
	config := smokeConfig(in)
	if err := addSamples(in, &pod, &config); err != nil {
		return nil, err
	}
	document, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("encode the smoke test's configuration: %w", err)
	}
	pod.Containers[0].Env = []corev1.EnvVar{{Name: contract.ConfigEnv, Value: string(document)}}
	// The targets are tested some at a time, and the timeout is that of one.
	turns := (len(config.Targets) + contract.SmokeTargetsAtATime - 1) / contract.SmokeTargetsAtATime
	rounds := time.Duration(config.DelaySeconds+config.ForSeconds)*time.Second + time.Duration(turns)*in.config.timeout
	labels := testLabels(in.server)
	annotations, err := in.annotations()
	if err != nil {
		return nil, err
	}
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name:            in.start.Name(),
			Namespace:       in.server.Namespace,
			Labels:          labels,
			Annotations:     annotations,
			OwnerReferences: ownedBy(in.server),
		},
		Spec: batchv1.JobSpec{
			BackoffLimit:          ptr.To[int32](0),
			ActiveDeadlineSeconds: in.deadline(rounds + podStartGrace),
			PodFailurePolicy:      smokeFailurePolicy(),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: children.TestPodMeta(in.server.Spec.PodTemplate, labels),
				Spec:       pod,
			},
		},
	}, nil
}

// deadline bounds a test in seconds, except a bake that waits for users as long as it takes.
func (in *testInput) deadline(longest time.Duration) *int64 {
	if in.start.MinRequests > 0 {
		return nil
	}
	return ptr.To(int64(seconds(longest)))
}

// testLabels are on a test's Job and its pod.
func testLabels(server *v1alpha1.ModelServer) map[string]string {
	labels := ownLabels(server)
	labels[v1alpha1.ComponentLabel] = smokeComponent
	return labels
}

// smokeConfig is what a test is told, without samples.
func smokeConfig(in testInput) contract.SmokeConfig {
	config := contract.SmokeConfig{
		Version:          contract.Version,
		Revision:         in.start.Revision,
		SHA256:           in.info.Model.SHA256,
		MinAgreement:     in.config.minAgreement,
		Margin:           in.margin,
		AllowChance:      in.server.Spec.Promotion.Chance == v1alpha1.AllowChance,
		MaxLatencyMillis: millis(in.config.maxLatency),
		Attempts:         int(in.server.Spec.Smoke.Attempts),
		TimeoutSeconds:   seconds(in.config.timeout),
	}
	if in.start.Check == rollout.Bake {
		config.Targets = []string{serviceURL(in.server)}
		config.DelaySeconds = seconds(bakeDelay)
		config.ForSeconds = seconds(in.config.bakeTime)
		config.Pods = readyURLs(in.pods)
		config.MinRequests = int(in.start.MinRequests)
		if increase := in.server.Spec.Promotion.MaxP99IncreasePercent; increase > 0 && len(in.podsBefore) > 0 {
			config.MaxP99IncreasePercent, config.PodsBefore = int(increase), readyURLs(in.podsBefore)
		}
		return config
	}
	for _, pod := range in.start.Pods {
		config.Targets = append(config.Targets, pod.URL)
	}
	return config
}

// readyURLs are where those pods are reached that are ready, and stay.
func readyURLs(pods []rollout.Pod) []string {
	var urls []string
	for _, pod := range pods {
		if pod.Ready && !pod.Leaving {
			urls = append(urls, pod.URL)
		}
	}
	return urls
}

// addSamples has the pod of a test find the samples that were published with the tested
// model, and those that quality is judged by: the user's own or, without any, those of the
// model that it is compared with.
func addSamples(in testInput, pod *corev1.PodSpec, config *contract.SmokeConfig) (err error) {
	fetch := puller{image: in.pullImage, resources: pod.Containers[0].Resources}
	if fetch.env, err = children.ContainerEnv(in.server.Spec.PodTemplate.Env); err != nil {
		return err
	}
	files, mounts, err := children.FileVolumes(in.server.Spec.PodTemplate)
	if err != nil {
		return err
	}
	fetch.mounts = mounts
	defer func() {
		if len(pod.InitContainers) > 0 {
			pod.Volumes = append(pod.Volumes, files...)
		}
	}()
	supply := func(file wantedFile) (*contract.Samples, error) {
		at, err := fetch.supply(pod, file)
		return &contract.Samples{Path: at, SHA256: file.sha256}, err
	}
	if in.info.Samples != nil {
		if config.Model, err = supply(modelSamples(in.info)); err != nil {
			return err
		}
	}
	switch own := in.server.Spec.Smoke.Samples; {
	case own != nil && own.PVC != nil:
		config.Pictures = &contract.Samples{Path: ownSamples(own).mount(pod, own.PVC.ClaimName, own.PVC.Path)}
	case own != nil:
		config.Pictures, err = supply(ownSamples(own))
	case in.liveInfo != nil && in.liveInfo.Samples != nil:
		config.Live, err = supply(liveSamples(*in.liveInfo))
	}
	return err
}

// smokePod builds the pod of a test, without samples and configuration.
func smokePod(in testInput) (corev1.PodSpec, error) {
	tmp, tmpMount := children.TmpVolume()
	resources, err := children.ContainerResources(smokeResourcesField, in.server.Spec.Smoke.Resources, smokeResources, in.ranges)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	spec := corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		SecurityContext:               children.RestrictedPodSecurity(),
		TerminationGracePeriodSeconds: ptr.To[int64](smokeGracePeriod),
		Volumes:                       []corev1.Volume{tmp},
		Containers: []corev1.Container{{
			Name:                     contract.SmokeContainer,
			Image:                    in.image,
			Args:                     []string{smokeCommand},
			Resources:                resources,
			VolumeMounts:             []corev1.VolumeMount{tmpMount},
			SecurityContext:          children.RestrictedContainerSecurity(),
			TerminationMessagePath:   contract.TerminationLog,
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		}},
	}
	return spec, children.ApplyTestTemplate(&spec, in.server.Spec.PodTemplate)
}

// smokeFailurePolicy ends the Job at once on a verdict or a refused configuration. A test is run once; whether it
// is run again is the planner's to say.
func smokeFailurePolicy() *batchv1.PodFailurePolicy {
	return &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
		Action: batchv1.PodFailurePolicyActionFailJob,
		OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
			ContainerName: ptr.To(contract.SmokeContainer),
			Operator:      batchv1.PodFailurePolicyOnExitCodesOpIn,
			Values:        []int32{contract.ExitConfig, contract.ExitSmoke},
		},
	}}}
}

func testAnnotations(id rollout.JobID, skipped string) map[string]string {
	annotations := map[string]string{
		v1alpha1.TestAnnotation:           string(id.Check),
		v1alpha1.TestedRevisionAnnotation: id.Revision,
		v1alpha1.TestKeyAnnotation:        id.Key,
		v1alpha1.AttemptAnnotation:        strconv.Itoa(id.Attempt),
	}
	if skipped != "" {
		annotations[v1alpha1.ComparisonSkippedAnnotation] = skipped
	}
	return annotations
}

// annotations are those of the Job that in asks for.
func (in *testInput) annotations() (map[string]string, error) {
	annotations := testAnnotations(in.start.JobID, in.skipped)
	annotations[v1alpha1.TestStartedAnnotation] = in.now.UTC().Format(time.RFC3339)
	if in.start.Check == rollout.Bake {
		annotations[v1alpha1.TestURLAnnotation] = serviceURL(in.server)
		if in.start.MinRequests > 0 {
			annotations[v1alpha1.TestMinRequestsAnnotation] = strconv.Itoa(int(in.start.MinRequests))
		}
		annotations[v1alpha1.TestedDeploymentAnnotation] = string(in.deployment)
		return annotations, nil
	}
	ended, err := json.Marshal(rollout.Ends(in.start.Pods))
	if err != nil {
		return nil, fmt.Errorf("encode how containers of the tested pods ended before: %w", err)
	}
	annotations[v1alpha1.TestEndedAnnotation] = string(ended)
	return annotations, nil
}

// testEnded is how containers of the tested pods had ended before a test; nil if that
// isn't known.
func testEnded(job *batchv1.Job) map[types.UID]string {
	var ended map[types.UID]string
	if err := json.Unmarshal([]byte(job.Annotations[v1alpha1.TestEndedAnnotation]), &ended); err != nil {
		return nil
	}
	return ended
}

// testMinRequests is how many requests of users a bake waits for.
func testMinRequests(job *batchv1.Job) int32 {
	n, err := strconv.ParseInt(job.Annotations[v1alpha1.TestMinRequestsAnnotation], 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

// testStarted is when the manager created a test. Jobs of an earlier version have only
// the API server's time.
func testStarted(job *batchv1.Job) time.Time {
	started, err := time.Parse(time.RFC3339, job.Annotations[v1alpha1.TestStartedAnnotation])
	if err != nil {
		return job.CreationTimestamp.Time
	}
	return started
}

// testID is the inverse of testAnnotations.
func testID(job *batchv1.Job) rollout.JobID {
	return rollout.JobID{
		Check:    rollout.Check(job.Annotations[v1alpha1.TestAnnotation]),
		Revision: job.Annotations[v1alpha1.TestedRevisionAnnotation],
		Key:      job.Annotations[v1alpha1.TestKeyAnnotation],
		Attempt:  children.JobAttempt(job),
	}
}

func (r *reconciler) observeJobs(ctx context.Context, s *scope, o *rollout.Observed) error {
	jobs := &batchv1.JobList{}
	if err := r.client.List(ctx, jobs, r.indexed(s)...); err != nil {
		return fmt.Errorf("list the Jobs of ModelServer %s: %w", klog.KObj(s.server), err)
	}
	s.jobs = map[string]*batchv1.Job{}
	for i := range jobs.Items {
		job := &jobs.Items[i]
		id := testID(job)
		own := metav1.IsControlledBy(job, s.server) || servers.IsOrphan(job) && s.deployments[id.Revision] != nil
		if !own || id.Name() != job.Name {
			continue
		}
		observed, known := observedJob(job, podOfJob(job, s.pods[job.Name]))
		if !known {
			pods, err := children.ListPods(ctx, r.live, job.Namespace, children.JobSelector(job)) // the cache may be behind that of Jobs
			if err != nil {
				return err
			}
			observed, _ = observedJob(job, podOfJob(job, pods))
		}
		outdate(&observed, job, serviceURL(s.server), o.BakeRequests(), s.deployments[observed.Revision])
		if err := r.outdateResources(ctx, s, &observed, job, podOfJob(job, s.pods[job.Name])); err != nil {
			return err
		}
		if err := r.judgeEditedTest(ctx, &observed, job, podOfJob(job, s.pods[job.Name])); err != nil {
			return err
		}
		judgePulls(&observed, podOfJob(job, s.pods[job.Name]))
		s.requeueWithin(judgeStart(&observed, job, podOfJob(job, s.pods[job.Name]), s.now))
		s.jobs[job.Name] = job
		o.Jobs = append(o.Jobs, observed)
	}
	return nil
}

// podOfJob returns the pod of a test's Job, which has at most one, or nil.
func podOfJob(job *batchv1.Job, pods []*corev1.Pod) *corev1.Pod {
	for _, pod := range pods {
		if metav1.IsControlledBy(pod, job) {
			return pod
		}
	}
	return nil
}

// startTest creates the Job of a test. What it is compared with is live, or during
// live's own bake, the fallback.
func (r *reconciler) startTest(ctx context.Context, s *scope, start rollout.Start) error {
	record := s.observed.Service.Record
	reference := record.Live
	if start.Check == rollout.Bake {
		reference = record.Fallback
	}
	ranges, err := children.ListLimitRanges(ctx, r.client, s.server.Namespace)
	if err != nil {
		return err
	}
	if err := usableDefaults(s); err != nil {
		return err
	}
	in := testInput{server: s.given.ForServer(s.server), config: s.config, image: r.image, pullImage: r.pullImage, start: start, ranges: ranges, now: s.now}
	if tested := s.infoOf(start.Revision); tested != nil {
		in.info = *tested
	}
	in.liveInfo = s.infoOf(reference)
	if start.Check == rollout.Bake {
		in.pods, in.podsBefore = podsOf(s, start.Revision), podsOf(s, reference)
	}
	open := s.openGate(start)
	if open != "" {
		in.margin = qualityMargin(s.config.gates)
	}
	in.deployment = s.deployments[start.Revision].UID
	skipped, err := r.withoutReference(ctx, s, &in)
	if err != nil {
		return err
	}
	if skipped != "" {
		in.liveInfo, in.skipped = nil, skipped
	}
	job, err := desiredTestJob(in)
	if err != nil {
		return loop.Stalled(v1alpha1.InvalidSpecReason, err)
	}
	if err := r.client.Create(ctx, job, client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		return r.createFailed(ctx, s, job, children.JobKind, err)
	}
	if skipped != "" {
		s.skipped = fmt.Sprintf("Job %s doesn't compare revision %s with revision %s, because %s: its own samples decide", job.Name, start.Revision, reference, skipped)
	}
	if open != "" {
		s.skipped = strings.TrimPrefix(s.skipped+"; "+open, "; ")
	}
	logf.FromContext(ctx).Info("Started test", "job", klog.KObj(job), "check", start.Check, "attempt", start.Attempt)
	return nil
}

// podsOf are the pods of a revision as they were observed.
func podsOf(s *scope, revision string) []rollout.Pod {
	if observed := s.observed.Revisions[revision]; observed != nil {
		return observed.Pods
	}
	return nil
}

func (r *reconciler) deleteTest(ctx context.Context, s *scope, name string) error {
	job := s.jobs[name]
	err := r.client.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &job.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Job %s: %w", klog.KObj(job), err)
	}
	if err == nil {
		measureTest(s, job)
	}
	return nil
}

// smokeResourcesField is where a user sets the resources of tests.
const smokeResourcesField = "spec.smoke.resources"

// smokeResources are what a test gets where the user says nothing. What it needs is known,
// and with limits its pod is accepted where a quota counts them.
var smokeResources = corev1.ResourceRequirements{
	Requests: children.ResourceList("50m", "64Mi"),
	Limits:   children.ResourceList("500m", "512Mi"),
}
