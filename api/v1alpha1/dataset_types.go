// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Dataset is where the samples come from, how they are split and augmented.
// +kubebuilder:validation:XValidation:rule="[has(self.pvc), has(self.uri), has(self.dvc), has(self.generated)].exists_one(set, set)",message="dataset must name exactly one source: set one of pvc, uri, dvc, generated"
// +kubebuilder:validation:XValidation:rule="has(self.uri) || !has(self.secretRef) && !has(self.caBundle)",message="dataset.secretRef and dataset.caBundle are for dataset.uri: remove them, or put them into dataset.dvc"
// +kubebuilder:validation:XValidation:rule="!has(self.generated) || !has(self.labels)",message="dataset.labels is for a folder or an archive; generated pictures have their labels: remove it"
// +kubebuilder:validation:XValidation:rule="!has(self.generated) && !has(self.labels) || !has(self.split) || !has(self.split.folders)",message="dataset.split.folders divides class folders; generated pictures are divided by percentages, and a manifest by its column: remove it"
// +kubebuilder:validation:XValidation:rule="has(self.uri) || has(self.dvc) || !has(self.cache)",message="dataset.cache is for what is fetched, by dataset.uri or dataset.dvc; no other source needs it: remove it"
// +kubebuilder:validation:MinProperties=1
type Dataset struct {
	// pvc is a volume with a folder of class folders.
	// +optional
	PVC *DatasetPVC `json:"pvc,omitempty"`
	// uri is a folder of class folders in an object store, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or azblob://CONTAINER/PREFIX,
	// or an archive (zip, tar, tar.gz, tar.zst) there or at https://HOST/PATH. An s3 uri may end in ?region=REGION or
	// ?endpoint=https://HOST&use_path_style=true.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^(s3|gs|azblob|https)://[^/?#[:space:]]+(/[^#[:space:]]*)?([?][^#[:space:]]*)?$')",message="uri must begin with s3://, gs://, azblob:// or https:// and hold no spaces, such as s3://datasets/pets"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[a-z0-9]+://[^/?]*@')",message="uri must hold no user name and no password: put them into the Secret of dataset.secretRef"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https:[^?]*[?]')",message="an https uri must have no query, which may hold a token: put a token into the Secret of dataset.secretRef"
	// +optional
	URI string `json:"uri,omitempty"`
	// secretRef is a Secret with the credentials for uri, in the keys that docs/data.md lists. Left out, the pod's own identity
	// counts.
	// +optional
	SecretRef SecretReference `json:"secretRef,omitzero"`
	// caBundle are authorities to trust besides the public ones.
	// +optional
	CABundle CABundle `json:"caBundle,omitzero"`
	// dvc is a dataset that DVC keeps beside a Git repository.
	// +optional
	DVC *DatasetDVC `json:"dvc,omitempty"`
	// cache is where fetched files are kept for restarts and for other runs that name the same volume. Left out, that is the
	// pod's scratch space, without a bound.
	// +optional
	Cache DatasetCache `json:"cache,omitzero"`
	// generated are synthetic pictures, for demonstrations and tests.
	// +optional
	Generated *GeneratedDataset `json:"generated,omitempty"`
	// labels is a manifest that says what each image shows, and may divide them. Left out, the names of the folders do.
	// +optional
	Labels DatasetLabels `json:"labels,omitzero"`
	// maxInvalidPercent is how many of the files that should be images may be broken, empty or no images, in percent; they are
	// left out. A run with more has Failed with reason TooManyInvalidFiles.
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	MaxInvalidPercent *int32 `json:"maxInvalidPercent,omitempty"`
	// split is what is held out of training. A folder that is split already keeps
	// its parts.
	// +kubebuilder:default={}
	// +optional
	Split Split `json:"split,omitzero"`
	// augmentation changes training samples at random.
	// +kubebuilder:default={}
	// +optional
	Augmentation Augmentation `json:"augmentation,omitzero"`
}

