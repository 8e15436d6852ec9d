// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// ServedModel is what to serve.
// +kubebuilder:validation:XValidation:rule="[has(self.trainingRunRef), has(self.trainingRunSelector), has(self.source)].exists_one(set, set)",message="model must name exactly one model: set one of trainingRunRef, trainingRunSelector, source"
// +kubebuilder:validation:MinProperties=1
type ServedModel struct {
	// trainingRunRef is a TrainingRun in the same namespace; its model is served once it is Complete.
	// +optional
	TrainingRunRef TrainingRunReference `json:"trainingRunRef,omitzero"`
	// trainingRunSelector selects TrainingRuns in the same namespace by their labels. The model of the newest Complete one is
	// served that meets promotion.gates, is better than guessing and wasn't rejected: a retraining needs no edit here.
	// +optional
	TrainingRunSelector TrainingRunSelector `json:"trainingRunSelector,omitzero"`
	// source is a model file that lies elsewhere.
	// +optional
	Source *ModelSource `json:"source,omitempty"`
}

// ModelSource is a model file, pinned by its digest.
// +kubebuilder:validation:XValidation:rule="[has(self.uri), has(self.pvc)].exists_one(set, set)",message="source must name exactly one place: set one of uri, pvc"
// +kubebuilder:validation:XValidation:rule="has(self.uri) || !has(self.secretRef) && !has(self.caBundle)",message="source.secretRef and source.caBundle are for source.uri: remove them, a PersistentVolumeClaim needs neither"
// +kubebuilder:validation:XValidation:rule="!has(self.classes) || !has(self.classesFrom)",message="source.classes and source.classesFrom both name the classes: remove one"
type ModelSource struct {
	// uri is where the model file is: s3://BUCKET/KEY, gs://BUCKET/KEY, azblob://CONTAINER/KEY, https://HOST/PATH, or an OCI
	// artifact, oci://REGISTRY/REPOSITORY:TAG or @DIGEST. Each pod fetches it before its server starts.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^(s3|gs|azblob|https|oci)://[^/?#[:space:]]+(/[^#[:space:]]*)?$')",message="uri must begin with s3://, gs://, azblob://, https:// or oci:// and hold no spaces, such as s3://models/pets/model.onnx"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[a-z0-9]+://[^/?]*@')",message="uri must hold no user name and no password: put them into the Secret of source.secretRef"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https:[^?]*[?]')",message="an https uri must have no query, which may hold a token: put a token into the Secret of source.secretRef"
	// +optional
	URI string `json:"uri,omitempty"`
	// pvc is a model file in a volume.
	// +optional
	PVC ModelPVC `json:"pvc,omitzero"`
	// sha256 is the model file's SHA-256, 64 hexadecimal digits, as sha256sum prints it. Only a file of this digest is served;
	// another digest is another revision.
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{64}$')",message="sha256 must be 64 lower-case hexadecimal digits, as sha256sum prints them"
	// +required
	SHA256 string `json:"sha256,omitempty"`
	// secretRef is a Secret with the credentials for uri, in the keys that docs/modelserver.md lists. Left out, the pod's
	// own identity counts, or the place needs none.
	// +optional
	SecretRef SecretReference `json:"secretRef,omitzero"`
	// caBundle are authorities to trust besides the public ones.
	// +optional
	CABundle CABundle `json:"caBundle,omitzero"`
	// classes are the names of the classes in the order of the network's numbers. Left out, as classesFrom, the model file
	// says them.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=2
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=100
	// +optional
	Classes []string `json:"classes,omitempty"`
	// classesFrom is where the names of more classes are, up to 100 kB of them.
	// +optional
	ClassesFrom ClassesSource `json:"classesFrom,omitzero"`
	// input is how a picture becomes the network's input.
	// +optional
	Input ModelInput `json:"input,omitzero"`
	// output is what the network yields.
	// +optional
	Output ModelOutput `json:"output,omitzero"`
}

// ModelPVC is a model file in a volume.
type ModelPVC struct {
	// claimName is the PersistentVolumeClaim in the server's namespace. It is mounted read-only.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="claimName must be lower-case letters and digits, with '-' and '.' between, such as models"
	// +required
	ClaimName string `json:"claimName,omitempty"`
	// path is the model file in the volume, relative to its root.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.endsWith('/') && !self.split('/').exists(p, p == '..' || p == '.' || p == '')",message="path must be a file relative to the volume's root, without empty parts, '.' and '..', such as pets/model.onnx"
	// +required
	Path string `json:"path,omitempty"`
}

// TrainingRunReference names a TrainingRun in the same namespace.
type TrainingRunReference struct {
	// name is the TrainingRun's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +required
	Name string `json:"name,omitempty"`
}
