// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	goruntime "runtime"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/controllers"
)

// What an object may allocate while it is decoded, with one field filled: a value, or a
// list, map or object of values. The allocations of a decoder that doesn't compute are
// in proportion to its time.
const (
	mostOfValue     = 1 << 18
	mostOfContainer = 1 << 20
)

func most(kind string) int {
	if kind == "list" || kind == "map" || kind == "object" {
		return mostOfContainer
	}
	return mostOfValue
}

// One object that can't be decoded, or that takes long, holds up every informer of its
// kind and with it every other object. So whatever the API server accepts in any field
// is decoded as an informer decodes it.
var _ = Describe("The schema", func() {
	for resource, base := range map[string]func(string) client.Object{
		"trainingruns": func(ns string) client.Object { return minimalRun(ns) },
		"modelservers": func(ns string) client.Object { return minimalServer(ns) },
	} {
		It("accepts nothing that is costly to decode in any field of "+resource, func(ctx SpecContext) {
			namespace := makeNamespace(ctx)
			object := base(namespace)
			Expect(k8s.Create(ctx, object)).To(Succeed())
			httpClient, err := rest.HTTPClientFor(testEnv.Config)
			Expect(err).NotTo(HaveOccurred())
			scheme, err := controllers.Scheme()
			Expect(err).NotTo(HaveOccurred())
			decoder := serializer.NewCodecFactory(scheme).UniversalDeserializer()
			p := &prober{client: httpClient, decoder: decoder, resource: resource, object: raw(object), counts: map[string]*tally{}}
			for _, f := range walkSchema(loadSchema("trainyard.dev_" + resource + ".yaml")) {
				p.probe(ctx, f)
			}
			AddReportEntry("fields", p.String())
			GinkgoWriter.Println(p)
			Expect(p.faults).To(BeEmpty())
			for _, kind := range []string{"string", "quantity", "number", "time"} {
				Expect(p.counts[kind].refused).To(BeNumerically(">", 0), kind)
			}
		})
	}
})

// tally counts the fields of one type, and what was tried in them.
type tally struct{ fields, refused, accepted, mostBytes int }

// prober tries values in fields of one object.
type prober struct {
	client   *http.Client
	decoder  runtime.Decoder
	resource string
	object   *unstructured.Unstructured
	counts   map[string]*tally
	faults   []string
}

func (p *prober) String() string {
	var b strings.Builder
	for _, kind := range []string{"string", "quantity", "number", "time", "boolean", "list", "map", "object"} {
		if c := p.counts[kind]; c != nil {
			fmt.Fprintf(&b, "%s: %d fields, %d values refused, %d accepted and decoded with at most %d bytes\n",
				kind, c.fields, c.refused, c.accepted, c.mostBytes)
		}
	}
	return b.String()
}

// probe tries a sample of a field, which must be accepted for a refusal to mean
// anything, and then what is hostile.
func (p *prober) probe(ctx context.Context, f field) {
	GinkgoHelper()
	kind := typeOf(f)
	if p.counts[kind] == nil {
		p.counts[kind] = &tally{}
	}
	count := p.counts[kind]
	count.fields++
	path := f.String()
	benign := existing(p.object.Object, f)
	if benign == nil {
		benign = sample(path, f.schema)
	}
	if _, err := p.submit(ctx, f, benign); err != nil {
		p.faults = append(p.faults, fmt.Sprintf("the sample of %s is refused: add one that isn't: %v", f, err))
		return
	}
	values := append(hostile(kind), fill(path, f.schema))
	if f.schema.XPreserveUnknownFields != nil && *f.schema.XPreserveUnknownFields {
		values = append(values, keptWhatever()...)
	}
	for _, value := range values {
		stored, err := p.submit(ctx, f, value)
		if err != nil {
			count.refused++
			continue
		}
		count.accepted++
		allocated, err := decodingCost(p.decoder, stored, most(kind))
		count.mostBytes = max(count.mostBytes, allocated)
		switch {
		case err != nil:
			p.faults = append(p.faults, fmt.Sprintf("%s: %.80v is accepted and can't be decoded: %v", f, value, err))
		case allocated > most(kind):
			p.faults = append(p.faults, fmt.Sprintf("%s: %.80v is accepted and takes %d bytes to decode", f, value, allocated))
		}
	}
}

func typeOf(f field) string {
	switch {
	case f.schema.XIntOrString:
		return "quantity"
	case f.schema.Format == "date-time":
		return "time"
	case f.schema.Type == "integer":
		return "number"
	case f.schema.Type == "array":
		return "list"
	case f.schema.AdditionalProperties != nil:
		return "map"
	default:
		return f.schema.Type
	}
}

