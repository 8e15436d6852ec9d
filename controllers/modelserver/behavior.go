// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
)

// coreBehavior returns how fast an autoscaler scales. It fails on a quantity that the
// schema would have refused, and names the field.
func coreBehavior(asked *v1alpha1.AutoscalerBehavior) (*autoscalingv2.HorizontalPodAutoscalerBehavior, error) {
	if asked == nil {
		return nil, nil
	}
	up, err := coreScalingRules(asked.ScaleUp)
	if err != nil {
		return nil, fmt.Errorf("spec.autoscaling.behavior.scaleUp.tolerance: %w", err)
	}
	down, err := coreScalingRules(asked.ScaleDown)
	if err != nil {
		return nil, fmt.Errorf("spec.autoscaling.behavior.scaleDown.tolerance: %w", err)
	}
	return &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: up, ScaleDown: down}, nil
}

func coreScalingRules(asked *v1alpha1.ScalingRules) (*autoscalingv2.HPAScalingRules, error) {
	if asked == nil {
		return nil, nil
	}
	rules := &autoscalingv2.HPAScalingRules{
		StabilizationWindowSeconds: children.ClonePtr(asked.StabilizationWindowSeconds),
		SelectPolicy:               children.ClonePtr(asked.SelectPolicy),
	}
	for _, policy := range asked.Policies {
		rules.Policies = append(rules.Policies, autoscalingv2.HPAScalingPolicy(policy))
	}
	if asked.Tolerance == nil {
		return rules, nil
	}
	tolerance, err := asked.Tolerance.Parse()
	if err != nil {
		return nil, err
	}
	rules.Tolerance = &tolerance
	return rules, nil
}
