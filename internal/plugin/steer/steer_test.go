// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package steer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

func server(reason string, change func(*v1alpha1.ModelServer)) *v1alpha1.ModelServer {
	s := wrappers.MakeModelServer("pets", "zoo", "run-2").Generation(7).Obj()
	s.Annotations = map[string]string{}
	s.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionFalse, Reason: reason}}
	if change != nil {
		change(s)
	}
	return s
}

func candidate(stage v1alpha1.CandidateStage) func(*v1alpha1.ModelServer) {
	return func(s *v1alpha1.ModelServer) {
		s.Spec.Promotion.Mode = v1alpha1.ManualPromotion
		s.Status.Live = &v1alpha1.LiveRevision{Revision: "pets-1"}
		s.Status.Candidate = &v1alpha1.CandidateRevision{Revision: "pets-2", Stage: stage}
	}
}

func baking(s *v1alpha1.ModelServer) {
	s.Status.Live = &v1alpha1.LiveRevision{Revision: "pets-2", Model: v1alpha1.RevisionModel{TrainingRun: "run-2", SHA256: "2"}}
	s.Status.Fallback = &v1alpha1.LiveRevision{Revision: "pets-1", Model: v1alpha1.RevisionModel{TrainingRun: "run-1", SHA256: "1"}}
}

func served(history ...v1alpha1.RetiredRevision) func(*v1alpha1.ModelServer) {
	return func(s *v1alpha1.ModelServer) {
		s.Status.Live = &v1alpha1.LiveRevision{Revision: "pets-2", Model: v1alpha1.RevisionModel{TrainingRun: "run-2", SHA256: "2"}}
		s.Status.History = history
	}
}

func retired(run, sha, reason string) v1alpha1.RetiredRevision {
	return v1alpha1.RetiredRevision{Model: v1alpha1.RevisionModel{TrainingRun: run, SHA256: sha}, Reason: reason}
}

func rejected(reason string) func(*v1alpha1.ModelServer) {
	return func(s *v1alpha1.ModelServer) {
		s.Status.Rejected = []v1alpha1.RejectedRevision{{Revision: "pets-2", Reason: reason}}
	}
}

func failedRun() *v1alpha1.TrainingRun {
	return wrappers.MakeTrainingRun("run-2", "zoo").Failed(v1alpha1.OOMKilledReason).Obj()
}

