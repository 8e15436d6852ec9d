// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// The types of a pod's fields are Trainyard's own where core/v1 has no bounds: they
// have core/v1's fields and JSON, and whatever the schema accepts is decoded in no time.

// PodTemplate is what a user may change of the pods that Trainyard makes.
// +kubebuilder:validation:XValidation:rule="!has(self.volumeMounts) || has(self.volumes) && self.volumeMounts.all(m, self.volumes.exists(v, v.name == m.name))",message="volumeMounts must name volumes of the same pod template: add the volume, or correct the mount's name"
type PodTemplate struct {
	// labels are additional labels of the pods that train or serve.
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.size() <= 317 && self[k].size() <= 63)",message="labels must have keys of at most 317 characters and values of at most 63"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.matches('^(([^/]+[.])?trainyard[.]dev/|batch[.]kubernetes[.]io/|app[.]kubernetes[.]io/(managed-by|component)$|(pod-template-hash|job-name|controller-uid)$)'))",message="labels must not set what pods are selected by (trainyard.dev/, batch.kubernetes.io/, app.kubernetes.io/managed-by and component, pod-template-hash, job-name, controller-uid): choose another key"
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// annotations are additional annotations of all pods, with keys and values of at most 16384 characters together.
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.matches('^([^/]+[.])?trainyard[.]dev/'))",message="annotations must not begin with trainyard.dev/: they are Trainyard's own; choose another key"
	// +kubebuilder:validation:XValidation:rule="self.map(k, k.size() + self[k].size()).sum() <= 16384",message="annotations must not hold more than 16384 characters together: shorten them"
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// resources are the container's compute resources. What is left out of requests
	// gets a default that fits the namespace's LimitRanges; there is no default limit.
	// +optional
	Resources ResourceRequirements `json:"resources,omitzero"`
	// env are additional environment variables of the container, with values of at most 32768 characters together.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(e, !e.name.startsWith('TRAINYARD_'))",message="env must not set names that start with TRAINYARD_: they are Trainyard's own; choose another name"
	// +kubebuilder:validation:XValidation:rule="self.map(e, e.?value.orValue('').size()).sum() <= 32768",message="env must not hold values of more than 32768 characters together: keep them in a ConfigMap or Secret and refer to it by valueFrom"
	// +optional
	Env []EnvVar `json:"env,omitempty"`
	// nodeSelector are labels that a node must have.
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.size() <= 317 && self[k].size() <= 63)",message="nodeSelector must hold labels: keys of at most 317 characters and values of at most 63"
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// tolerations are the taints that the pods tolerate.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Tolerations []Toleration `json:"tolerations,omitempty"`
	// affinity prefers or excludes nodes: nodeAffinity, podAffinity and podAntiAffinity as in core/v1, at most 8192
	// characters of JSON. Pods of tests keep to nodeAffinity.
	// +kubebuilder:validation:MaxProperties=3
	// +optional
	Affinity CoreObject `json:"affinity,omitempty"`
	// topologySpreadConstraints spread the pods that train or serve, each as in core/v1, at most 8192 characters of JSON.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +optional
	TopologySpreadConstraints []CoreObject `json:"topologySpreadConstraints,omitempty"`
	// priorityClassName is the pods' PriorityClass.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// runtimeClassName is the pods' RuntimeClass.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	RuntimeClassName string `json:"runtimeClassName,omitempty"`
	// serviceAccountName is the pods' ServiceAccount, which clouds know them by. Its token is not mounted.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// imagePullSecrets are Secrets to pull the pods' images with.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	// +optional
	ImagePullSecrets []SecretReference `json:"imagePullSecrets,omitempty"`
	// securityContext is whom the pods run as. What is left out is user and group 65532; pods never run as root.
	// +optional
	SecurityContext PodSecurityContext `json:"securityContext,omitzero"`
	// terminationGracePeriodSeconds is how long the container may take to end: to write a checkpoint, or to finish
	// requests. Left out, it is 60 for a run and 45 for a server.
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=3600
	// +optional
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`
	// volumes are additional volumes of the pods that train or serve. What fetches models has those of ConfigMaps and Secrets too.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Volumes []Volume `json:"volumes,omitempty"`
	// volumeMounts are where volumes are mounted into the container.
	// +listType=map
	// +listMapKey=mountPath
	// +kubebuilder:validation:MaxItems=32
	// +optional
	VolumeMounts []VolumeMount `json:"volumeMounts,omitempty"`
}

// PodSecurityContext is whom a pod runs as, as in core/v1 except what restricted Pod Security prescribes.
// +kubebuilder:validation:MinProperties=1
type PodSecurityContext struct {
	// runAsUser is the containers' user.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	// +optional
	RunAsUser *int64 `json:"runAsUser,omitempty"`
	// runAsGroup is their group.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	// +optional
	RunAsGroup *int64 `json:"runAsGroup,omitempty"`
	// fsGroup is the group that volumes are made writable for.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	// +optional
	FSGroup *int64 `json:"fsGroup,omitempty"`
	// fsGroupChangePolicy is when volumes are given to fsGroup. Left out, it is OnRootMismatch.
	// +kubebuilder:validation:Enum=OnRootMismatch;Always
	// +optional
	FSGroupChangePolicy string `json:"fsGroupChangePolicy,omitempty"`
	// supplementalGroups are further groups.
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:Minimum=0
	// +kubebuilder:validation:items:Maximum=2147483647
	// +optional
	SupplementalGroups []int64 `json:"supplementalGroups,omitempty"`
	// seLinuxOptions are the containers' SELinux labels.
	// +optional
	SELinuxOptions SELinuxOptions `json:"seLinuxOptions,omitzero"`
}

// SELinuxOptions are SELinux labels.
type SELinuxOptions struct {
	// level is the level, such as s0:c123,c456.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +required
	Level string `json:"level,omitempty"`
}

// ResourceList is what is asked of each resource, such as cpu and memory.
// +kubebuilder:validation:MaxProperties=4
// +kubebuilder:validation:XValidation:rule="self.all(k, k.size() <= 317)",message="resources must have names of at most 317 characters, such as cpu, memory or ephemeral-storage"
type ResourceList map[corev1.ResourceName]Quantity

// ResourceRequirements are a container's compute resources. Quantities with an exponent,
// such as 1e3, are refused.
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || self.requests.all(k, type(self.requests[k]) == int || (!string(self.requests[k]).matches('[eE].*[0-9]') && isQuantity(string(self.requests[k]))))",message="resources.requests must hold quantities such as 500m or 1Gi"
// +kubebuilder:validation:XValidation:rule="!has(self.limits) || self.limits.all(k, type(self.limits[k]) == int || (!string(self.limits[k]).matches('[eE].*[0-9]') && isQuantity(string(self.limits[k]))))",message="resources.limits must hold quantities such as 2 or 4Gi"
type ResourceRequirements struct {
	// requests is what the scheduler reserves.
	// +optional
	Requests ResourceList `json:"requests,omitempty"`
	// limits is what the container may not exceed.
	// +optional
	Limits ResourceList `json:"limits,omitempty"`
}

// EnvVar is an environment variable, as in core/v1.
type EnvVar struct {
	// name is the variable's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +required
	Name string `json:"name,omitempty"`
	// value is the variable's value. $(NAME) stands for the value of a variable before this one.
	// +kubebuilder:validation:MaxLength=16384
	// +optional
	Value string `json:"value,omitempty"`
	// valueFrom is where the value comes from, if it isn't set here.
	// +optional
	ValueFrom *EnvVarSource `json:"valueFrom,omitempty"`
}

// EnvVarSource is where the value of an environment variable comes from, as in core/v1.
type EnvVarSource struct {
	// fieldRef is a field of the pod.
	// +optional
	FieldRef *ObjectFieldSelector `json:"fieldRef,omitempty"`
	// resourceFieldRef is a resource of the container.
	// +optional
	ResourceFieldRef *ResourceFieldSelector `json:"resourceFieldRef,omitempty"`
	// configMapKeyRef is a key of a ConfigMap.
	// +optional
	ConfigMapKeyRef *KeySelector `json:"configMapKeyRef,omitempty"`
	// secretKeyRef is a key of a Secret.
	// +optional
	SecretKeyRef *KeySelector `json:"secretKeyRef,omitempty"`
	// fileKeyRef is a key of an env file.
	// +optional
	FileKeyRef *FileKeySelector `json:"fileKeyRef,omitempty"`
}

// ObjectFieldSelector is a field of the pod, as in core/v1.
// +structType=atomic
type ObjectFieldSelector struct {
	// apiVersion is the version that fieldPath is written in, by default v1.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
	// fieldPath is the field, such as metadata.name or status.podIP.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +required
	FieldPath string `json:"fieldPath,omitempty"`
}

// ResourceFieldSelector is a resource of the container, as in core/v1.
// +structType=atomic
type ResourceFieldSelector struct {
	// containerName is the container; left out, it is the one whose variable this is.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	ContainerName string `json:"containerName,omitempty"`
	// resource is the resource, such as limits.cpu or requests.memory.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +required
	Resource string `json:"resource,omitempty"`
	// divisor is the unit that the value is given in, by default 1.
	// +optional
	Divisor Quantity `json:"divisor"`
}

// KeySelector is a key of a ConfigMap or Secret in the object's namespace, as in core/v1.
// +structType=atomic
type KeySelector struct {
	// name is the ConfigMap's or Secret's name.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Name string `json:"name,omitempty"`
	// key is the key.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Key string `json:"key,omitempty"`
	// optional lets the pod start without it.
	// +optional
	Optional *bool `json:"optional,omitempty"`
}

// FileKeySelector is a key of an env file, as in core/v1.
// +structType=atomic
type FileKeySelector struct {
	// volumeName is the volume with the file.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	VolumeName string `json:"volumeName,omitempty"`
	// path is the file in the volume.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required
	Path string `json:"path,omitempty"`
	// key is the key in the file.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Key string `json:"key,omitempty"`
	// optional lets the pod start without it.
	// +kubebuilder:default=false
	// +optional
	Optional *bool `json:"optional,omitempty"`
}

// Toleration is a taint that the pods tolerate, as in core/v1.
type Toleration struct {
	// key is the taint's key. Left out, it is any.
	// +kubebuilder:validation:MaxLength=317
	// +optional
	Key string `json:"key,omitempty"`
	// operator is how key and value relate, by default Equal.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Operator string `json:"operator,omitempty"`
	// value is the taint's value.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Value string `json:"value,omitempty"`
	// effect is the taint's effect. Left out, it is any.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Effect string `json:"effect,omitempty"`
	// tolerationSeconds is how long a taint NoExecute is tolerated, in seconds; left out, for ever.
	// +optional
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"`
}
