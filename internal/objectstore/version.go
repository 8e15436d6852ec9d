// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"context"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"
)

// version is the ETag of a listed object or, from a store that lists none, the time at which it was written.
func version(object *blob.ListObject) string {
	var inS3 types.Object
	var inAzure container.BlobItem
	switch {
	case object.As(&inS3) && aws.ToString(inS3.ETag) != "":
		return *inS3.ETag
	case object.As(&inAzure) && inAzure.Properties != nil && inAzure.Properties.ETag != nil:
		return string(*inAzure.Properties.ETag)
	}
	return object.ModTime.UTC().Format(time.RFC3339Nano)
}

// checkMD5 drops the sums of objects that S3 has encrypted with keys of a key service, or of the caller's own: their ETags
// look like sums of the content and aren't. A listing doesn't say it, so one object stands for all. Where it can't be
// looked at, nothing is known of any.
func (b *Bucket) checkMD5(ctx context.Context, objects []Object) {
	i := slices.IndexFunc(objects, func(o Object) bool { return len(o.MD5) > 0 })
	var client *s3.Client
	if i < 0 || !b.bucket.As(&client) {
		return
	}
	if one, err := b.Stat(ctx, objects[i].Name); err == nil && len(one.MD5) > 0 {
		return
	}
	for i := range objects {
		objects[i].MD5 = nil
	}
}

func hidesSum(head *s3.HeadObjectOutput) bool {
	switch head.ServerSideEncryption {
	case types.ServerSideEncryptionAwsKms, types.ServerSideEncryptionAwsKmsDsse:
		return true
	default:
		return aws.ToString(head.SSECustomerAlgorithm) != ""
	}
}
