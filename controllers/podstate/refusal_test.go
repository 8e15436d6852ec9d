// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package podstate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The remedy names a field that the refused pod has its resources from, and that can be changed.
func TestRemediesOfRefusedJobs(t *testing.T) {
	smoke := Asker{Container: "smoke", Field: "spec.smoke.resources"}
	runner := Asker{Container: "runner", Field: "spec.podTemplate.resources", Immutable: true}
	cases := map[string]struct {
		asker Asker
		cause string
		want  string
	}{
		"a quota counts a test's limits": {
			asker: smoke, cause: "failed quota: q: must specify limits.cpu for: smoke; limits.memory for: smoke",
			want: "set spec.smoke.resources.limits.cpu and spec.smoke.resources.limits.memory, or have a LimitRange of the namespace set defaults",
		},
		"a quota counts a runner's limits": {
			asker: runner, cause: "failed quota: q: must specify limits.memory for: runner",
			want: "create another TrainingRun that sets spec.podTemplate.resources.limits.memory, or have a LimitRange of the namespace set defaults",
		},
		"a quota by its short name": {
			asker: smoke, cause: "failed quota: q: must specify cpu for: smoke",
			want: "set spec.smoke.resources.requests.cpu, or have a LimitRange of the namespace set defaults",
		},
		"a quota, and an injected container": {
			asker: smoke, cause: "failed quota: q: must specify limits.cpu for: proxy,smoke; limits.memory for: proxy",
			want: "set spec.smoke.resources.limits.cpu, set resources of container proxy where it is injected, or have a LimitRange of the namespace set defaults",
		},
		"only an injected container": {
			asker: runner, cause: "failed quota: q: must specify limits.cpu for: proxy",
			want: "set resources of container proxy where it is injected, or have a LimitRange of the namespace set defaults",
		},
		"a test's quota is used up": {
			asker: smoke, cause: "exceeded quota: q, requested: limits.cpu=500m,pods=1, used: limits.cpu=1,pods=2, limited: limits.cpu=1,pods=9",
			want: "raise the quota, or ask for less in spec.smoke.resources",
		},
		"a runner's quota is used up": {
			asker: runner, cause: "exceeded quota: q, requested: requests.memory=1Gi, used: requests.memory=0, limited: requests.memory=512Mi",
			want: "raise the quota, or create another TrainingRun that asks for less in spec.podTemplate.resources",
		},
		"a quota of objects": {
			asker: smoke, cause: "exceeded quota: q, requested: count/pods=1,pods=1, used: count/pods=2,pods=2, limited: count/pods=2,pods=2",
			want: "raise the quota, or delete what it counts and nobody needs",
		},
		"a LimitRange that is newer than the Job": {
			asker: runner, cause: "maximum memory usage per Container is 256Mi, but request is 1Gi",
			want: "create another TrainingRun that keeps spec.podTemplate.resources within the namespace's LimitRange, or change that",
		},
		"a LimitRange's ratio": {
			asker: smoke, cause: "cpu max limit to request ratio per Container is 2, but provided ratio is 10.000000",
			want: "keep spec.smoke.resources within the namespace's LimitRange, or change that",
		},
		"a LimitRange's default limit": {
			asker: runner, cause: `spec.containers[0].resources.requests: Invalid value: "1Gi": must be less than or equal to memory limit of 256Mi`,
			want: "create another TrainingRun that sets spec.podTemplate.resources.limits, for the limit is the default of the namespace's LimitRange",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Refused("the pod of Job j", tc.asker, `pods "j-x7k2p" is forbidden: `+tc.cause)
			if diff := cmp.Diff("the pod of Job j can't be created: "+tc.cause+"; "+tc.want, got.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}
