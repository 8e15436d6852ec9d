// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
	"github.com/trainyard-dev/trainyard/internal/plugin/status"
)

// Epoch is a point of a run's curves.
type Epoch struct {
	Number             int     `json:"number"`
	TrainLoss          float64 `json:"trainLoss"`
	ValidationLoss     float64 `json:"validationLoss"`
	TrainAccuracy      float64 `json:"trainAccuracy"`
	ValidationAccuracy float64 `json:"validationAccuracy"`
}

// maxLogBytes bounds what is read of a pod's log. An epoch is a line of 300 bytes.
const maxLogBytes = 4 << 20

// readCurve reads a run's epochs out of the logs of its pods. A run that was interrupted goes on in another pod.
func readCurve(ctx context.Context, c *cluster.Cluster, pods []status.Pod) (curve []Epoch, unread []string, err error) {
	epochs := map[int]Epoch{}
	for _, pod := range pods {
		log, err := c.Clientset.CoreV1().Pods(c.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
			Container: contract.RunnerContainer, LimitBytes: ptr.To[int64](maxLogBytes),
		}).DoRaw(ctx)
		switch {
		case apierrors.IsForbidden(err):
			return nil, []string{fmt.Sprintf("curves: you may not read the logs of pods in namespace %s", c.Namespace)}, nil
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case err != nil: // the pod is gone, or has no log yet
			continue
		}
		for _, epoch := range epochsIn(log) {
			epochs[epoch.Number] = epoch
		}
	}
	return slices.SortedFunc(maps.Values(epochs), func(a, b Epoch) int { return cmp.Compare(a.Number, b.Number) }), nil, nil
}

// epochsIn reads the epochs in a runner's log: of each line of JSON that says how one ended.
func epochsIn(log []byte) []Epoch {
	var epochs []Epoch
	lines := bufio.NewScanner(bytes.NewReader(log))
	lines.Buffer(nil, maxLogBytes)
	for lines.Scan() {
		var line struct {
			Message string `json:"msg"`
			Epoch
		}
		var of int
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue
		}
		if n, _ := fmt.Sscanf(line.Message, "Epoch %d of %d", &line.Number, &of); n == 2 {
			epochs = append(epochs, line.Epoch)
		}
	}
	return epochs
}
