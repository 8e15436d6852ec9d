// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"fmt"
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// ResourceList returns a list of CPU and memory.
func ResourceList(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(cpu),
		corev1.ResourceMemory: resource.MustParse(memory),
	}
}

// ContainerResources returns what the user asks for in the field of this name, and our
// own values for what is left out. Ours give way: to the user's limits and requests, and
// to the namespace's LimitRanges, so that the API server accepts the pod if it can be
// accepted with what the user asks for.
func ContainerResources(field string, asked v1alpha1.ResourceRequirements, own corev1.ResourceRequirements, ranges []corev1.LimitRange) (corev1.ResourceRequirements, error) {
	requests, err := CoreResourceList(field+".requests", asked.Requests)
	if err != nil {
		return corev1.ResourceRequirements{}, err
	}
	limits, err := CoreResourceList(field+".limits", asked.Limits)
	if err != nil {
		return corev1.ResourceRequirements{}, err
	}
	for name, limit := range own.Limits {
		bounds := boundsOf(name, ranges)
		if _, set := limits[name]; set || bounds.limit != nil {
			continue // the user's, or the one that the API server sets from the LimitRange
		}
		if request, set := requests[name]; set {
			limit = larger(limit, &request)
		}
		limits[name] = smaller(larger(limit, bounds.least), bounds.most).DeepCopy()
	}
	for name, request := range own.Requests {
		if _, set := requests[name]; set {
			continue
		}
		bounds := boundsOf(name, ranges)
		limit := bounds.limit
		if set, ok := limits[name]; ok {
			limit = &set
		}
		request = larger(larger(request, bounds.least), bounds.leastRequest(name, limit))
		requests[name] = smaller(smaller(request, bounds.most), limit).DeepCopy()
	}
	result := corev1.ResourceRequirements{Requests: requests}
	if len(limits) > 0 {
		result.Limits = limits
	}
	return result, nil
}

// CoreResourceList parses what the API keeps as text. The error names the field.
func CoreResourceList(field string, asked v1alpha1.ResourceList) (corev1.ResourceList, error) {
	list := corev1.ResourceList{}
	for name, text := range asked {
		quantity, err := text.Parse()
		if err != nil {
			return nil, fmt.Errorf("%s[%s]: %w", field, name, err)
		}
		list[name] = quantity
	}
	return list, nil
}

// resourceBounds are what a namespace's LimitRanges say of one resource of a container;
// nil where they say nothing.
type resourceBounds struct {
	least, most *resource.Quantity // of requests and limits
	limit       *resource.Quantity // set by the API server where the container has none
	ratio       *resource.Quantity // of limit to request, at most
}

// boundsOf combines LimitRanges: the narrowest bounds count. What is said of pods counts
// as well, because ours have one container.
func boundsOf(name corev1.ResourceName, ranges []corev1.LimitRange) resourceBounds {
	var bounds resourceBounds
	pick := func(bound **resource.Quantity, list corev1.ResourceList, narrower func(resource.Quantity, *resource.Quantity) resource.Quantity) {
		if quantity, ok := list[name]; ok {
			quantity = narrower(quantity, *bound)
			*bound = &quantity
		}
	}
	for i := range ranges {
		for _, item := range ranges[i].Spec.Limits {
			if item.Type != corev1.LimitTypeContainer && item.Type != corev1.LimitTypePod {
				continue
			}
			pick(&bounds.least, item.Min, larger)
			pick(&bounds.most, item.Max, smaller)
			pick(&bounds.ratio, item.MaxLimitRequestRatio, smaller)
			pick(&bounds.limit, item.Default, smaller)
		}
	}
	return bounds
}

// leastRequest is the smallest request that a limit allows by the ratio of both, or nil.
func (b resourceBounds) leastRequest(name corev1.ResourceName, limit *resource.Quantity) *resource.Quantity {
	if b.ratio == nil || b.ratio.Sign() <= 0 || limit == nil {
		return nil
	}
	ratio := b.ratio.AsApproximateFloat64()
	if name == corev1.ResourceCPU {
		return resource.NewMilliQuantity(int64(math.Ceil(float64(limit.MilliValue())/ratio)), resource.DecimalSI)
	}
	return resource.NewQuantity(int64(math.Ceil(float64(limit.Value())/ratio)), limit.Format)
}

// larger and smaller return one of two quantities, of which nil is none.
func larger(a resource.Quantity, b *resource.Quantity) resource.Quantity {
	if b != nil && b.Cmp(a) > 0 {
		return *b
	}
	return a
}

func smaller(a resource.Quantity, b *resource.Quantity) resource.Quantity {
	if b != nil && b.Cmp(a) < 0 {
		return *b
	}
	return a
}

// ListLimitRanges reads a namespace's LimitRanges from the cache.
func ListLimitRanges(ctx context.Context, reader client.Reader, namespace string) ([]corev1.LimitRange, error) {
	list := &corev1.LimitRangeList{}
	if err := reader.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list the LimitRanges of namespace %s: %w", namespace, err)
	}
	return list.Items, nil
}
