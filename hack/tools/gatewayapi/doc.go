// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package gatewayapi names the version of the Gateway API whose kinds the sample of an HTTPRoute is held to.
package gatewayapi

import _ "sigs.k8s.io/gateway-api/apis/v1" // its module has the CustomResourceDefinitions
