// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var (
	at      = wrappers.At
	testNow = wrappers.T0.Add(time.Hour)
)

func terminatedContainer(reason string, code int32, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: "runner",
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			Reason: reason, ExitCode: code, Message: message, FinishedAt: at(60),
		}},
	}
}
