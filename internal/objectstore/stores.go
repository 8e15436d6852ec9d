// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcp"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// errNoCredentials says that neither a folder nor the SDK has any.
var errNoCredentials = errors.New("there are no credentials")

// fallbackRegion is what stores that have no regions are told.
const fallbackRegion = "us-east-1"

func openS3(ctx context.Context, name string, parameters url.Values, access contract.Access) (*blob.Bucket, error) {
	// The SDK's own kind of client, so that AWS_CA_BUNDLE of the environment counts where there is no other bundle.
	client := awshttp.NewBuildableClient()
	configure, err := transportOption(access.CABundle)
	if err != nil {
		return nil, err
	}
	client = client.WithTransportOptions(configure)
	options := []func(*awsconfig.LoadOptions) error{
		awsconfig.WithHTTPClient(client),
		awsconfig.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
		awsconfig.WithLogger(logging.Nop{}), // its lines would stand between those of a log in JSON
	}
	if access.Credentials != "" {
		keys, err := readKeys(access.Credentials, s3Keys...)
		if err != nil {
			return nil, err
		}
		if keys[0] == "" || keys[1] == "" {
			return nil, fmt.Errorf("%w: the Secret must have the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", ErrCredentials)
		}
		options = append(options, awsconfig.WithCredentialsProvider(awscredentials.NewStaticCredentialsProvider(keys[0], keys[1], keys[2])))
	}
	if region := parameters.Get("region"); region != "" {
		options = append(options, awsconfig.WithRegion(region))
	}
	config, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	pathStyle, err := boolParameter(parameters, "use_path_style")
	if err != nil {
		return nil, err
	}
	endpoint := parameters.Get("endpoint")
	if config.Region == "" {
		config.Region = fallbackRegion
	}
	config.Credentials = knownCredentials{config.Credentials}
	return s3blob.OpenBucket(ctx, s3.NewFromConfig(config, func(o *s3.Options) {
		o.UsePathStyle = pathStyle
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
			// Not every store that speaks S3 knows the newer checksums; what is written is read back and hashed.
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	}), name, nil)
}

// knownCredentials says by an error of our own that there are no credentials.
type knownCredentials struct{ aws.CredentialsProvider }

// Retrieve implements aws.CredentialsProvider.
func (k knownCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	credentials, err := k.CredentialsProvider.Retrieve(ctx)
	if err != nil && ctx.Err() == nil {
		err = errNoCredentials
	}
	return credentials, err
}

func openGS(ctx context.Context, name string, _ url.Values, access contract.Access) (*blob.Bucket, error) {
	client, err := googleClient(ctx, access)
	if err != nil {
		return nil, err
	}
	opened, err := gcsblob.OpenBucket(ctx, client, name, nil)
	if err != nil {
		return nil, err
	}
	var sdk *storage.Client
	if opened.As(&sdk) {
		sdk.SetRetry(storage.WithPolicy(storage.RetryNever))
	}
	return opened, nil
}

// googleClient returns a client that shows a token with each request. It trusts those that give tokens as it does the store.
func googleClient(ctx context.Context, access contract.Access) (*gcp.HTTPClient, error) {
	client, err := httpClient(access.CABundle)
	if err != nil {
		return nil, err
	}
	const scope = "https://www.googleapis.com/auth/devstorage.read_write"
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
	var found *google.Credentials
	if access.Credentials != "" {
		keys, err := readKeys(access.Credentials, gsKeys...)
		if err != nil {
			return nil, err
		}
		if found, err = google.CredentialsFromJSONWithType(ctx, []byte(keys[0]), google.ServiceAccount, scope); err != nil {
			return nil, fmt.Errorf("%w: key GOOGLE_APPLICATION_CREDENTIALS of the Secret must hold the JSON key of a service account", ErrCredentials)
		}
	} else if found, err = google.FindDefaultCredentials(ctx, scope); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrCredentials, remedyNone)
	}
	return gcp.NewHTTPClient(client.Transport, gcp.CredentialsTokenSource(found))
}

func openAzblob(ctx context.Context, name string, parameters url.Values, access contract.Access) (*blob.Bucket, error) {
	client, err := httpClient(access.CABundle)
	if err != nil {
		return nil, err
	}
	keys, err := readKeys(access.Credentials, azblobKeys...)
	if err != nil {
		return nil, err
	}
	options := azureblob.NewDefaultServiceURLOptions() // of the environment
	set := func(field *string, value string) {
		if value != "" {
			*field = value
		}
	}
	key := keys[1]
	switch {
	case access.Credentials == "":
		key = os.Getenv("AZURE_STORAGE_KEY")
	case key == "" && keys[2] == "":
		return nil, fmt.Errorf("%w: the Secret must have the key AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN", ErrCredentials)
	}
	set(&options.AccountName, keys[0])
	set(&options.SASToken, keys[2])
	set(&options.AccountName, parameters.Get("storage_account"))
	set(&options.StorageDomain, parameters.Get("domain"))
	set(&options.Protocol, parameters.Get("protocol"))
	service, err := azureblob.NewServiceURL(options)
	switch {
	case options.AccountName == "":
		return nil, fmt.Errorf("%w: name the storage account by AZURE_STORAGE_ACCOUNT in the Secret or ?storage_account= in the URI", ErrConfig)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	address, err := url.JoinPath(string(service), name)
	if err != nil {
		return nil, fmt.Errorf("%w: the address of the container can't be made", ErrConfig)
	}
	opened, err := azureContainer(address, options, key, client)
	if err != nil {
		return nil, err
	}
	return azureblob.OpenBucket(ctx, opened, nil)
}

// azureContainer opens a container by a key, a shared access signature or the identity that the pod has.
func azureContainer(address string, service *azureblob.ServiceURLOptions, key string, client *http.Client) (*container.Client, error) {
	options := &container.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: -1}}}
	switch {
	case key != "":
		shared, err := container.NewSharedKeyCredential(service.AccountName, key)
		if err != nil {
			return nil, fmt.Errorf("%w: AZURE_STORAGE_KEY of the Secret is no key of a storage account", ErrCredentials)
		}
		return container.NewClientWithSharedKeyCredential(address, shared, options)
	case service.SASToken != "":
		return container.NewClientWithNoCredential(address, options)
	default:
		identity, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options.ClientOptions})
		if err != nil {
			return nil, fmt.Errorf("%w: %s", ErrCredentials, remedyNone)
		}
		return container.NewClient(address, identity, options)
	}
}

func boolParameter(parameters url.Values, name string) (bool, error) {
	text := parameters.Get(name)
	if text == "" {
		return false, nil
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%w: parameter %s is %q: use true or false", ErrConfig, name, text)
	}
	return value, nil
}
