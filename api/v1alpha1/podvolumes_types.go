// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Volume is a volume of a pod, as in core/v1.
// +kubebuilder:validation:XValidation:rule="[has(self.configMap), has(self.secret), has(self.persistentVolumeClaim), has(self.emptyDir)].exists_one(set, set)",message="a volume must have exactly one source: set one of configMap, secret, persistentVolumeClaim, emptyDir"
type Volume struct {
	// name is the volume's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="name must be lower-case letters and digits, with '-' between, such as settings"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^(tmp|data|output|checkpoints|cache|model|live|pictures|(credentials|ca)-.*)$')",message="name must not be that of one of Trainyard's own volumes (tmp, data, output, checkpoints, cache, model, live, pictures, credentials-…, ca-…): choose another"
	// +required
	Name string `json:"name,omitempty"`
	// configMap is a ConfigMap with files.
	// +optional
	ConfigMap *ConfigMapVolume `json:"configMap,omitempty"`
	// secret is a Secret with files.
	// +optional
	Secret *SecretVolume `json:"secret,omitempty"`
	// persistentVolumeClaim is a claim.
	// +optional
	PersistentVolumeClaim *ClaimVolume `json:"persistentVolumeClaim,omitempty"`
	// emptyDir is scratch space.
	// +optional
	EmptyDir *EmptyDirVolume `json:"emptyDir,omitempty"`
}

// ConfigMapVolume is a ConfigMap of the namespace, as in core/v1.
type ConfigMapVolume struct {
	// name is the ConfigMap's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
	// items are the keys to mount. Left out, all are.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Items []KeyToPath `json:"items,omitempty"`
	// optional lets the pod start without it.
	// +optional
	Optional *bool `json:"optional,omitempty"`
}

// SecretVolume is a Secret of the namespace, as in core/v1.
type SecretVolume struct {
	// secretName is the Secret's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	SecretName string `json:"secretName,omitempty"`
	// items are the keys to mount. Left out, all are.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Items []KeyToPath `json:"items,omitempty"`
	// optional lets the pod start without it.
	// +optional
	Optional *bool `json:"optional,omitempty"`
}

// KeyToPath is a key and the file that it becomes, as in core/v1.
type KeyToPath struct {
	// key is the key.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Key string `json:"key,omitempty"`
	// path is the file in the volume.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Path string `json:"path,omitempty"`
}

// ClaimVolume is a PersistentVolumeClaim of the namespace, as in core/v1.
type ClaimVolume struct {
	// claimName is the claim's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	ClaimName string `json:"claimName,omitempty"`
	// readOnly mounts it read-only.
	// +optional
	ReadOnly *bool `json:"readOnly,omitempty"`
}

// EmptyDirVolume is scratch space of a pod, as in core/v1.
type EmptyDirVolume struct {
	// medium is Memory for a tmpfs, which counts as the container's memory. Left out, it is the node's disk.
	// +kubebuilder:validation:Enum=Memory
	// +optional
	Medium string `json:"medium,omitempty"`
	// sizeLimit is the most that it may hold.
	// +optional
	SizeLimit Quantity `json:"sizeLimit,omitempty"`
}

// VolumeMount mounts a volume into the container, as in core/v1.
type VolumeMount struct {
	// name is the volume's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name,omitempty"`
	// mountPath is where it is mounted.
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/[^/:[:space:]]+)+$') && !self.matches('/[.][.]?(/|$)')",message="mountPath must be an absolute path such as /etc/settings, without spaces, ':', '.' and '..'"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^/((tmp|data|output|checkpoints|cache|model|live|pictures|dev|proc|sys|etc/trainyard)(/.*)?|etc|runner|server)$')",message="mountPath must not be one of Trainyard's or the system's (/tmp, /data, /output, /checkpoints, /cache, /model, /live, /pictures, /etc, /etc/trainyard, /dev, /proc, /sys, /runner, /server): choose another"
	// +required
	MountPath string `json:"mountPath,omitempty"`
	// subPath is what of the volume is mounted. Left out, all of it is.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	SubPath string `json:"subPath,omitempty"`
	// readOnly mounts it read-only.
	// +optional
	ReadOnly *bool `json:"readOnly,omitempty"`
}
