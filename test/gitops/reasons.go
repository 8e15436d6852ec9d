// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"slices"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// ofReady says how Argo CD shows an object by the reason of its Ready condition. It is written by hand, so that a reason
// that is new has to be thought of here.
var ofReady = map[string]map[string]string{
	"TrainingRun": {
		v1alpha1.PendingReason:             Progressing,
		v1alpha1.TrainingReason:            Progressing,
		v1alpha1.WaitingForDeletionReason:  Progressing,
		v1alpha1.ImagePullBackOffReason:    Progressing,
		v1alpha1.UnschedulableReason:       Progressing,
		v1alpha1.NodeNotReadyReason:        Progressing,
		v1alpha1.VolumeUnavailableReason:   Progressing,
		v1alpha1.SuspendedReason:           Suspended,
		v1alpha1.ModelPublishedReason:      Healthy,
		v1alpha1.InvalidSpecReason:         Degraded,
		v1alpha1.DefaultsInvalidReason:     Degraded,
		v1alpha1.NameConflictReason:        Degraded,
		v1alpha1.ConfigInvalidReason:       Degraded,
		v1alpha1.LossDivergedReason:        Degraded,
		v1alpha1.DatasetNotFoundReason:     Degraded,
		v1alpha1.DatasetInvalidReason:      Degraded,
		v1alpha1.TooManyInvalidFilesReason: Degraded,
		v1alpha1.CredentialsInvalidReason:  Degraded,
		v1alpha1.SourceUnreachableReason:   Degraded,
		v1alpha1.GateNotMetReason:          Degraded,
		v1alpha1.NodeLostReason:            Degraded,
		v1alpha1.OOMKilledReason:           Degraded,
		v1alpha1.DeadlineExceededReason:    Degraded,
		v1alpha1.ResultMissingReason:       Degraded,
		v1alpha1.ArtifactInvalidReason:     Degraded,
		v1alpha1.RunnerFailedReason:        Degraded,
	},
	"ModelServer": {
		v1alpha1.PendingReason:                  Progressing,
		v1alpha1.StartingReason:                 Progressing,
		v1alpha1.SmokingReason:                  Progressing,
		v1alpha1.BakingReason:                   Progressing,
		v1alpha1.RollbackBlockedReason:          Progressing,
		v1alpha1.UnavailableReason:              Progressing,
		v1alpha1.ProgressDeadlineExceededReason: Progressing,
		v1alpha1.WaitingForDeletionReason:       Progressing,
		v1alpha1.ImagePullBackOffReason:         Progressing,
		v1alpha1.UnschedulableReason:            Progressing,
		v1alpha1.NodeNotReadyReason:             Progressing,
		v1alpha1.VolumeUnavailableReason:        Progressing,
		v1alpha1.SourceUnreachableReason:        Progressing,
		v1alpha1.CredentialsInvalidReason:       Progressing,
		v1alpha1.OOMKilledReason:                Progressing,
		v1alpha1.TrainingRunNotFoundReason:      Progressing,
		v1alpha1.TrainingRunNotCompleteReason:   Progressing,
		v1alpha1.ClassesNotFoundReason:          Progressing,
		v1alpha1.AwaitingPromotionReason:        Suspended,
		v1alpha1.PausedReason:                   Suspended,
		v1alpha1.ServingReason:                  Healthy,
		v1alpha1.InvalidSpecReason:              Degraded,
		v1alpha1.DefaultsInvalidReason:          Degraded,
		v1alpha1.NameConflictReason:             Degraded,
		v1alpha1.SmokeFailedReason:              Degraded,
		v1alpha1.BakeFailedReason:               Degraded,
		v1alpha1.GateNotMetReason:               Degraded,
		v1alpha1.NoBetterThanChanceReason:       Degraded,
		v1alpha1.ModelInvalidReason:             Degraded,
		v1alpha1.AbortedReason:                  Degraded,
		v1alpha1.TrainingRunFailedReason:        Degraded,
		v1alpha1.ArtifactMissingReason:          Degraded,
		v1alpha1.ClassesInvalidReason:           Degraded,
	},
}

// healing are reasons with which an object may also be Progressing, by kind: their cause may go while a pod waits. Whether it
// may, kstatus tells as well.
var healing = map[string][]string{"TrainingRun": {v1alpha1.CredentialsInvalidReason}}

// ofOthers are reasons of other conditions alone, by kind and condition. They change nothing about an object's health.
var ofOthers = map[string]map[string][]string{
	"TrainingRun": {
		v1alpha1.SuspendedCondition: {v1alpha1.ResumedReason, v1alpha1.RunEndedReason},
		v1alpha1.TrackedCondition:   {v1alpha1.RecordedReason, v1alpha1.TrackerUnavailableReason, v1alpha1.TrackerRejectedReason},
		v1alpha1.PrunedCondition: {
			v1alpha1.PruningReason, v1alpha1.PrunedReason, v1alpha1.InUseReason, v1alpha1.PruneFailedReason,
		},
	},
	"ModelServer": {
		v1alpha1.ModelResolvedCondition: {v1alpha1.ResolvedReason, v1alpha1.NewerRunRejectedReason},
		v1alpha1.AvailableCondition: {
			v1alpha1.MinimumReplicasAvailableReason, v1alpha1.MinimumReplicasUnavailableReason, v1alpha1.NoLiveRevisionReason,
		},
		v1alpha1.ScalingActiveCondition: {
			v1alpha1.MetricsAvailableReason, v1alpha1.MetricsPendingReason, v1alpha1.MetricsUnavailableReason, v1alpha1.AutoscalerConflictReason,
		},
		v1alpha1.RequestRefusedCondition: {v1alpha1.PromotionRefusedReason, v1alpha1.RejectionRefusedReason},
	},
}

func keyOf(kind, condition, reason string) string { return kind + "/" + condition + "/" + reason }

// reasons are all that are known, as kind/condition/reason.
func reasons() []string {
	var all []string
	for kind, healths := range ofReady {
		for reason := range healths {
			all = append(all, keyOf(kind, v1alpha1.ReadyCondition, reason))
		}
	}
	for kind, conditions := range ofOthers {
		for condition, reasons := range conditions {
			for _, reason := range reasons {
				all = append(all, keyOf(kind, condition, reason))
			}
		}
	}
	slices.Sort(all)
	return all
}
