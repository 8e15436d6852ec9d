// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"encoding/base64"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// azureContainerOf makes a container and returns a shared access signature for it.
func azureContainerOf(t *testing.T, server *peers.Azure, name string) (signature string) {
	t.Helper()
	key, err := container.NewSharedKeyCredential(server.Account, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	client, err := container.NewClientWithSharedKeyCredential("http://"+server.Address+"/"+server.Account+"/"+name, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	signed, err := client.GetSASURL(sas.ContainerPermissions{Read: true, Add: true, Create: true, Write: true, Delete: true, List: true}, time.Now().Add(time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, signature, _ = strings.Cut(signed, "?")
	return signature
}

func TestObjectsOfAzure(t *testing.T) {
	server := peers.StartAzure(t)
	t.Setenv("AZURE_STORAGE_IS_LOCAL_EMULATOR", "true")
	signature := azureContainerOf(t, server, "models")
	uri := "azblob://models/team/a?" + url.Values{"protocol": {"http"}, "domain": {server.Address}}.Encode()
	ways := map[string]func(t *testing.T) string{
		"key": func(t *testing.T) string {
			return peers.KeyFolder(t, map[string]string{"AZURE_STORAGE_ACCOUNT": server.Account, "AZURE_STORAGE_KEY": server.Key + "\n"})
		},
		"signature": func(t *testing.T) string {
			return peers.KeyFolder(t, map[string]string{"AZURE_STORAGE_ACCOUNT": server.Account, "AZURE_STORAGE_SAS_TOKEN": signature})
		},
		"environment": func(t *testing.T) string {
			t.Setenv("AZURE_STORAGE_ACCOUNT", server.Account)
			t.Setenv("AZURE_STORAGE_KEY", server.Key)
			return ""
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			bucket := opened(t, uri, way(t))
			if err := put(t, bucket, name, true, []byte("model")); err != nil {
				t.Fatal(err)
			}
			if err := put(t, bucket, name, true, []byte("other")); !errors.Is(err, ErrExists) {
				t.Errorf("a new object in the place of one that exists: %v", err)
			}
			r, err := bucket.Open(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || string(got) != "model" {
				t.Errorf("read %q, error %v", got, err)
			}
			if objects, err := bucket.List(t.Context(), name, 10); err != nil || len(objects) != 1 || objects[0].Name != name {
				t.Errorf("listed %+v, error %v", objects, err)
			}
			for range 2 {
				if err := bucket.Remove(t.Context(), name); err != nil {
					t.Error(err)
				}
			}
			if _, err := bucket.Open(t.Context(), name); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoBucket) {
				t.Errorf("error %v for an object that was removed", err)
			}
		})
	}
}

func TestWhatIsWrongWithAzure(t *testing.T) {
	server := peers.StartAzure(t)
	t.Setenv("AZURE_STORAGE_IS_LOCAL_EMULATOR", "true")
	azureContainerOf(t, server, "models")
	const wrong = "wr0ng-wr0ng-wr0ng"
	keys := map[string]string{"AZURE_STORAGE_ACCOUNT": server.Account, "AZURE_STORAGE_KEY": server.Key}
	cases := map[string]struct {
		container string
		keys      map[string]string
		want      error
		wantText  string
	}{
		"no container":  {"nothing", keys, ErrNoBucket, "create it"},
		"no object":     {"models", keys, ErrNotFound, "check the path"},
		"a wrong key":   {"models", map[string]string{"AZURE_STORAGE_ACCOUNT": server.Account, "AZURE_STORAGE_KEY": base64.StdEncoding.EncodeToString([]byte(wrong))}, ErrCredentials, "check the Secret"},
		"no key at all": {"models", map[string]string{"AZURE_STORAGE_ACCOUNT": server.Account}, ErrCredentials, "AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN"},
		"not a key":     {"models", map[string]string{"AZURE_STORAGE_ACCOUNT": server.Account, "AZURE_STORAGE_KEY": wrong}, ErrCredentials, "AZURE_STORAGE_KEY"},
		"no account":    {"models", map[string]string{"AZURE_STORAGE_KEY": server.Key}, ErrConfig, "?storage_account="},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			uri := "azblob://" + tc.container + "/a?" + url.Values{"protocol": {"http"}, "domain": {server.Address}}.Encode()
			bucket, err := Open(t.Context(), uri, contract.Access{Credentials: peers.KeyFolder(t, tc.keys)})
			if err == nil {
				_, err = bucket.Open(t.Context(), "object")
			}
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.wantText) || strings.Contains(err.Error(), wrong) {
				t.Errorf("error %v, want %v that says %q", err, tc.want, tc.wantText)
			}
		})
	}
}
