// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package gitops sees objects as GitOps tools do: Argo CD by the scripts in config/argocd, Flux and others by kstatus.
package gitops

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	luajson "layeh.com/gopher-json"
)

// Health is how Argo CD shows an object.
type Health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// What Argo CD says of health.
const (
	Healthy     = "Healthy"
	Progressing = "Progressing"
	Suspended   = "Suspended"
	Degraded    = "Degraded"
)

// Action is one that Argo CD offers for an object.
type Action struct {
	Name      string `json:"name,omitempty"`
	Disabled  bool   `json:"disabled"`
	IconClass string `json:"iconClass"`
}

// Scripts run Argo CD's scripts as Argo CD runs those of its ConfigMap: by the same interpreter, with the libraries base,
// package and table alone. Argo CD's own os library, of time and date, is left out: nothing here asks the clock.
type Scripts struct {
	// Folder is config/argocd/resource_customizations.
	Folder string
}

// Health runs health.lua of the object's kind.
func (s Scripts) Health(object *unstructured.Unstructured) (Health, error) {
	var health Health
	err := s.run(object, "health.lua", &health)
	return health, err
}

// Actions runs discovery.lua of the object's kind.
func (s Scripts) Actions(object *unstructured.Unstructured) (map[string]Action, error) {
	var actions map[string]Action
	err := s.run(object, "actions/discovery.lua", &actions)
	for name, action := range actions {
		action.Name = name
		actions[name] = action
	}
	return actions, err
}

// Act runs an action's script and returns the object as it is to be; Argo CD patches it with the difference.
func (s Scripts) Act(object *unstructured.Unstructured, action string) (*unstructured.Unstructured, error) {
	changed := &unstructured.Unstructured{}
	if err := s.run(object, filepath.Join("actions", action, "action.lua"), changed); err != nil {
		return nil, err
	}
	keepEmptyMaps(changed.Object, object.Object)
	return changed, nil
}

func (s Scripts) run(object *unstructured.Unstructured, script string, result any) error {
	gvk := object.GroupVersionKind()
	path := filepath.Join(s.Folder, gvk.Group, gvk.Kind, script)
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	answer, err := execute(string(source), object)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("%s: returned %s: %w", path, answer, err)
	}
	return nil
}

// execute runs a script with the global obj, and returns what it returns as JSON.
func execute(script string, object *unstructured.Unstructured) ([]byte, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(library.open), Protect: true}, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	text, err := object.MarshalJSON()
	if err != nil {
		return nil, err
	}
	value, err := luajson.Decode(state, text)
	if err != nil {
		return nil, err
	}
	state.SetGlobal("obj", value)
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	return luajson.Encode(state.Get(-1))
}

// keepEmptyMaps makes maps again of those that have become lists, for Lua has one type for both when they are empty.
func keepEmptyMaps(changed, before any) any {
	switch before := before.(type) {
	case map[string]any:
		if list, ok := changed.([]any); ok && len(list) == 0 {
			return map[string]any{}
		}
		if changed, ok := changed.(map[string]any); ok {
			for key := range changed {
				changed[key] = keepEmptyMaps(changed[key], before[key])
			}
		}
	case []any:
		if changed, ok := changed.([]any); ok && len(changed) == len(before) {
			for i := range changed {
				changed[i] = keepEmptyMaps(changed[i], before[i])
			}
		}
	}
	return changed
}