// DatasetCache is where fetched files of a dataset are kept.
type DatasetCache struct {
	// pvc is a volume for them, in a folder .cache in its root, which runs may share. Left out, it is the pod's scratch space.
	// +optional
	PVC OutputPVC `json:"pvc,omitzero"`
	// sizeLimit is how much the files may take together, a quantity from 1Mi to 1000T, such as 20Gi. The least recently used go
	// first. Without a pvc, that much ephemeral-storage is requested.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{1,12}([.][0-9]{1,3})?(k|M|G|T|Ki|Mi|Gi|Ti)?$') && quantity(self).compareTo(quantity('1Mi')) >= 0 && quantity(self).compareTo(quantity('1000T')) <= 0",message="sizeLimit must be a quantity from 1Mi to 1000T, such as 20Gi"
	// +required
	SizeLimit Amount `json:"sizeLimit,omitempty"`
}

// DatasetPVC is a folder of class folders in a volume.
type DatasetPVC struct {
	// claimName is a PersistentVolumeClaim of the namespace. It is mounted read-only.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="claimName must be lower-case letters and digits, with '-' and '.' between, such as models"
	// +required
	ClaimName string `json:"claimName,omitempty"`
	// path is the folder in the volume, relative to its root. Left out, it is the root.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.split('/').exists(p, p == '..')",message="path must be relative to the volume's root and must not contain '..', such as pets/raw"
	// +optional
	Path string `json:"path,omitempty"`
}

// DatasetLabels is a manifest of a dataset: a table with a row for each image, in CSV, separated by commas, semicolons or
// tabs, or in JSON Lines. A column gives each image's path, relative to the dataset's folder, and one its label; another may give
// its part of the split, train, val or test.
type DatasetLabels struct {
	// file is the manifest's path within the dataset, such as labels.csv.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.split('/').exists(p, p == '..')",message="file must be relative to the dataset's folder and must not contain '..', such as labels.csv"
	// +required
	File string `json:"file,omitempty"`
	// pathColumn is the column, or the key, of the images' paths. Left out, it is one named as path, file or filename, or the
	// first.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	PathColumn string `json:"pathColumn,omitempty"`
	// labelColumn is that of their labels. Left out, it is one named label, class, category or target, or the second.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	LabelColumn string `json:"labelColumn,omitempty"`
	// splitColumn is that of their parts. Left out, it is one named split, subset or partition, or the third, if there is one.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	SplitColumn string `json:"splitColumn,omitempty"`
}

// DatasetDVC is a folder of class folders that DVC keeps beside a Git repository, at one revision of it.
type DatasetDVC struct {
	// repo is the Git repository: https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^((https|ssh)://[^/?#[:space:]]+/[^?#[:space:]]+|[-._a-zA-Z0-9]+@[-._a-zA-Z0-9]+:[^?#[:space:]]+)$')",message="repo must be https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH, without a query and spaces, such as https://git.example/team/pets.git"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^(https://[^/]*@|ssh://[^/@]*:[^/]*@)')",message="repo must hold no password, and an https one no user name: put them into the Secret of dataset.dvc.secretRef"
	// +required
	Repo string `json:"repo,omitempty"`
	// rev is a branch, a tag or all 40 digits of a commit. Left out, it is the default branch. The commit is in status.lineage.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^-[:space:]~^:?*[][^[:space:]~^:?*[]*$')",message="rev must be the name of a branch or a tag, or a commit, such as v1.2"
	// +optional
	Rev string `json:"rev,omitempty"`
	// path is the folder, or one file, that DVC keeps, relative to the repository's root. Left out, it is all that DVC keeps.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.split('/').exists(p, p == '..')",message="path must be relative to the repository's root and must not contain '..', such as data/raw"
	// +optional
	Path string `json:"path,omitempty"`
	// remote is the name of DVC's remote to fetch from. Left out, it is the one that the repository's configuration names.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="remote must be the name of a remote: letters, digits, '-', '_' and '.', such as storage"
	// +optional
	Remote string `json:"remote,omitempty"`
	// secretRef is a Secret with the credentials for the repository and the remote, in the keys that docs/data.md lists. Left
	// out, the pod's own identity counts.
	// +optional
	SecretRef SecretReference `json:"secretRef,omitzero"`
	// caBundle are authorities to trust besides the public ones.
	// +optional
	CABundle CABundle `json:"caBundle,omitzero"`
}

