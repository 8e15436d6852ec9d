// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
)

type predictInput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Logits      bool   `query:"logits" doc:"Answer the logits too."`
	TopK        int    `query:"topK" minimum:"1" doc:"Answer so many of the most probable classes in place of all probabilities."`
	Smoke       string `header:"X-Trainyard-Smoke" hidden:"true"`
	Decoding    string `header:"X-Trainyard-Decoding" hidden:"true"`
	RawBody     []byte `contentType:"application/octet-stream"`
}

// predictOutput has a Prediction, or a Batch.
type predictOutput struct {
	Body any
}

// Prediction is the answer to one picture.
type Prediction struct {
	Classified
	Model         ModelReference `json:"model"`
	LatencyMillis float64        `json:"latencyMillis" doc:"Time that decoding and computing took, waiting included." example:"12.5"`
}

// Batch is the answer to several pictures.
type Batch struct {
	Predictions   []BatchPrediction `json:"predictions" nullable:"false" doc:"One for each picture, in their order."`
	Model         ModelReference    `json:"model"`
	LatencyMillis float64           `json:"latencyMillis" doc:"Time that decoding and computing took, waiting included." example:"12.5"`
}

// BatchPrediction is what came of one picture of several: a prediction or an error.
type BatchPrediction struct {
	Index      int         `json:"index" doc:"The picture's place in the request, from 0."`
	Prediction *Classified `json:"prediction,omitempty"`
	Error      *Problem    `json:"error,omitempty"`
}

// Classified is what the model makes of a picture.
type Classified struct {
	Class         string             `json:"class" doc:"The most probable class." example:"cat"`
	Confidence    float64            `json:"confidence" doc:"That class's probability." example:"0.97"`
	Probabilities map[string]float64 `json:"probabilities,omitempty" doc:"The probability of every class. They sum to 1. Left out where topK asks for some of them."`
	Top           []ClassProbability `json:"top,omitempty" nullable:"false" doc:"The topK most probable classes, the most probable first."`
	Logits        []float32          `json:"logits,omitempty" nullable:"false" doc:"Numbers whose softmax are the probabilities, once divided by /model-info's temperature if it has one, in the order of /model-info's classes: the network's own output if that is logits."`
	LogitsFrom    onnx.Output        `json:"logitsFrom,omitempty" enum:"probabilities,logProbabilities,sigmoid,logit" doc:"What the network yields instead, if the logits are computed from that: of probabilities they are the natural logarithms."`
}

// ClassProbability is a class with its probability.
type ClassProbability struct {
	Class       string  `json:"class" example:"cat"`
	Probability float64 `json:"probability" example:"0.97"`
}

// ModelReference says which model answered.
type ModelReference struct {
	Name     string `json:"name"`
	Revision string `json:"revision,omitempty"`
	SHA256   string `json:"sha256"`
}

func (s *Server) registerPredict(api huma.API) {
	schemas := api.OpenAPI().Components.Schemas
	schema := func(v any, name string) *huma.Schema { return schemas.Schema(reflect.TypeOf(v), true, name) }
	register(s, api, huma.Operation{
		OperationID: "predict",
		Method:      http.MethodPost,
		Path:        predictPath,
		Summary:     "Classify pictures",
		Description: "Takes JPEG, PNG, WebP, BMP or GIF: a picture as the body itself, as the file of a form, or in base64 in JSON. " +
			"Several files of a form, or images in JSON, are answered together, each with a prediction or an error of its own. " +
			"The body may be compressed with gzip. A URL in place of a picture is refused: the server fetches nothing.",
		Errors:           []int{400, 408, 413, 415, 422, 503, 504},
		RequestBody:      &huma.RequestBody{Content: pictureTypes()},
		SkipValidateBody: true,
		Responses: map[string]*huma.Response{"200": {
			Description: "A prediction, or those of several pictures.",
			Content: map[string]*huma.MediaType{jsonType: {Schema: &huma.Schema{
				OneOf: []*huma.Schema{schema(Prediction{}, "Prediction"), schema(Batch{}, "Batch")},
			}}},
		}},
	}, s.predict)
}

func (s *Server) predict(ctx context.Context, input *predictInput) (*predictOutput, error) {
	start := time.Now()
	sent, err := picturesOf(input.ContentType, input.RawBody, s.service.MaxPictures())
	if err != nil {
		return nil, err
	}
	decoding, err := decodingOf(input)
	if err != nil {
		return nil, err
	}
	place, release, err := s.admit(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	outcomes, err := place.Classify(ctx, len(sent.all), func(i int) ([]byte, error) { return sent.all[i]() }, decoding)
	if err != nil {
		return nil, err
	}
	model := place.Model()
	reference := ModelReference{Name: s.config.Name, Revision: s.config.Revision, SHA256: model.SHA256}
	if !sent.batch {
		if err := outcomes[0].Err; err != nil {
			return nil, err
		}
		classified := classifiedAs(model, &outcomes[0].Prediction, input)
		recordPrediction(ctx, classified.Class, classified.Confidence)
		return &predictOutput{Body: &Prediction{Classified: classified, Model: reference, LatencyMillis: millisSince(start)}}, nil
	}
	batch := &Batch{Predictions: make([]BatchPrediction, len(outcomes)), Model: reference}
	for i := range outcomes {
		batch.Predictions[i].Index = i
		if err := outcomes[i].Err; err != nil {
			batch.Predictions[i].Error = s.problemOf(ctx, err)
			continue
		}
		classified := classifiedAs(model, &outcomes[i].Prediction, input)
		batch.Predictions[i].Prediction = &classified
		recordPrediction(ctx, classified.Class, classified.Confidence)
	}
	batch.LatencyMillis = millisSince(start)
	return &predictOutput{Body: batch}, nil
}

func millisSince(start time.Time) float64 { return float64(time.Since(start).Microseconds()) / 1000 }

// classifiedAs is a prediction in words, as much of it as a request asks for.
func classifiedAs(model *classifier.Model, prediction *serving.Prediction, input *predictInput) Classified {
	c := Classified{Class: model.Classes[prediction.Class], Confidence: prediction.Probabilities[prediction.Class]}
	if input.TopK > 0 {
		c.Top = top(model.Classes, prediction.Probabilities, input.TopK)
	} else {
		c.Probabilities = make(map[string]float64, len(model.Classes))
		for i, class := range model.Classes {
			c.Probabilities[class] = prediction.Probabilities[i]
		}
	}
	if input.Logits {
		c.Logits = prediction.Logits
		if model.Output != onnx.OutputLogits {
			c.LogitsFrom = model.Output
		}
	}
	return c
}

// top are the k most probable classes, of equally probable ones the first first.
func top(classes []string, probabilities []float64, k int) []ClassProbability {
	all := make([]ClassProbability, len(classes))
	for i, class := range classes {
		all[i] = ClassProbability{Class: class, Probability: probabilities[i]}
	}
	slices.SortStableFunc(all, func(a, b ClassProbability) int { return cmp.Compare(b.Probability, a.Probability) })
	return all[:min(k, len(all))]
}

// decodingOf is the version of decoding that a smoke test asks for, or else 0, for the one in use.
func decodingOf(input *predictInput) (int, error) {
	if input.Smoke == "" || input.Decoding == "" {
		return 0, nil
	}
	decoding, err := strconv.Atoi(input.Decoding)
	if err != nil || decoding <= 0 {
		return 0, newProblem(http.StatusBadRequest, "unknown_decoding", "%s is %.20q: send a version of decoding, such as %d",
			contract.DecodingHeader, input.Decoding, preprocess.Decoding)
	}
	return decoding, nil
}
