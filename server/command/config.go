// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// source says where a command's configuration and result go.
type source struct {
	configFile     string
	terminationLog string
}

func (s *source) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.configFile, "config", "", "JSON `file` with the configuration. Defaults to the environment variable "+contract.ConfigEnv+".")
	cmd.Flags().StringVar(&s.terminationLog, "termination-log", "",
		"Result `file`. Defaults to "+contract.TerminationLog+" if the configuration comes from the environment, else to none.")
}

// read decodes the configuration, if there is any, over the defaults that config holds.
func (s *source) read(config any) error {
	var data []byte
	if s.configFile != "" {
		var err error
		if data, err = os.ReadFile(s.configFile); err != nil {
			return err
		}
	} else if env, ok := os.LookupEnv(contract.ConfigEnv); ok {
		data = []byte(env)
		if s.terminationLog == "" {
			s.terminationLog = contract.TerminationLog
		}
	} else {
		return nil
	}
	return contract.DecodeConfig(data, config)
}

// writeResult leaves a result for the kubelet to read, if that is wanted.
func (s *source) writeResult(data []byte) error {
	if s.terminationLog == "" {
		return nil
	}
	if err := os.WriteFile(s.terminationLog, data, 0o644); err != nil { //nolint:gosec // the kubelet reads it
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