// GeneratedDataset are synthetic pictures, drawn by the runner.
type GeneratedDataset struct {
	// samplesPerClass is how many pictures are drawn of each class.
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=100000
	// +required
	SamplesPerClass int32 `json:"samplesPerClass,omitempty"`
	// classes are what is drawn.
	// +listType=set
	// +kubebuilder:validation:MinItems=2
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:Enum=cat;dog
	// +kubebuilder:default={cat,dog}
	// +optional
	Classes []string `json:"classes,omitempty"`
	// seed makes the same pictures again.
	// +kubebuilder:default=1
	// +optional
	Seed *int64 `json:"seed,omitempty"`
	// labelNoisePercent is the share of samples, in percent, whose label is drawn at random.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	LabelNoisePercent *int32 `json:"labelNoisePercent,omitempty"`
}

// Split is the share of samples that are held out of training. It is stratified,
// and samples of the same content are never on two sides of it. In a folder that is
// split already, into train, val and test, it holds for the parts that are missing.
// +kubebuilder:validation:XValidation:rule="self.?validationPercent.orValue(10) + self.?testPercent.orValue(10) <= 90",message="split must leave at least 10 percent for training: lower validationPercent or testPercent"
type Split struct {
	// validationPercent is the share, in percent, that chooses the best epoch.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=80
	// +optional
	ValidationPercent int32 `json:"validationPercent,omitempty"`
	// testPercent is the share, in percent, that the metrics are measured on.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=80
	// +optional
	TestPercent int32 `json:"testPercent,omitempty"`
	// seed makes the same split again.
	// +kubebuilder:default=42
	// +optional
	Seed *int64 `json:"seed,omitempty"`
	// folders are the parts of a dataset that is divided already. Left out, folders that are named as parts are, such as train
	// and val, are the parts.
	// +optional
	Folders SplitFolders `json:"folders,omitzero"`
}

// SplitFolders are the folders of a dataset's parts, each with class folders, by their paths within the dataset. What lies beside
// them is left out.
// +kubebuilder:validation:XValidation:rule="([self.train] + (has(self.validation) ? [self.validation] : []) + (has(self.test) ? [self.test] : [])).all(a, ([self.train] + (has(self.validation) ? [self.validation] : []) + (has(self.test) ? [self.test] : [])).exists_one(b, (b + '/').startsWith(a + '/')))",message="folders must name a folder of its own for each part, none within another"
type SplitFolders struct {
	// train is the folder of the images to train on.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.split('/').exists(p, p == '..')",message="train must be relative to the dataset's folder and must not contain '..', such as train"
	// +required
	Train string `json:"train,omitempty"`
	// validation is that of the images that choose the best epoch. Left out, they are divided from those of train.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.split('/').exists(p, p == '..')",message="validation must be relative to the dataset's folder and must not contain '..', such as val"
	// +optional
	Validation string `json:"validation,omitempty"`
	// test is that of the images that the metrics are measured on. Left out, they are divided from those of train.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.split('/').exists(p, p == '..')",message="test must be relative to the dataset's folder and must not contain '..', such as test"
	// +optional
	Test string `json:"test,omitempty"`
}

// Augmentation changes training samples at random, with the meaning of
// torchvision's RandomRotation, RandomHorizontalFlip and ColorJitter.
type Augmentation struct {
	// rotationDegrees is the largest rotation to either side, in degrees.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=180
	// +optional
	RotationDegrees *int32 `json:"rotationDegrees,omitempty"`
	// horizontalFlip mirrors samples at random, half of them on average.
	// +kubebuilder:default=Enabled
	// +optional
	HorizontalFlip SwitchState `json:"horizontalFlip,omitempty"`
	// brightness is the largest relative change, a decimal from 0 to 1.
	// +kubebuilder:default="0"
	// +optional
	Brightness Fraction `json:"brightness,omitempty"`
	// contrast is the largest relative change, a decimal from 0 to 1.
	// +kubebuilder:default="0"
	// +optional
	Contrast Fraction `json:"contrast,omitempty"`
	// saturation is the largest relative change, a decimal from 0 to 1.
	// +kubebuilder:default="0"
	// +optional
	Saturation Fraction `json:"saturation,omitempty"`
	// randomResizedCrop scales a random part of each sample to imageSize. Left out, samples are whole.
	// +optional
	RandomResizedCrop RandomResizedCrop `json:"randomResizedCrop,omitzero"`
	// randomErasing replaces a random part of some samples by the mean color. Left out, nothing is erased.
	// +optional
	RandomErasing RandomErasing `json:"randomErasing,omitzero"`
	// mixUp mixes the samples of a batch, and their labels, in pairs. Left out, they are not mixed.
	// +optional
	MixUp MixUp `json:"mixUp,omitzero"`
}

