// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/cluster"
)

// Servers is a check that every ModelServer that was Ready before is Ready after. One that its owner removes meanwhile isn't missed.
type Servers struct {
	Cluster *cluster.Cluster
	// Settle is how long a server has to become Ready again.
	Settle time.Duration

	ready map[client.ObjectKey]bool
}

// Name says what is checked.
func (s *Servers) Name() string { return "what was served before is served" }

// Before notes which servers are Ready. A cluster without the kind has none.
func (s *Servers) Before(ctx context.Context) error {
	all := &v1alpha1.ModelServerList{}
	if err := s.Cluster.Client.List(ctx, all); err != nil && !meta.IsNoMatchError(err) && !apierrors.IsNotFound(err) {
		return err
	}
	s.ready = readyOf(all.Items)
	return nil
}

// After waits until all of them are Ready, and names those that don't get so.
func (s *Servers) After(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.Settle)
	defer cancel()
	for {
		all := &v1alpha1.ModelServerList{}
		if err := s.Cluster.Client.List(ctx, all); err != nil {
			return err
		}
		lost := lostOf(s.ready, all.Items)
		if len(lost) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("were Ready before the deployment and aren't: %s", strings.Join(lost, "; "))
		case <-time.After(pollInterval):
		}
	}
}

// readyOf are the servers that are Ready.
func readyOf(servers []v1alpha1.ModelServer) map[client.ObjectKey]bool {
	ready := map[client.ObjectKey]bool{}
	for _, s := range servers {
		if meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ReadyCondition) {
			ready[client.ObjectKeyFromObject(&s)] = true
		}
	}
	return ready
}

// lostOf are servers that were Ready and are there without being so, each with what it says of it.
func lostOf(before map[client.ObjectKey]bool, servers []v1alpha1.ModelServer) []string {
	lost := map[string]string{}
	for _, s := range servers {
		condition := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ReadyCondition)
		if key := client.ObjectKeyFromObject(&s); before[key] && !meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ReadyCondition) {
			message := "it has no condition Ready"
			if condition != nil {
				message = condition.Message
			}
			lost[key.String()] = "ModelServer " + key.String() + ": " + message
		}
	}
	var sorted []string
	for _, key := range slices.Sorted(maps.Keys(lost)) {
		sorted = append(sorted, lost[key])
	}
	return sorted
}
