// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// ClassesSource is where the names of a model's classes are.
// +kubebuilder:validation:MinProperties=1
type ClassesSource struct {
	// configMapKeyRef is a key of a ConfigMap: a name a line, or JSON, a list of names or an object of names by index, such as
	// imagenet_class_index.json. Other names are another revision, which is rolled out within a minute.
	// +optional
	ConfigMapKeyRef ClassesReference `json:"configMapKeyRef,omitzero"`
}

// ClassesReference names a key of a ConfigMap in the same namespace.
type ClassesReference struct {
	// name is the ConfigMap's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be lower-case letters and digits, with '-' and '.' between, such as imagenet"
	// +required
	Name string `json:"name,omitempty"`
	// key is the key that holds the names.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="key must be letters, digits, '-', '_' and '.', such as classes.txt"
	// +required
	Key string `json:"key,omitempty"`
}

// ResizeRule is how a picture is brought to a square.
// +kubebuilder:validation:Enum=Crop;Stretch
type ResizeRule string

// Interpolation is the filter that a picture is resized by.
// +kubebuilder:validation:Enum=Bilinear;Bicubic
type Interpolation string

// ChannelLayout is the order of the dimensions of a network's input.
// +kubebuilder:validation:Enum=NCHW;NHWC
type ChannelLayout string

// ChannelOrder is the order of the colors of a network's input.
// +kubebuilder:validation:Enum=RGB;BGR
type ChannelOrder string

// ModelInput is how a picture becomes a network's input: (pixel × scale - mean) / std, of pixels from 0 to 255. What is left
// out is read from the model file or, where that doesn't say it, assumed as docs/server.md says. Where any of scale, mean and
// std is given, the others are 1/255, 0 and 1.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.shorterSide) || !has(self.resize) || self.resize == 'Crop'",message="input.shorterSide is for input.resize Crop: remove it, or set resize to Crop"
// +kubebuilder:validation:XValidation:rule="!has(self.shorterSide) || !has(self.size) || self.shorterSide >= self.size",message="input.shorterSide must not be below input.size: the square is cut out of what it is resized to"
type ModelInput struct {
	// size is the side of the square that the network takes, in pixels.
	// +kubebuilder:validation:Minimum=8
	// +kubebuilder:validation:Maximum=1024
	// +optional
	Size int32 `json:"size,omitempty"`
	// resize is Stretch, which resizes to the square whatever the aspect ratio, or Crop, which resizes the shorter side and
	// cuts the square out of the middle.
	// +optional
	Resize ResizeRule `json:"resize,omitempty"`
	// shorterSide is the shorter side, in pixels, before Crop cuts.
	// +kubebuilder:validation:Minimum=8
	// +kubebuilder:validation:Maximum=2048
	// +optional
	ShorterSide int32 `json:"shorterSide,omitempty"`
	// interpolation is Bilinear or Bicubic. Left out, it is Bilinear.
	// +optional
	Interpolation Interpolation `json:"interpolation,omitempty"`
	// layout is NCHW, as PyTorch has it, or NHWC, as Keras does.
	// +optional
	Layout ChannelLayout `json:"layout,omitempty"`
	// channelOrder is RGB or BGR.
	// +optional
	ChannelOrder ChannelOrder `json:"channelOrder,omitempty"`
	// scale multiplies pixels: a decimal, or one divided by a decimal.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=24
	// +kubebuilder:validation:XValidation:rule="self.matches('^(1/)?[0-9]{1,6}([.][0-9]{1,15})?$') && !self.matches('^(1/)?[0.]+$')",message="scale must be a decimal above 0, or one divided by it, in quotes, such as \"1/127.5\""
	// +optional
	Scale string `json:"scale,omitempty"`
	// mean is subtracted: a decimal for each channel in channelOrder, or one for all.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self.size() != 2 && self.all(x, x.matches('^-?[0-9]{1,3}([.][0-9]{1,12})?$'))",message="mean must be one decimal, or three, in quotes, such as [\"0.485\", \"0.456\", \"0.406\"]"
	// +optional
	Mean []string `json:"mean,omitempty"`
	// std divides: a decimal above 0 for each channel in channelOrder, or one for all.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.size() != 2 && self.all(x, x.matches('^[0-9]{1,3}([.][0-9]{1,12})?$') && x.matches('[1-9]'))",message="std must be one decimal above 0, or three, in quotes, such as [\"0.229\", \"0.224\", \"0.225\"]"
	// +optional
	Std []string `json:"std,omitempty"`
}

