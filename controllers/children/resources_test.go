// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// What a controller has of its own.
var (
	bounded   = corev1.ResourceRequirements{Requests: ResourceList("50m", "64Mi"), Limits: ResourceList("500m", "512Mi")}
	unbounded = corev1.ResourceRequirements{Requests: ResourceList("500m", "1Gi")}
	small     = corev1.ResourceRequirements{Requests: ResourceList("100m", "128Mi")}
)

// limitRange is one that says this of containers.
func limitRange(item corev1.LimitRangeItem) []corev1.LimitRange {
	if item.Type == "" {
		item.Type = corev1.LimitTypeContainer
	}
	return []corev1.LimitRange{{Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{item}}}}
}

func memory(quantity string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(quantity)}
}

func TestContainerResources(t *testing.T) {
	ask := func(requests, limits v1alpha1.ResourceList) v1alpha1.ResourceRequirements {
		return v1alpha1.ResourceRequirements{Requests: requests, Limits: limits}
	}
	cases := map[string]struct {
		asked  v1alpha1.ResourceRequirements
		own    corev1.ResourceRequirements
		ranges []corev1.LimitRange
		want   string // requests, then limits
	}{
		"nothing asked, no LimitRange":                   {own: bounded, want: "cpu=50m memory=64Mi; cpu=500m memory=512Mi"},
		"no limits of our own":                           {own: unbounded, want: "cpu=500m memory=1Gi;"},
		"what is asked stays":                            {own: bounded, asked: ask(v1alpha1.ResourceList{"cpu": "1"}, v1alpha1.ResourceList{"cpu": "2", "memory": "1Gi"}), want: "cpu=1 memory=64Mi; cpu=2 memory=1Gi"},
		"a resource that we don't know":                  {own: bounded, asked: ask(nil, v1alpha1.ResourceList{"ephemeral-storage": "1Gi"}), want: "cpu=50m memory=64Mi; cpu=500m ephemeral-storage=1Gi memory=512Mi"},
		"our request isn't above the user's limit":       {own: unbounded, asked: ask(nil, v1alpha1.ResourceList{"memory": "256Mi"}), want: "cpu=500m memory=256Mi; memory=256Mi"},
		"our limit isn't below the user's request":       {own: bounded, asked: ask(v1alpha1.ResourceList{"memory": "1Gi"}, nil), want: "cpu=50m memory=1Gi; cpu=500m memory=1Gi"},
		"a default limit is taken":                       {own: bounded, ranges: limitRange(corev1.LimitRangeItem{Default: memory("100Mi")}), want: "cpu=50m memory=64Mi; cpu=500m"},
		"our request isn't above a default limit":        {own: unbounded, ranges: limitRange(corev1.LimitRangeItem{Default: memory("256Mi")}), want: "cpu=500m memory=256Mi;"},
		"a user's limit above the default one":           {own: unbounded, asked: ask(nil, v1alpha1.ResourceList{"memory": "4Gi"}), ranges: limitRange(corev1.LimitRangeItem{Default: memory("256Mi")}), want: "cpu=500m memory=1Gi; memory=4Gi"},
		"within a maximum":                               {own: bounded, ranges: limitRange(corev1.LimitRangeItem{Max: memory("32Mi")}), want: "cpu=50m memory=32Mi; cpu=500m memory=32Mi"},
		"within a minimum":                               {own: bounded, ranges: limitRange(corev1.LimitRangeItem{Min: memory("700Mi")}), want: "cpu=50m memory=700Mi; cpu=500m memory=700Mi"},
		"within bounds of pods":                          {own: bounded, ranges: limitRange(corev1.LimitRangeItem{Type: corev1.LimitTypePod, Max: memory("100Mi")}), want: "cpu=50m memory=64Mi; cpu=500m memory=100Mi"},
		"bounds of claims are none of ours":              {own: bounded, ranges: limitRange(corev1.LimitRangeItem{Type: corev1.LimitTypePersistentVolumeClaim, Max: memory("1Mi")}), want: "cpu=50m memory=64Mi; cpu=500m memory=512Mi"},
		"the ratio to our limit":                         {own: bounded, ranges: limitRange(corev1.LimitRangeItem{MaxLimitRequestRatio: corev1.ResourceList{"cpu": resource.MustParse("3"), "memory": resource.MustParse("1.5")}}), want: "cpu=167m memory=357913942; cpu=500m memory=512Mi"},
		"the ratio to a default limit":                   {own: unbounded, ranges: limitRange(corev1.LimitRangeItem{Default: memory("8Gi"), MaxLimitRequestRatio: memory("2")}), want: "cpu=500m memory=4Gi;"},
		"the ratio to a user's limit":                    {own: small, asked: ask(nil, v1alpha1.ResourceList{"cpu": "2"}), ranges: limitRange(corev1.LimitRangeItem{MaxLimitRequestRatio: corev1.ResourceList{"cpu": resource.MustParse("1")}}), want: "cpu=2 memory=128Mi; cpu=2"},
		"the ratio where there is no limit says nothing": {own: unbounded, ranges: limitRange(corev1.LimitRangeItem{MaxLimitRequestRatio: memory("1")}), want: "cpu=500m memory=1Gi;"},
		"the narrowest of several": {
			own:    unbounded,
			ranges: append(limitRange(corev1.LimitRangeItem{Max: memory("900Mi")}), limitRange(corev1.LimitRangeItem{Max: memory("800Mi")})...),
			want:   "cpu=500m memory=800Mi;",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			own := tc.own.DeepCopy()
			got, err := ContainerResources("spec.smoke.resources", tc.asked, tc.own, tc.ranges)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, strings.TrimSpace(describe(got.Requests)+"; "+describe(got.Limits))); diff != "" {
				t.Errorf("resources (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(*own, tc.own); diff != "" {
				t.Errorf("our own values have changed (-want +got):\n%s", diff)
			}
		})
	}
}

// describe lists resources by name: cpu=1 memory=1Gi.
func describe(list corev1.ResourceList) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(list)) {
		quantity := list[name]
		parts = append(parts, string(name)+"="+quantity.String())
	}
	return strings.Join(parts, " ")
}

// An object may be older than the rule that refuses a quantity today.
func TestBadQuantitiesNameTheirField(t *testing.T) {
	_, err := ContainerResources("spec.smoke.resources", v1alpha1.ResourceRequirements{Limits: v1alpha1.ResourceList{"cpu": "1e1.5"}}, bounded, nil)
	wantError(t, err, "spec.smoke.resources.limits[cpu]")
	_, err = ContainerEnv([]v1alpha1.EnvVar{
		{Name: "A"}, {Name: "CPUS", ValueFrom: &v1alpha1.EnvVarSource{ResourceFieldRef: &v1alpha1.ResourceFieldSelector{Resource: "limits.cpu", Divisor: "1e-100000000"}}},
	})
	wantError(t, err, "spec.podTemplate.env[1].valueFrom.resourceFieldRef.divisor")
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "is not a quantity") {
		t.Errorf("error %v, want one that names %s", err, want)
	}
}
