// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// field is a field of a kind's schema, or an item of a list or map.
type field struct {
	// path leads to it: names of properties, "[]" for the first item of a list and
	// "{}" for the entry "k" of a map. parents are the schemas on the way, the root first.
	path    []string
	parents []*apiextensionsv1.JSONSchemaProps
	schema  *apiextensionsv1.JSONSchemaProps
}

func (f field) String() string { return strings.Join(f.path, ".") }

// mapKey is the key of a map's entry in samples.
const mapKey = "k"

// loadSchema reads the generated schema of a kind.
func loadSchema(file string) *apiextensionsv1.JSONSchemaProps {
	GinkgoHelper()
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", file))
	Expect(err).NotTo(HaveOccurred())
	crd := &apiextensionsv1.CustomResourceDefinition{}
	Expect(yaml.UnmarshalStrict(data, crd)).To(Succeed())
	Expect(crd.Spec.Versions).To(HaveLen(1))
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// walkSchema returns every field of spec and status. The rest of an object is the API
// server's own to bound.
func walkSchema(root *apiextensionsv1.JSONSchemaProps) []field {
	var fields []field
	var walk func(f field)
	child := func(f field, name string, schema *apiextensionsv1.JSONSchemaProps) {
		walk(field{
			path:    append(slices.Clone(f.path), name),
			parents: append(slices.Clone(f.parents), f.schema),
			schema:  schema,
		})
	}
	walk = func(f field) {
		fields = append(fields, f)
		names := make([]string, 0, len(f.schema.Properties))
		for name := range f.schema.Properties {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			property := f.schema.Properties[name]
			child(f, name, &property)
		}
		if f.schema.Items != nil {
			child(f, "[]", f.schema.Items.Schema)
		}
		if f.schema.AdditionalProperties != nil {
			child(f, "{}", f.schema.AdditionalProperties.Schema)
		}
	}
	for _, name := range []string{"spec", "status"} {
		property := root.Properties[name]
		walk(field{path: []string{name}, parents: []*apiextensionsv1.JSONSchemaProps{root}, schema: &property})
	}
	return fields
}

// samples are values of strings whose format no bound tells, by the end of their path.
var samples = []struct {
	path  *regexp.Regexp
	value string
}{
	{regexp.MustCompile(`(timeout|bakeTime|maxLatency|progressDeadline|retention)$`), "40s"},
	{regexp.MustCompile(`minScale$`), "0.2"},
	{regexp.MustCompile(`(maxScale|minRatio|maxRatio)$`), "1"},
	{regexp.MustCompile(`conditions\.\[\]\.status$`), "True"},
	{regexp.MustCompile(`conditions\.\[\]\.(type|reason)$`), "Ready"},
	{regexp.MustCompile(`spec\.dataset\.uri$`), "s3://datasets/pets"},
	{regexp.MustCompile(`spec\.dataset\.dvc\.repo$`), "https://git.example/team/pets.git"},
	{regexp.MustCompile(`spec\.tracking\.mlflow\.uri$`), "http://mlflow:5000"},
	{regexp.MustCompile(`sizeLimit$`), "20Gi"},
	{regexp.MustCompile(`classes\.\[\]$`), "cat"},
	{regexp.MustCompile(`folders\.train$`), "train"},
	{regexp.MustCompile(`folders\.validation$`), "val"},
	{regexp.MustCompile(`spec\.output\.uri$`), "s3://models"},
	{regexp.MustCompile(`source\.uri$`), "s3://models/pets.onnx"},
	{regexp.MustCompile(`input\.(scale|mean\.\[\]|std\.\[\])$`), "1"},
	{regexp.MustCompile(`samples\.uri$`), "s3://models/samples.tar"},
	{regexp.MustCompile(`mountPath$`), "/mnt"},
}

// sample returns a small value that the schema accepts at a path.
func sample(path string, schema *apiextensionsv1.JSONSchemaProps) any {
	GinkgoHelper()
	switch {
	case len(schema.Enum) > 0:
		return fromJSON(schema.Enum[0].Raw)
	case schema.Default != nil && schema.Type != "object":
		return fromJSON(schema.Default.Raw)
	case schema.XIntOrString:
		return "1"
	}
	switch schema.Type {
	case "object":
		object := map[string]any{}
		for _, name := range schema.Required {
			property := schema.Properties[name]
			object[name] = sample(path+"."+name, &property)
		}
		if schema.AdditionalProperties != nil {
			object[mapKey] = sample(path+".{}", schema.AdditionalProperties.Schema)
		}
		if isGate(path) {
			object["min"] = "0.5" // the rule wants it of the first metric
		}
		if strings.HasSuffix(path, "matchExpressions.[]") {
			object["values"] = []any{"pets"} // the rule wants them of the first operator
		}
		if schema.MinProperties != nil && len(object) == 0 {
			name := slices.Sorted(maps.Keys(schema.Properties))[0]
			property := schema.Properties[name]
			object[name] = sample(path+"."+name, &property)
		}
		return object
	case "array":
		items := []any{sample(path+".[]", schema.Items.Schema)}
		if schema.MinItems != nil {
			items = slices.Repeat(items, max(int(*schema.MinItems), 1))
		}
		return items
	case "integer":
		if schema.Minimum != nil {
			return int64(*schema.Minimum)
		}
		return int64(1)
	case "boolean":
		return true
	case "string":
		return sampleString(path, schema)
	}
	Fail("no sample of " + path + ", of type " + strconv.Quote(schema.Type))
	return nil
}

func sampleString(path string, schema *apiextensionsv1.JSONSchemaProps) string {
	if schema.Format == "date-time" {
		return "2026-01-02T03:04:05Z"
	}
	for _, s := range samples {
		if s.path.MatchString(path) {
			return s.value
		}
	}
	for _, rule := range schema.XValidations {
		if strings.Contains(rule.Message, "must be a decimal") {
			return "0.5"
		}
	}
	if schema.MinLength != nil {
		return strings.Repeat("a", int(*schema.MinLength))
	}
	return "a"
}

func fromJSON(data []byte) any {
	GinkgoHelper()
	var value any
	Expect(json.Unmarshal(data, &value)).To(Succeed())
	if number, ok := value.(float64); ok {
		return int64(number)
	}
	return value
}

// with returns an object with a value at the field, and samples of what has to be there
// besides. It changes object.
func with(object map[string]any, f field, value any) map[string]any {
	GinkgoHelper()
	set(object, f, 0, value)
	path := strings.Join(f.path, ".")
	if gatePath, ok := strings.CutSuffix(path, ".max"); ok && isGate(gatePath) {
		gates := existing(object, field{path: f.path[:len(f.path)-2]}).([]any)
		gate := gates[0].(map[string]any)
		gate["metric"] = "loss"
		delete(gate, "min")
	}
	if strings.HasPrefix(path, "spec.training.momentum") || strings.HasPrefix(path, "spec.training.nesterov") {
		existing(object, field{path: []string{"spec", "training"}}).(map[string]any)["optimizer"] = "SGD"
	}
	fitMetrics(object, f.path)
	if scheduler, ok := existing(object, field{path: []string{"spec", "training", "scheduler"}}).(map[string]any); ok {
		fitScheduler(scheduler, f.path[len(f.path)-1])
	}
	if pod, ok := existing(object, field{path: []string{"spec", "podTemplate"}}).(map[string]any); ok && len(f.path) > 2 {
		fitVolumes(pod, f.path[2:])
	}
	for _, place := range places {
		member, within := strings.CutPrefix(path+".", place.union+".")
		if !within {
			continue
		}
		if union, ok := existing(object, field{path: strings.Split(place.union, ".")}).(map[string]any); ok {
			choosePlace(union, strings.Split(member, "."), place.uri)
			chooseClasses(union, member)
			if place.union == "spec.smoke.samples" {
				pinWhatIsFetched(union)
			}
		}
	}
	chooseModel(object, path)
	return object
}

// schedulerTypes are types of schedulers that have a field which the first has not.
var schedulerTypes = map[string]string{
	"factor": "Step", "stepEpochs": "Step", "patience": "ReduceOnPlateau", "minLearningRate": "Cosine",
}

// fitScheduler gives a scheduler a type that has the field.
func fitScheduler(scheduler map[string]any, name string) {
	if kind, ok := schedulerTypes[name]; ok {
		scheduler["type"] = kind
	}
}

// fitVolumes gives a pod template's volumes one source each, the one that the path of a field is about, and its mounts a
// volume.
func fitVolumes(pod map[string]any, path []string) {
	volumes, _ := pod["volumes"].([]any)
	if mounts, ok := pod["volumeMounts"].([]any); ok && path[0] == "volumeMounts" {
		for _, mount := range mounts {
			if mount, ok := mount.(map[string]any); ok {
				volumes = []any{map[string]any{"name": mount["name"]}}
			}
		}
		pod["volumes"] = volumes
	}
	for _, volume := range volumes {
		volume, ok := volume.(map[string]any)
		if !ok {
			continue
		}
		source := "emptyDir"
		if path[0] == "volumes" && len(path) > 2 && path[2] != "name" {
			source = path[2]
		}
		for _, other := range []string{"configMap", "secret", "persistentVolumeClaim", "emptyDir"} {
			if other != source {
				delete(volume, other)
			}
		}
		volume[source] = cmp.Or[any](volume[source], map[string]any{})
	}
}

// metricTypes are the types of an autoscaler's metrics, by the field that each has.
var metricTypes = map[string]string{"pods": "Pods", "object": "Object", "external": "External"}

// fitMetrics gives each metric of an autoscaler one field and one type, those that the path is about, and each target one value.
func fitMetrics(object map[string]any, path []string) {
	list, _ := existing(object, field{path: []string{"spec", "autoscaling", "metrics"}}).([]any)
	for _, item := range list {
		if metric, ok := item.(map[string]any); ok {
			fitMetric(metric, path)
		}
	}
}

func fitMetric(metric map[string]any, path []string) {
	last, source := path[len(path)-1], "external"
	ofType := len(path) == 5 && last == "type"
	for name, kind := range metricTypes {
		if len(path) > 4 && path[4] == name || ofType && metric["type"] == kind {
			source = name
		}
	}
	for name := range metricTypes {
		if name != source {
			delete(metric, name)
		}
	}
	if !ofType {
		metric["type"] = metricTypes[source]
	}
	if metric[source] == nil {
		metric[source] = map[string]any{"metric": map[string]any{"name": "a"}}
	}
	fields, _ := metric[source].(map[string]any)
	if fields != nil && fields["target"] == nil {
		fields["target"] = map[string]any{}
	}
	target, _ := fields["target"].(map[string]any)
	if target == nil {
		return
	}
	has, hasNot, kind := "averageValue", "value", "AverageValue"
	if last == hasNot {
		has, hasNot, kind = hasNot, has, "Value"
	}
	delete(target, hasNot)
	target[has] = cmp.Or[any](target[has], "1")
	if last != "type" || target["type"] == "Value" || target["type"] == nil {
		target["type"] = kind
	}
}

// isGate tells whether a path is that of a gate, whose metric decides which of its bounds it has.
func isGate(path string) bool { return strings.HasSuffix(path, "gates.[]") }

// places are the fields that name exactly one place, and a value of their uri.
var places = []struct{ union, uri string }{
	{"spec.dataset", "s3://datasets/pets"},
	{"spec.output", "s3://models"},
	{"spec.model.source", "s3://models/pets.onnx"},
	{"spec.smoke.samples", "s3://models/samples.tar"},
	{"spec.tracking.mlflow", "http://mlflow:5000"},
}

// choosePlace leaves of a union of places the one that the path of its member is about, and of a bundle of certificates one object.
func choosePlace(union map[string]any, member []string, uri string) {
	switch member[0] {
	case "pvc", "dvc", "generated":
		for _, ofURI := range []string{"uri", "secretRef", "caBundle", "cache"} {
			delete(union, ofURI)
		}
	case "split":
		if member[1] == "folders" {
			union["uri"] = cmp.Or[any](union["uri"], uri)
		}
	case "uri", "secretRef", "caBundle", "cache", "classes", "classesFrom", "input", "output", "labels":
		union["uri"] = cmp.Or[any](union["uri"], uri)
	}
	others := []string{"pvc", "dvc", "generated"}
	for _, other := range others {
		if other != member[0] && (union["uri"] != nil || slices.Contains(others, member[0])) {
			delete(union, other)
		}
	}
	if member[0] == "" && union["generated"] == nil && union["pvc"] == nil || member[0] == "sha256" {
		union["uri"] = uri
	}
	if dvc, ok := union["dvc"].(map[string]any); ok && member[0] == "dvc" {
		union, member = dvc, member[1:]
	}
	if bundle, ok := union["caBundle"].(map[string]any); ok && len(member) > 1 && member[1] == "secretRef" {
		delete(bundle, "configMapRef")
	}
}

// chooseModel leaves of the ways to name a model the one that a path is about.
func chooseModel(object map[string]any, path string) {
	model, ok := existing(object, field{path: []string{"spec", "model"}}).(map[string]any)
	for _, other := range []string{"source", "trainingRunSelector"} {
		if ok && strings.HasPrefix(path+".", "spec.model."+other+".") {
			delete(model, "trainingRunRef")
		}
	}
}

// chooseClasses leaves one of two ways to name classes, the one that the path of a member is about.
func chooseClasses(union map[string]any, member string) {
	switch {
	case union["classesFrom"] == nil:
	case strings.HasPrefix(member, "classesFrom"):
		delete(union, "classes")
	case union["classes"] != nil:
		delete(union, "classesFrom")
	}
}

// pinWhatIsFetched gives a union of places a digest if its place is a uri, and only then.
func pinWhatIsFetched(union map[string]any) {
	if union["uri"] == nil {
		delete(union, "sha256")
		return
	}
	union["sha256"] = cmp.Or[any](union["sha256"], strings.Repeat("a", 64))
}

// existing is what an object has at a field, or nil. Items of lists and maps don't count.
func existing(object any, f field) any {
	for _, step := range f.path {
		fields, _ := object.(map[string]any)
		object = fields[step]
	}
	return object
}

// set puts a value where the path leads to from its step at, and returns the container.
func set(container any, f field, at int, value any) any {
	GinkgoHelper()
	if at == len(f.path) {
		return value
	}
	schema, step := f.parents[at], f.path[at]
	inner := f.schema
	if at+1 < len(f.parents) {
		inner = f.parents[at+1]
	}
	next := func(existing any) any {
		if existing == nil && at+1 < len(f.path) {
			existing = sample(strings.Join(f.path[:at+1], "."), inner)
		}
		return set(existing, f, at+1, value)
	}
	if step == "[]" {
		list, _ := container.([]any)
		if len(list) == 0 {
			list = sample(strings.Join(f.path[:at], "."), schema).([]any)
		}
		list[0] = next(list[0])
		return list
	}
	object, ok := container.(map[string]any)
	if !ok {
		object = sample(strings.Join(f.path[:at], "."), schema).(map[string]any)
	}
	if step == "{}" {
		step = mapKey
	}
	object[step] = next(object[step])
	return object
}

// fill returns the largest value that the bounds of a field alone allow: strings of
// characters that take six bytes in JSON, lists and maps of as many entries as may be.
// Where a rule or pattern wants more of a string it is a sample.
func fill(path string, schema *apiextensionsv1.JSONSchemaProps) any {
	GinkgoHelper()
	switch {
	case schema.Type == "object" && schema.AdditionalProperties != nil:
		object := map[string]any{}
		for i := range bound(schema.MaxProperties) {
			object[mapKey+strconv.Itoa(i)] = fill(path+".{}", schema.AdditionalProperties.Schema)
		}
		return object
	case schema.Type == "object":
		object := map[string]any{}
		for name, property := range schema.Properties {
			object[name] = fill(path+"."+name, &property)
		}
		if path == "spec.training" {
			object["optimizer"] = "SGD"
		}
		if path == "spec.training.scheduler" {
			fitScheduler(object, "patience")
			delete(object, "stepEpochs")
		}
		if isGate(path) {
			delete(object, "max") // for metrics that are later in the enumeration than there may be gates
		}
		if path == "spec.dataset" {
			for _, other := range []string{"generated", "pvc", "dvc", "labels"} { // there is one source, and one split
				delete(object, other)
			}
		}
		return object
	case schema.Type == "array":
		return fillList(path, schema)
	case strings.HasSuffix(path, "volumeMounts.[].name"):
		return sample(path, schema) // of a volume, whose name has a rule
	case schema.Type == "string" && len(schema.Enum) == 0 && schema.Pattern == "" && len(schema.XValidations) == 0 && schema.Format == "" && schema.MaxLength != nil:
		return strings.Repeat("<", int(*schema.MaxLength))
	default:
		return sample(path, schema)
	}
}

// fillList fills a list. What tells its items apart, its keys or the item itself, gets a
// number, or another value of an enumeration, as long as there is one.
func fillList(path string, schema *apiextensionsv1.JSONSchemaProps) []any {
	GinkgoHelper()
	item := schema.Items.Schema
	list := make([]any, 0, bound(schema.MaxItems))
	for i := range bound(schema.MaxItems) {
		value := fill(path+".[]", item)
		if len(schema.XListMapKeys) == 0 {
			if text, ok := distinct(value, item, i); ok {
				value = text
			} else if schema.XListType != nil && *schema.XListType == "set" {
				break
			}
		}
		unique := true
		for _, key := range schema.XListMapKeys {
			property := item.Properties[key]
			text, ok := distinct(sample(path+".[]."+key, &property), &property, i)
			unique = unique && ok
			value.(map[string]any)[key] = text
		}
		if !unique {
			break
		}
		list = append(list, value)
	}
	return list
}

// distinct is the i-th of values of a string that differ; false if there is none.
func distinct(value any, schema *apiextensionsv1.JSONSchemaProps, i int) (any, bool) {
	GinkgoHelper()
	text, ok := value.(string)
	switch {
	case !ok:
		return value, false
	case len(schema.Enum) > 0:
		if i >= len(schema.Enum) {
			return value, false
		}
		return fromJSON(schema.Enum[i].Raw), true
	case strings.HasPrefix(text, "<"):
		number := strconv.Itoa(i)
		return number + text[len(number):], true
	default:
		return text + strconv.Itoa(i), true
	}
}

// unbounded is how many entries a list or map is filled with that has no bound.
const unbounded = 100_000

func bound(most *int64) int {
	if most == nil {
		return unbounded
	}
	return int(*most)
}
