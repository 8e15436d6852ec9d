// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// stateDisk states the size of the disk that a folder is on as a node's ephemeral-storage. The kubelet, which can't find the
// disk on every machine and is told not to look for it (localStorageCapacityIsolation), states none, and a pod that requests
// some would fit nowhere.
func stateDisk(ctx context.Context, client kubernetes.Interface, node, folder string) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		return fmt.Errorf("size of the disk of %s: %w", folder, err)
	}
	size := fmt.Sprintf(`{"ephemeral-storage":"%d"}`, disk.Blocks*uint64(disk.Bsize))
	patch := fmt.Appendf(nil, `{"status":{"capacity":%s,"allocatable":%s}}`, size, size)
	_, err := client.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}