// Each verb either patches, or refuses and says why.
func TestVerbs(t *testing.T) {
	plain := func(f func(*v1alpha1.ModelServer) (Change, error)) func(*v1alpha1.ModelServer, string) (Change, error) {
		return func(s *v1alpha1.ModelServer, _ string) (Change, error) { return f(s) }
	}
	for name, tc := range map[string]struct {
		do      func(*v1alpha1.ModelServer, string) (Change, error)
		server  *v1alpha1.ModelServer
		named   string
		patch   string
		refused string
	}{
		"promote what awaits": {
			do: promote, server: server("AwaitingPromotion", candidate(v1alpha1.CandidateAwaitingPromotion)),
			patch: `{"metadata":{"annotations":{"trainyard.dev/promote":"pets-2"}}}`,
		},
		"promote unseen":     {do: promote, server: server("Smoking", candidate(v1alpha1.CandidateSmoking)), refused: "--revision pets-2"},
		"promote in advance": {do: promote, named: "pets-2", server: server("Smoking", candidate(v1alpha1.CandidateSmoking)), patch: `{"metadata":{"annotations":{"trainyard.dev/promote":"pets-2"}}}`},
		"promote another":    {do: promote, named: "pets-9", server: server("Smoking", candidate(v1alpha1.CandidateSmoking)), refused: "isn't the candidate"},
		"promote nothing":    {do: promote, server: server("Serving", served()), refused: "no candidate"},
		"promote what needs no approval": {
			do: promote, refused: "spec.promotion.mode is Automatic",
			server: server("Smoking", func(s *v1alpha1.ModelServer) {
				candidate(v1alpha1.CandidateSmoking)(s)
				s.Spec.Promotion.Mode = v1alpha1.AutomaticPromotion
			}),
		},
		"reject the candidate": {do: reject, server: server("Smoking", candidate(v1alpha1.CandidateSmoking)), patch: `{"metadata":{"annotations":{"trainyard.dev/reject":"pets-2"}}}`},
		"reject withdraws its approval": {
			do: reject, patch: `{"metadata":{"annotations":{"trainyard.dev/promote":null,"trainyard.dev/reject":"pets-2"}}}`,
			server: server("Smoking", func(s *v1alpha1.ModelServer) {
				candidate(v1alpha1.CandidateSmoking)(s)
				s.Annotations[v1alpha1.PromoteAnnotation] = "pets-2"
			}),
		},
		"reject live in its bake": {do: reject, server: server("Baking", baking), patch: `{"metadata":{"annotations":{"trainyard.dev/reject":"pets-2"}}}`},
		"reject live, a candidate waits": {
			do: reject, named: "pets-2", patch: `{"metadata":{"annotations":{"trainyard.dev/reject":"pets-2"}}}`,
			server: server("Baking", func(s *v1alpha1.ModelServer) {
				baking(s)
				s.Status.Candidate = &v1alpha1.CandidateRevision{Revision: "pets-3"}
			}),
		},
		"reject what serves":   {do: reject, server: server("Serving", served()), refused: "kubectl trainyard rollback"},
		"reject the fallback":  {do: reject, named: "pets-1", server: server("Baking", baking), refused: "pets-2 can"},
		"reject it once again": {do: reject, server: server("BakeFailed", func(s *v1alpha1.ModelServer) { baking(s); rejected("BakeFailed")(s) }), refused: "already"},
		"pause":                {do: plain(pauseServer), server: server("Smoking", nil), patch: `{"spec":{"rollout":{"paused":true}}}`},
		"pause what is paused": {do: plain(pauseServer), server: server("Paused", func(s *v1alpha1.ModelServer) { s.Spec.Rollout.Paused = ptr.To(true) }), refused: "already"},
		"resume":               {do: plain(resumeServer), server: server("Paused", func(s *v1alpha1.ModelServer) { s.Spec.Rollout.Paused = ptr.To(true) }), patch: `{"spec":{"rollout":{"paused":false}}}`},
		"resume what isn't":    {do: plain(resumeServer), server: server("Smoking", nil), refused: "isn't paused"},
		"retry":                {do: plain(retryServer), server: server("SmokeFailed", rejected("SmokeFailed")), patch: `{"spec":{"retry":"generation-7"}}`},
		"retry withdraws its rejection": {
			do: plain(retryServer), patch: `{"metadata":{"annotations":{"trainyard.dev/reject":null}},"spec":{"retry":"generation-7"}}`,
			server: server("Aborted", func(s *v1alpha1.ModelServer) {
				rejected("Aborted")(s)
				s.Annotations[v1alpha1.RejectAnnotation] = "pets-2"
			}),
		},
		"retry what is late":              {do: plain(retryServer), server: server("ProgressDeadlineExceeded", nil), patch: `{"spec":{"retry":"generation-7"}}`},
		"retry what serves":               {do: plain(retryServer), server: server("Serving", rejected("SmokeFailed")), refused: "nothing to retry"},
		"rollback in a bake":              {do: rollback, server: server("Baking", baking), patch: `{"metadata":{"annotations":{"trainyard.dev/reject":"pets-2"}}}`},
		"rollback to the one before":      {do: rollback, server: server("Serving", served(retired("run-1", "1", "Replaced"))), patch: `{"spec":{"model":{"trainingRunRef":{"name":"run-1"}}}}`},
		"rollback passes over what ailed": {do: rollback, server: server("Serving", served(retired("run-1b", "1b", "BakeFailed"), retired("run-2b", "2", "Replaced"), retired("run-1", "1", "Replaced"))), patch: `{"spec":{"model":{"trainingRunRef":{"name":"run-1"}}}}`},
		"rollback to a run":               {do: rollback, named: "run-0", server: server("Serving", served()), patch: `{"spec":{"model":{"trainingRunRef":{"name":"run-0"}}}}`},
		"rollback to what is asked for":   {do: rollback, named: "run-2", server: server("Serving", served()), refused: "already"},
		"rollback to nothing":             {do: rollback, server: server("Serving", served()), refused: "--to"},
		"rollback of a selector": {
			do: rollback, refused: "remove the label",
			server: server("Serving", func(s *v1alpha1.ModelServer) {
				served(retired("run-1", "1", "Replaced"))(s)
				s.Spec.Model.TrainingRunRef.Name = ""
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := tc.server.DeepCopy()
			change, err := tc.do(tc.server, tc.named)
			if diff := cmp.Diff(before, tc.server); diff != "" {
				t.Errorf("it changed its argument:\n%s", diff)
			}
			checkChange(t, change, err, tc.patch, tc.refused)
		})
	}
}

func checkChange(t *testing.T, change Change, err error, patch, refused string) {
	t.Helper()
	if refused != "" {
		if err == nil || !strings.Contains(err.Error(), refused) {
			t.Errorf("got %+v, %v, want an error that says %q", change, err, refused)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := change.patch()
	if err != nil || string(got) != patch {
		t.Errorf("got %s, %v, want %s", got, err, patch)
	}
	if change.Done == "" {
		t.Error("it doesn't say what it does")
	}
}

func TestVerbsOfRuns(t *testing.T) {
	fresh := wrappers.MakeTrainingRun("run-2", "zoo")
	suspended := wrappers.MakeTrainingRun("run-2", "zoo").Suspend(true)
	for name, tc := range map[string]struct {
		do             func(*v1alpha1.TrainingRun) (Change, error)
		run            *v1alpha1.TrainingRun
		patch, refused string
	}{
		"suspend":                  {do: suspendRun, run: fresh.Obj(), patch: `{"spec":{"suspend":true}}`},
		"suspend what is":          {do: suspendRun, run: suspended.Obj(), refused: "already"},
		"suspend what has ended":   {do: suspendRun, run: failedRun(), refused: "has ended (Failed)"},
		"resume":                   {do: resumeRun, run: suspended.Obj(), patch: `{"spec":{"suspend":false}}`},
		"resume what isn't so":     {do: resumeRun, run: fresh.Obj(), refused: "isn't suspended"},
		"resume what never was so": {do: resumeRun, run: failedRun(), refused: "isn't suspended"},
	} {
		t.Run(name, func(t *testing.T) {
			change, err := tc.do(tc.run)
			checkChange(t, change, err, tc.patch, tc.refused)
		})
	}
}

func TestRetryOfARun(t *testing.T) {
	failed := failedRun()
	failed.Spec.Suspend = ptr.To(true)
	failed.Labels = map[string]string{"team": "zoo", "app.kubernetes.io/instance": "pets", "kustomize.toolkit.fluxcd.io/name": "pets"}
	failed.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "x"}
	again, err := retryRun(failed, "run-2-retry-1")
	if err != nil {
		t.Fatal(err)
	}
	want := &v1alpha1.TrainingRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "zoo", Name: "run-2-retry-1", Labels: map[string]string{"team": "zoo"}}, Spec: failed.Spec,
	}
	want.Spec.Suspend = nil
	if diff := cmp.Diff(want, again); diff != "" {
		t.Error(diff)
	}
	if _, err := retryRun(wrappers.MakeTrainingRun("run-2", "zoo").Obj(), "x"); err == nil {
		t.Error("a run that hasn't failed is retried")
	}
	for name, want := range map[string]string{"pets": "pets-retry-1", "pets-retry-1": "pets-retry-2", "pets-9": "pets-9-retry-1", "pets-retry-9": "pets-retry-10"} {
		if got := nextName(name); got != want {
			t.Errorf("after %s comes %s, want %s", name, got, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	entry := func(manager, subresource, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	paused := `{"f:spec":{"f:rollout":{".":{},"f:paused":{}}}}`
	change := Change{Field: pausedField, Value: true, Annotations: map[string]*string{v1alpha1.RejectAnnotation: nil}}
	for name, tc := range map[string]struct {
		managed []metav1.ManagedFieldsEntry
		want    string
	}{
		"nobody":              {},
		"a person":            {managed: []metav1.ManagedFieldsEntry{entry("kubectl-client-side-apply", "", paused)}},
		"Git has it":          {managed: []metav1.ManagedFieldsEntry{entry("argocd-controller", "", paused)}, want: "spec.rollout.paused comes from Git by Argo CD"},
		"Git has another":     {managed: []metav1.ManagedFieldsEntry{entry("kustomize-controller", "", `{"f:spec":{"f:retry":{}}}`)}},
		"Git has its parent":  {managed: []metav1.ManagedFieldsEntry{entry("kustomize-controller", "", `{"f:spec":{"f:rollout":{".":{}}}}`)}},
		"Git has annotations": {managed: []metav1.ManagedFieldsEntry{entry("kustomize-controller", "", `{"f:metadata":{"f:annotations":{"f:trainyard.dev/reject":{}}}}`)}, want: "metadata.annotations.trainyard.dev/reject comes from Git by Flux"},
		"a broken entry":      {managed: []metav1.ManagedFieldsEntry{entry("argocd-controller", "", `[`), {Manager: "argocd-controller"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := warnings(tc.managed, change)
			if tc.want == "" && len(got) > 0 || tc.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], tc.want)) {
				t.Errorf("got %q, want one that begins %q", got, tc.want)
			}
		})
	}
}
