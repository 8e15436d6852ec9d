// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package podstate

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestDescribeLeaving(t *testing.T) {
	cases := map[string]struct {
		deleted   *metav1.Time
		want      string // how the message begins
		wantAgain time.Duration
	}{
		"not deleted yet": {want: `waiting for pod pets-1 of an earlier Job on node n1 to end`},
		"in its grace period": {
			deleted: &metav1.Time{Time: testNow.Add(30 * time.Second)}, want: `waiting for pod pets-1 on node n1 to stop`, wantAgain: leaveGrace,
		},
		"just over": {
			deleted: &metav1.Time{Time: testNow.Add(-50 * time.Second)}, want: `waiting for pod pets-1 on node n1 to stop`, wantAgain: 10 * time.Second,
		},
		"long over": {deleted: &metav1.Time{Time: testNow.Add(-time.Hour)}, want: `pod pets-1 on node n1 should have stopped by 2026-01-02T03:04:05Z; another starts once it is gone. If node n1 is lost`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pets-1", DeletionTimestamp: tc.deleted}, Spec: corev1.PodSpec{NodeName: "n1"}}
			message, again := DescribeLeaving(pod, testNow)
			if !strings.HasPrefix(message, tc.want) || again != tc.wantAgain {
				t.Errorf("describeLeaving = %q, %s; want %q, %s", message, again, tc.want, tc.wantAgain)
			}
		})
	}
}
