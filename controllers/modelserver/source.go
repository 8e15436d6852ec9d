// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// A pod finds a file of a model in a claim, which it mounts, or outside the cluster: then an init container fetches the
// file into a volume of the pod, verified by its digest, before anything that needs it starts.

// resolveSource describes the model that a spec names by where it is.
func resolveSource(source *v1alpha1.ModelSource) *revisionInfo {
	uri := source.URI
	if uri == "" {
		uri = contract.PVCURI(source.PVC.ClaimName, source.PVC.Path)
	}
	return &revisionInfo{
		Model:  v1alpha1.RevisionModel{URI: uri, SHA256: source.SHA256},
		Access: children.Access{SecretRef: source.SecretRef, CABundle: source.CABundle},
	}
}

// checkURI checks where a file of a model is said to be: a TrainingRun's status says what its image reported.
func checkURI(uri string) error {
	if contract.IsPVCURI(uri) {
		_, _, err := contract.ParsePVCURI(uri)
		return err
	}
	return contract.CheckRemoteURI(uri)
}

// wantedFile is a file that a container is to find below a folder.
type wantedFile struct {
	uri, sha256 string
	access      children.Access
	// dir is where the file's volume is mounted.
	dir string
	// name is what the file is called where it is fetched to.
	name string
	// volume names that volume; container and purpose the init container that fetches the file, and its credentials.
	volume, container, purpose string
}

// modelFile is the model of a revision, for its server.
func modelFile(info revisionInfo) wantedFile {
	return wantedFile{
		uri: info.Model.URI, sha256: info.Model.SHA256, access: info.Access, dir: contract.ModelMount,
		name: contract.ModelFile, volume: modelVolume, container: contract.PullContainer, purpose: contract.PurposeModel,
	}
}

// modelSamples are the samples of a revision under test, liveSamples those of the one that it is compared with.
func modelSamples(info revisionInfo) wantedFile {
	file := modelFile(info)
	file.uri, file.sha256, file.name = info.Samples.URI, info.Samples.SHA256, contract.SamplesFile
	return file
}

func liveSamples(info revisionInfo) wantedFile {
	return wantedFile{
		uri: info.Samples.URI, sha256: info.Samples.SHA256, access: info.Access, dir: contract.LiveMount,
		name: contract.SamplesFile, volume: liveVolume, container: contract.PullLiveContainer, purpose: contract.PurposeLive,
	}
}

// ownSamples are the labeled pictures of the user's own, of which a claim may hold a folder.
func ownSamples(samples *v1alpha1.SmokeSamples) wantedFile {
	return wantedFile{
		uri: samples.URI, sha256: samples.SHA256, access: children.Access{SecretRef: samples.SecretRef, CABundle: samples.CABundle},
		dir: contract.PicturesMount, name: contract.SamplesFile,
		volume: picturesVolume, container: contract.PullPicturesContainer, purpose: contract.PurposePictures,
	}
}

// puller is what init containers that fetch have in common with the pod's own container, and their image.
type puller struct {
	image     string
	env       []corev1.EnvVar      // the user's
	mounts    []corev1.VolumeMount // of the user's ConfigMaps and Secrets, which env may name files of
	resources corev1.ResourceRequirements
}

// supply adds to a pod what a file needs and returns the path at which its first container finds it.
func (p puller) supply(pod *corev1.PodSpec, file wantedFile) (string, error) {
	if contract.IsPVCURI(file.uri) {
		claim, name, err := contract.ParsePVCURI(file.uri)
		if err != nil {
			return "", err
		}
		return file.mount(pod, claim, name), nil
	}
	target := path.Join(file.dir, file.name)
	container, volumes, err := p.initContainer(file, target)
	if err != nil {
		return "", err
	}
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: file.volume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	pod.Volumes = append(pod.Volumes, volumes...)
	pod.InitContainers = append(pod.InitContainers, container)
	mounts := &pod.Containers[0].VolumeMounts
	*mounts = append(*mounts, corev1.VolumeMount{Name: file.volume, MountPath: file.dir, ReadOnly: true})
	return target, nil
}

// mount mounts a claim and returns the path of what lies in it. A claim that the pod has already is mounted once more,
// because the kubelet doesn't mount a claim twice into a pod.
func (f wantedFile) mount(pod *corev1.PodSpec, claim, name string) string {
	volume := f.volume
	if same := children.FindClaim(pod, claim); same != nil {
		volume = same.Name
	} else {
		pod.Volumes = append(pod.Volumes, children.ClaimVolume(volume, claim, true))
	}
	mounts := &pod.Containers[0].VolumeMounts
	*mounts = append(*mounts, corev1.VolumeMount{Name: volume, MountPath: f.dir, ReadOnly: true})
	return path.Join(f.dir, path.Join("/", name))
}

// initContainer builds the container that fetches a file to target, and the volumes that it needs besides the file's own.
func (p puller) initContainer(file wantedFile, target string) (corev1.Container, []corev1.Volume, error) {
	if err := contract.CheckRemoteURI(file.uri); err != nil {
		return corev1.Container{}, nil, err
	}
	config, err := json.Marshal(contract.PullConfig{
		Version: contract.Version, URI: file.uri, Path: target, SHA256: file.sha256, Access: file.access.Contract(file.purpose),
	})
	if err != nil {
		return corev1.Container{}, nil, fmt.Errorf("encode what to fetch: %w", err)
	}
	_, tmpMount := children.TmpVolume()
	volumes, mounts := file.access.Volumes(file.purpose)
	mounts = slices.Concat([]corev1.VolumeMount{tmpMount, {Name: file.volume, MountPath: file.dir}}, mounts, p.mounts)
	return corev1.Container{
		Name:                     file.container,
		Image:                    p.image,
		Args:                     []string{pullCommand},
		Env:                      append([]corev1.EnvVar{{Name: contract.ConfigEnv, Value: string(config)}}, p.env...),
		Resources:                *p.resources.DeepCopy(),
		VolumeMounts:             mounts,
		SecurityContext:          children.RestrictedContainerSecurity(),
		TerminationMessagePath:   contract.TerminationLog,
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}, volumes, nil
}

// pullCommand is the runner's command that fetches a file.
const pullCommand = "pull"

// withoutFile takes from a pod what supply has added to it for a file, and returns what fetched it; nil if nothing did.
func withoutFile(pod *corev1.PodSpec, file wantedFile) *corev1.Container {
	var fetched *corev1.Container
	pod.InitContainers = slices.DeleteFunc(pod.InitContainers, func(c corev1.Container) bool {
		if c.Name == file.container {
			fetched = c.DeepCopy()
		}
		return c.Name == file.container
	})
	volumes, _ := children.Access{
		SecretRef: v1alpha1.SecretReference{Name: "any"},
		CABundle:  v1alpha1.CABundle{SecretRef: v1alpha1.CABundleReference{Name: "any"}},
	}.Volumes(file.purpose)
	volumes = append(volumes, corev1.Volume{Name: file.volume})
	pod.Volumes = slices.DeleteFunc(pod.Volumes, func(v corev1.Volume) bool {
		return slices.ContainsFunc(volumes, func(ours corev1.Volume) bool { return ours.Name == v.Name })
	})
	mounts := &pod.Containers[0].VolumeMounts
	*mounts = slices.DeleteFunc(*mounts, func(m corev1.VolumeMount) bool { return m.MountPath == file.dir })
	return fetched
}