// OutputType is what a network yields.
// +kubebuilder:validation:Enum=Logits;Probabilities;LogProbabilities;Sigmoid;Logit
type OutputType string

// The values of an OutputType.
const (
	LogitsOutput           OutputType = "Logits"
	ProbabilitiesOutput    OutputType = "Probabilities"
	LogProbabilitiesOutput OutputType = "LogProbabilities"
	SigmoidOutput          OutputType = "Sigmoid"
	LogitOutput            OutputType = "Logit"
)

// ModelOutput is what a network yields. What is left out is found out.
// +kubebuilder:validation:MinProperties=1
type ModelOutput struct {
	// type is Logits, a number per class; Probabilities, as after Softmax; LogProbabilities, their natural logarithms; Sigmoid,
	// the probability of the second of two classes; or Logit, that before its sigmoid.
	// +optional
	Type OutputType `json:"type,omitempty"`
	// name is the output that has a number for each class, of a network with several.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Name string `json:"name,omitempty"`
}

// SmokeSamples are labeled pictures by which the quality of candidates is judged.
// +kubebuilder:validation:XValidation:rule="[has(self.uri), has(self.pvc)].exists_one(set, set)",message="samples must name exactly one place: set one of uri, pvc"
// +kubebuilder:validation:XValidation:rule="has(self.uri) == has(self.sha256)",message="samples.uri and samples.sha256 go together: a file is fetched by its digest, a folder in a PersistentVolumeClaim has none"
// +kubebuilder:validation:XValidation:rule="has(self.uri) || !has(self.secretRef) && !has(self.caBundle)",message="samples.secretRef and samples.caBundle are for samples.uri: remove them, a PersistentVolumeClaim needs neither"
// +kubebuilder:validation:MinProperties=1
type SmokeSamples struct {
	// uri is where a samples.tar is, as a TrainingRun publishes it with its model: s3://BUCKET/KEY, gs://BUCKET/KEY,
	// azblob://CONTAINER/KEY or https://HOST/PATH.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^(s3|gs|azblob|https)://[^/?#[:space:]]+(/[^#[:space:]]*)?$')",message="uri must begin with s3://, gs://, azblob:// or https:// and hold no spaces, such as s3://models/pets/samples.tar"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[a-z0-9]+://[^/?]*@')",message="uri must hold no user name and no password: put them into the Secret of samples.secretRef"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https:[^?]*[?]')",message="an https uri must have no query, which may hold a token: put a token into the Secret of samples.secretRef"
	// +optional
	URI string `json:"uri,omitempty"`
	// sha256 is the SHA-256 of what uri names, 64 hexadecimal digits, as sha256sum prints it.
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{64}$')",message="sha256 must be 64 lower-case hexadecimal digits, as sha256sum prints them"
	// +optional
	SHA256 string `json:"sha256,omitempty"`
	// pvc is a folder of class folders, or a samples.tar, in a volume. Of a folder that is split already the test part is taken,
	// and up to 512 pictures, of each class alike.
	// +optional
	PVC *DatasetPVC `json:"pvc,omitempty"`
	// secretRef is a Secret with the credentials for uri, in the keys that docs/modelserver.md lists.
	// +optional
	SecretRef SecretReference `json:"secretRef,omitzero"`
	// caBundle are authorities to trust besides the public ones.
	// +optional
	CABundle CABundle `json:"caBundle,omitzero"`
}
