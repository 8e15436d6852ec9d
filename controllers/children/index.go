// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// IndexByLabel indexes the objects of a type in the cache by the value of a label, so that
// an owner's are found without a look at every object of its namespace.
func IndexByLabel(indexer client.FieldIndexer, object client.Object, index, label string) error {
	err := indexer.IndexField(context.Background(), object, index, func(object client.Object) []string {
		if value, ok := object.GetLabels()[label]; ok {
			return []string{value}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("index %T by label %s: %w", object, label, err)
	}
	return nil
}