// submit has the API server judge the object with a value at a field, and returns what
// it would store. Nothing is stored. The request is JSON as anybody may write it, which
// a client of Go's can't.
func (p *prober) submit(ctx context.Context, f field, value any) ([]byte, error) {
	GinkgoHelper()
	object := p.object.DeepCopy()
	method, path, kind := http.MethodPost, "", "application/json"
	content := object.Object
	if f.path[0] == "status" {
		method, path, kind = http.MethodPatch, "/"+object.GetName()+"/status", "application/merge-patch+json"
		content = map[string]any{}
	} else {
		content["metadata"] = map[string]any{"name": "another"}
	}
	data, err := json.Marshal(with(content, f, value))
	Expect(err).NotTo(HaveOccurred())
	url := fmt.Sprintf("%s/apis/trainyard.dev/v1alpha1/namespaces/%s/%s%s?dryRun=All", strings.TrimSuffix(testEnv.Config.Host, "/"), p.object.GetNamespace(), p.resource, path)
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(data))
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Content-Type", kind)
	response, err := p.client.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	switch response.StatusCode {
	case http.StatusOK, http.StatusCreated:
		return answer, nil
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return nil, fmt.Errorf("%.500s", answer)
	default:
		Fail(fmt.Sprintf("%s: %.80v: unexpected answer of %s: %s: %.500s", f, value, url, response.Status, answer))
		return nil, nil
	}
}

// decodingCost decodes an object as an informer does and returns how many bytes that
// has allocated. Others allocate meanwhile, so the least of some tries counts, until it is
// below a bound or far above.
func decodingCost(decoder runtime.Decoder, data []byte, bound int) (int, error) {
	least := 0
	for i := range 10 {
		var before, after goruntime.MemStats
		goruntime.ReadMemStats(&before)
		_, _, err := decoder.Decode(data, nil, nil)
		goruntime.ReadMemStats(&after)
		if err != nil {
			return 0, err
		}
		if allocated := int(after.TotalAlloc - before.TotalAlloc); i == 0 || allocated < least {
			least = allocated
		}
		if least <= bound || least > 100*bound {
			break
		}
	}
	return least, nil
}

// hostile are values that have been costly, or that some decoder of Go's refuses while
// a schema of that type accepts them.
func hostile(kind string) []any {
	long := strings.Repeat("9", mostOfValue*5/4)
	numbers := []any{
		json.RawMessage("1e30"), json.RawMessage("1e300"), json.RawMessage("9223372036854775808"), json.RawMessage("-9223372036854775809"),
		json.RawMessage("2147483648"), json.RawMessage("-2147483649"), json.RawMessage("1e2"), json.RawMessage("1.5"), json.RawMessage("-0"),
	}
	switch kind {
	case "quantity":
		return append(numbers,
			"1e-100000000", "1e100000000", "1E-999999999", "1e1.5", "1e99", "1e-99", "-1e99", "+.5", "5.", "1E", "1Ei", "-1", "", "0x1", long,
			strings.Repeat("9", 31), "0."+strings.Repeat("0", 28)+"1")
	case "string":
		return []any{"1e-100000000", "1e1.5", "\u2028\x00", "2026-01-02t03:04:05z", long}
	case "time":
		return []any{
			"2026-01-02t03:04:05z", "2026-01-02T03:04:05x5Z", "2026-01-02T03:04:05,5Z", "2026-01-02T03:04:05+99:99", "2026-02-30T03:04:05Z",
			"2026-01-02T03:04:05.5+24:00", "2026-01-02T03:04:60Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "",
			"2026-01-02T03:04:05." + long + "Z", "2026-01-02T03:04:05Zt03:04:05Z",
		}
	case "number":
		return append(numbers, "1")
	case "boolean":
		return []any{"true", 1}
	case "map":
		return []any{map[string]any{strings.Repeat(long, 4): "1"}, map[string]any{mapKey: strings.Repeat(long, 4)}, "k"}
	case "list":
		return []any{[]any{nested(500)}, "k"}
	default:
		return []any{nested(500), "k"}
	}
}

// keptWhatever are what a field may hold of which the API server keeps whatever is in it.
func keptWhatever() []any {
	long := strings.Repeat("x", mostOfContainer)
	return []any{
		map[string]any{long[:len(long)/2]: 1}, // keys are in managedFields too, the API server's own
		map[string]any{"x": long}, map[string]any{"x": nested(2000)}, map[string]any{"x": json.RawMessage("1e999")},
		map[string]any{"x": slices.Repeat([]any{"x"}, mostOfContainer/8)},
	}
}

// nested is an object within an object, so many times.
func nested(depth int) any {
	var value any = map[string]any{}
	for range depth {
		value = map[string]any{"x": value}
	}
	return value
}
