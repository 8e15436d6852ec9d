// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"errors"
	"fmt"
	"net/http"

	"cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"

	"github.com/trainyard-dev/trainyard/internal/web"
)

// explained is an error of a store with what it means and what to do.
type explained struct {
	what   string // what was tried
	kind   error  // one of the package's errors, or nil
	remedy string
	cause  error // not shown whole: SDKs' errors hold addresses and identifiers of requests
	code   string
}

func (e *explained) Error() string {
	text := e.what + ": "
	if e.kind != nil {
		text += e.kind.Error()
	} else {
		text += "the store didn't do it"
	}
	if e.code != "" {
		text += " (" + e.code + ")"
	}
	if e.remedy != "" {
		text += ": " + e.remedy
	}
	return text
}

func (e *explained) Unwrap() []error {
	if e.kind == nil {
		return []error{e.cause}
	}
	return []error{e.kind, e.cause}
}

// Remedies.
const (
	remedyCredentials = "check the Secret with the credentials, or the identity that the pod has, and what they may do"
	remedyBucket      = "check the bucket's name, and create it if need be"
	remedyObject      = "check the path"
	remedyRegion      = "put the bucket's region into the URI, such as ?region=eu-central-1"
	remedyFull        = "make room, or raise the quota"
	remedyNone        = "give credentials by a Secret, or the pod an identity"
)

// meaning is what a store's code means.
type meaning struct {
	kind   error
	remedy string
}

// meanings are those of S3's and Azure's codes. Stores that speak S3 have codes of their own besides.
var meanings = map[string]meaning{
	"NoSuchBucket":                    {ErrNoBucket, remedyBucket},
	"ContainerNotFound":               {ErrNoBucket, remedyBucket},
	"NoSuchKey":                       {ErrNotFound, remedyObject},
	"NotFound":                        {ErrNotFound, remedyObject},
	"BlobNotFound":                    {ErrNotFound, remedyObject},
	"AccessDenied":                    {ErrCredentials, remedyCredentials},
	"Forbidden":                       {ErrCredentials, remedyCredentials},
	"InvalidAccessKeyId":              {ErrCredentials, remedyCredentials},
	"SignatureDoesNotMatch":           {ErrCredentials, remedyCredentials},
	"ExpiredToken":                    {ErrCredentials, remedyCredentials},
	"InvalidToken":                    {ErrCredentials, remedyCredentials},
	"XAdminUserNotFound":              {ErrCredentials, remedyCredentials}, // versitygw's
	"AuthenticationFailed":            {ErrCredentials, remedyCredentials},
	"AuthorizationFailure":            {ErrCredentials, remedyCredentials},
	"AuthorizationPermissionMismatch": {ErrCredentials, remedyCredentials},
	"PermanentRedirect":               {ErrRegion, remedyRegion},
	"MovedPermanently":                {ErrRegion, remedyRegion},
	"AuthorizationHeaderMalformed":    {ErrRegion, remedyRegion},
	"IllegalLocationConstraint":       {ErrRegion, remedyRegion},
	"PreconditionFailed":              {ErrExists, ""},
	"ConditionalRequestConflict":      {ErrExists, ""},
	"BlobAlreadyExists":               {ErrExists, ""},
	"QuotaExceeded":                   {ErrFull, remedyFull},
	"InsufficientStorage":             {ErrFull, remedyFull},
	"XMinioStorageFull":               {ErrFull, remedyFull},
}

// explain says what an error of a store means; nil stays nil.
func (b *Bucket) explain(what string, err error) error {
	var own *explained
	if err == nil || errors.As(err, &own) {
		return err
	}
	e := &explained{what: what, cause: err}
	var s3 smithy.APIError
	var azure *azcore.ResponseError
	var google *googleapi.Error
	var noIdentity *azidentity.AuthenticationFailedError
	status := 0
	switch {
	case errors.As(err, &azure):
		e.code, status = azure.ErrorCode, azure.StatusCode
	case errors.As(err, &google):
		status = google.Code
	case errors.As(err, &s3):
		e.code = s3.ErrorCode()
	case errors.As(err, &noIdentity):
		e.kind, e.remedy = ErrCredentials, remedyNone
		return e
	case errors.Is(err, errNoCredentials):
		e.kind, e.remedy = ErrCredentials, remedyNone
		return e
	}
	var response *smithyhttp.ResponseError
	if status == 0 && errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	e.kind, e.remedy = meanings[e.code].kind, meanings[e.code].remedy
	switch {
	case errors.Is(err, storage.ErrBucketNotExist): // Google's status says as much of an object
		e.kind, e.remedy = ErrNoBucket, remedyBucket
	case e.kind == nil:
		e.remedy, e.kind = meaningOfStatus(status, gcerrors.Code(err))
	}
	switch {
	case e.kind == nil && e.code == "" && status == 0:
		return fmt.Errorf("%s: %w", what, web.HostOnly(err)) // the network's
	case e.code == "" && status != 0:
		e.code = fmt.Sprintf("status %d", status)
	}
	return e
}

func meaningOfStatus(status int, code gcerrors.ErrorCode) (remedy string, kind error) {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, code == gcerrors.PermissionDenied:
		return remedyCredentials, ErrCredentials
	case status == http.StatusMovedPermanently:
		return remedyRegion, ErrRegion
	case status == http.StatusPreconditionFailed, code == gcerrors.FailedPrecondition:
		return "", ErrExists
	case status == http.StatusInsufficientStorage:
		return remedyFull, ErrFull
	case status == http.StatusNotFound, code == gcerrors.NotFound:
		return remedyObject, ErrNotFound
	default:
		return "", nil
	}
}
