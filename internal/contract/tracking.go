// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"errors"
	"net/url"
	"path"
)

// Tracking names where a run is recorded besides its output.
type Tracking struct {
	MLflow *MLflow `json:"mlflow,omitempty"`
	// DeadlineSeconds is how long the run may take, from the start of its Job: its end waits for no server past that. 0: no bound.
	DeadlineSeconds int64 `json:"deadlineSeconds,omitempty"`
}

// MLflow is a tracking server of MLflow, 2 or 3, and what a run is called there.
type MLflow struct {
	// URI is the server's http:// or https:// address.
	URI string `json:"uri"`
	// Experiment is made if it doesn't exist. Empty: that which MLflow calls Default.
	Experiment string `json:"experiment,omitempty"`
	// RunName is what the run is called there. Empty: Run.Name.
	RunName string `json:"runName,omitempty"`
	// Tags are added to the runner's own, which begin with MLflowTagPrefix.
	Tags map[string]string `json:"tags,omitempty"`
	// RegisteredModel is what the model becomes a version of, if it passes its gates. Empty: of none.
	RegisteredModel string `json:"registeredModel,omitempty"`
	// Workspace is the server's, if it has any.
	Workspace string `json:"workspace,omitempty"`
	Access
}

// MLflowTagPrefix begins the tags that Trainyard gives a run itself.
const MLflowTagPrefix = "trainyard."

// MLflowImageTag is the tag with the image that a run is trained by.
const MLflowImageTag = MLflowTagPrefix + "image"

// CheckMLflowURI checks the address of a server.
func CheckMLflowURI(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return errors.New("can't be parsed: write http://HOST:PORT or https://HOST")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("must begin with http:// or https://: name an MLflow server")
	case u.User != nil:
		return errors.New("must hold no user name and no password: put them into the credentials")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("must end with the server's path, without a query and a fragment")
	}
	return nil
}

// TrackingDir is the folder, beside CheckpointsDir, of what runs have yet to tell a tracking server.
const TrackingDir = ".tracking"

// TrackingPath is the folder of what a run has yet to tell, relative to that of its checkpoints' volume, with slashes.
func TrackingPath(run Run) string { return path.Join(TrackingDir, ArtifactName(run)) }

// Why a run's record in MLflow isn't whole.
const (
	ReasonTrackerUnavailable = "TrackerUnavailable" // the server isn't reached, or fails
	ReasonTrackerRejected    = "TrackerRejected"    // it refuses the credentials, or what it is told
)

// MLflowResult is how far the record of a run in MLflow has come.
type MLflowResult struct {
	RunID string `json:"runID,omitempty"` // empty before the server has been reached
	URL   string `json:"url,omitempty"`
	// Reason is one of ReasonTrackerUnavailable and ReasonTrackerRejected, and Message what is the matter; empty: nothing is.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}