// MixUp is torchvision's: a share of each sample is its own, and the rest that before it in the batch.
type MixUp struct {
	// alpha is both parameters of the beta distribution from which each batch's share is drawn, a decimal from 0.01 to 10,
	// such as "0.2".
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{1,2}([.][0-9]{1,6})?$') && double(self) >= 0.01 && double(self) <= 10.0",message="alpha must be a decimal from 0.01 to 10 in quotes, such as \"0.2\""
	// +kubebuilder:validation:MinLength=1
	// +required
	Alpha Decimal `json:"alpha,omitempty"`
}

// RandomResizedCrop is torchvision's, of images that were scaled to imageSize.
// +kubebuilder:validation:XValidation:rule="0.0 < double(self.minScale) && double(self.minScale) <= double(self.?maxScale.orValue('1'))",message="randomResizedCrop.minScale must be above 0 and at most maxScale"
// +kubebuilder:validation:XValidation:rule="double(self.?minRatio.orValue('0.75')) <= double(self.?maxRatio.orValue('1.3333'))",message="randomResizedCrop.minRatio must be at most maxRatio, set both"
type RandomResizedCrop struct {
	// minScale is the least share of the image's area, a decimal above 0, at most 1, such as "0.25".
	// +kubebuilder:validation:MinLength=1
	// +required
	MinScale Fraction `json:"minScale,omitempty"`
	// maxScale is the greatest. Left out, it is 1.
	// +optional
	MaxScale Fraction `json:"maxScale,omitempty"`
	// minRatio is the least ratio of width to height. Left out, it is 3/4.
	// +optional
	MinRatio Ratio `json:"minRatio,omitempty"`
	// maxRatio is the greatest. Left out, it is 4/3.
	// +optional
	MaxRatio Ratio `json:"maxRatio,omitempty"`
}

// RandomErasing is torchvision's, after normalization and with value 0.
// +kubebuilder:validation:XValidation:rule="double(self.probability) > 0.0 && double(self.?minScale.orValue('0.02')) > 0.0",message="randomErasing.probability and minScale must be above 0"
// +kubebuilder:validation:XValidation:rule="double(self.?minScale.orValue('0.02')) <= double(self.?maxScale.orValue('0.33'))",message="randomErasing.minScale must be at most maxScale, set both"
// +kubebuilder:validation:XValidation:rule="double(self.?minRatio.orValue('0.3')) <= double(self.?maxRatio.orValue('3.3'))",message="randomErasing.minRatio must be at most maxRatio, set both"
type RandomErasing struct {
	// probability is the share of samples that lose a part, a decimal above 0, at most 1, such as "0.5".
	// +kubebuilder:validation:MinLength=1
	// +required
	Probability Fraction `json:"probability,omitempty"`
	// minScale is the least share of the image's area. Left out, it is 0.02.
	// +optional
	MinScale Fraction `json:"minScale,omitempty"`
	// maxScale is the greatest. Left out, it is 0.33.
	// +optional
	MaxScale Fraction `json:"maxScale,omitempty"`
	// minRatio is the least ratio of height to width. Left out, it is 0.3.
	// +optional
	MinRatio Ratio `json:"minRatio,omitempty"`
	// maxRatio is the greatest. Left out, it is 3.3.
	// +optional
	MaxRatio Ratio `json:"maxRatio,omitempty"`
}
