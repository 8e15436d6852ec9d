// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package volume is the cluster's storage: a few volumes on each node's disk that wait for claims and are
// wiped when their claim has gone, and one that shows a folder of the machine read-only.
package volume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
)

const (
	// Class is the default StorageClass.
	Class = "local"
	// DataName is the name of the read-only volume and of its storage class.
	DataName = "trainyard-data"

	// sourceAnnotation names the folder of the machine that the read-only volume shows.
	sourceAnnotation = "trainyard.dev/source"

	// capacity is nominal: nothing limits what a pod writes but the disk.
	capacity = "10Gi"
	// every is how long a volume waits at most to be made or wiped.
	every = time.Second
)

// Keeper makes the local volumes and wipes those that are released.
type Keeper struct {
	// Client of the cluster.
	Client kubernetes.Interface
	// Dir holds a folder for each volume.
	Dir string
	// Nodes that have volumes.
	Nodes []config.Node
}

// Run keeps the volumes until the context ends. An error is logged and tried again.
func (k *Keeper) Run(ctx context.Context) {
	for tick := time.NewTicker(every); ; {
		if err := k.sync(ctx); err != nil && ctx.Err() == nil {
			slog.Error("Cannot keep the volumes, will try again", "err", err)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// sync makes what is missing and begins or ends the wiping of what is released.
func (k *Keeper) sync(ctx context.Context) error {
	list, err := k.Client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	found := map[string]corev1.PersistentVolume{}
	for _, pv := range list.Items {
		found[pv.Name] = pv
	}
	for _, node := range k.Nodes {
		for _, name := range Names(node) {
			pv, ok := found[name]
			switch {
			case !ok:
				err = errors.Join(err, k.make(ctx, name, node))
			case released(&pv):
				err = errors.Join(err, k.delete(ctx, &pv))
			}
		}
	}
	if pv, ok := found[DataName]; ok && released(&pv) {
		err = errors.Join(err, free(ctx, k.Client))
	}
	return err
}

// Names returns the names of a node's local volumes.
func Names(node config.Node) []string {
	out := make([]string, 0, config.Volumes)
	for i := range config.Volumes {
		out = append(out, fmt.Sprintf("local-%02d", node.Index*config.Volumes+i))
	}
	return out
}

func released(pv *corev1.PersistentVolume) bool {
	return pv.DeletionTimestamp == nil &&
		slices.Contains([]corev1.PersistentVolumePhase{corev1.VolumeReleased, corev1.VolumeFailed}, pv.Status.Phase)
}

// make empties the volume's folder and makes the volume. Only a volume that does not exist is emptied: no
// pod can be using it.
func (k *Keeper) make(ctx context.Context, name string, node config.Node) error {
	dir := filepath.Join(k.Dir, name)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("wipe volume %s: %w", name, err)
	}
	// The folder is root's, as on a real disk: a pod of another user has to ask for its group (fsGroup).
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make volume %s: %w", name, err)
	}
	_, err := k.Client.CoreV1().PersistentVolumes().Create(ctx, localVolume(name, dir, node.Name()), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make volume %s: %w", name, err)
	}
	return nil
}

func (k *Keeper) delete(ctx context.Context, pv *corev1.PersistentVolume) error {
	err := k.Client.CoreV1().PersistentVolumes().Delete(ctx, pv.Name, *metav1.NewPreconditionDeleteOptions(string(pv.UID)))
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete volume %s: %w", pv.Name, err)
	}
	return nil
}

func localVolume(name, dir, node string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName:              Class,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(capacity)},
			AccessModes:                   []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce, corev1.ReadOnlyMany, corev1.ReadWriteMany},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				Local: &corev1.LocalVolumeSource{Path: dir},
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{
					Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node},
				}}}},
			}},
		},
	}
}

// dataVolume is of the kind hostPath, because the kubelet never changes the owner of such a volume's files:
// they are the user's.
func dataVolume(dir, source string) *corev1.PersistentVolume {
	kind := corev1.HostPathDirectory
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: DataName, Annotations: map[string]string{sourceAnnotation: source}},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName:              DataName,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(capacity)},
			AccessModes:                   []corev1.PersistentVolumeAccessMode{corev1.ReadOnlyMany},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: dir, Type: &kind},
			},
		},
	}
}

// DataSource returns the folder that the read-only volume shows, or nothing if there is no such volume.
func DataSource(ctx context.Context, client kubernetes.Interface) (string, error) {
	pv, err := client.CoreV1().PersistentVolumes().Get(ctx, DataName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return pv.Annotations[sourceAnnotation], nil
}

// ApplyData makes the read-only volume over a folder of every node, or records a new source of it.
func ApplyData(ctx context.Context, client kubernetes.Interface, dir, source string) error {
	pvs := client.CoreV1().PersistentVolumes()
	_, err := pvs.Create(ctx, dataVolume(dir, source), metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		pv, err := pvs.Get(ctx, DataName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		metav1.SetMetaDataAnnotation(&pv.ObjectMeta, sourceAnnotation, source)
		_, err = pvs.Update(ctx, pv, metav1.UpdateOptions{})
		return err
	})
}

// free makes the read-only volume available to the next claim.
func free(ctx context.Context, client kubernetes.Interface) error {
	pvs := client.CoreV1().PersistentVolumes()
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		pv, err := pvs.Get(ctx, DataName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		pv.Spec.ClaimRef = nil
		_, err = pvs.Update(ctx, pv, metav1.UpdateOptions{})
		return err
	})
}
