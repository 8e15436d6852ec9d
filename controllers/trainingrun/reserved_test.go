// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"testing"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/crd"
)

// The API server refuses a user's volume that would be one of the runner's own.
func TestOwnVolumesAreReserved(t *testing.T) {
	names, err := crd.Refused("trainingruns", "podTemplate.volumes[].name")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := crd.Refused("trainingruns", "podTemplate.volumeMounts[].mountPath")
	if err != nil {
		t.Fatal(err)
	}
	claims := makeRun().DataPVC("photos", "raw").Obj()
	claims.Spec.Output.Checkpoints.PVC.ClaimName = "checkpoints"
	bucket := fromBucket("key")
	bucket.Spec.Dataset.CABundle.ConfigMapRef = v1alpha1.CABundleReference{Name: "ca", Key: "ca.crt"}
	bucket.Spec.Dataset.Cache = v1alpha1.DatasetCache{PVC: v1alpha1.OutputPVC{ClaimName: "cache"}, SizeLimit: "1Gi"}
	seen := 0
	for _, run := range []*v1alpha1.TrainingRun{claims, bucket} {
		pod := mustJob(t, run).Spec.Template.Spec
		for _, volume := range pod.Volumes {
			if seen++; !names.MatchString(volume.Name) {
				t.Errorf("a user may have a volume %s", volume.Name)
			}
		}
		for _, mount := range pod.Containers[0].VolumeMounts {
			for _, path := range []string{mount.MountPath, mount.MountPath + "/below"} {
				if !paths.MatchString(path) {
					t.Errorf("a user may mount a volume at %s", path)
				}
			}
		}
	}
	if seen < 9 {
		t.Errorf("the runs have %d volumes, want all kinds", seen)
	}
	for _, path := range []string{"/etc/settings", "/models", "/database", "/home/x"} {
		if paths.MatchString(path) {
			t.Errorf("a user may not mount a volume at %s", path)
		}
	}
}
