// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import "sigs.k8s.io/controller-runtime/pkg/cache"

// CachedNamespaces has a cache read the given namespaces, each by itself so that a Role in it suffices; without any, the whole cluster.
func CachedNamespaces(namespaces []string) map[string]cache.Config {
	if len(namespaces) == 0 {
		return nil
	}
	cached := map[string]cache.Config{}
	for _, namespace := range namespaces {
		cached[namespace] = cache.Config{}
	}
	return cached
}
