// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// imageField is the multipart field that holds the image.
const imageField = "file"

type predictInput struct {
	ContentType string `header:"Content-Type"`
	Logits      bool   `query:"logits" doc:"Answer the logits too."`
	Smoke       string `header:"X-Trainyard-Smoke" hidden:"true"`
	Decoding    string `header:"X-Trainyard-Decoding" hidden:"true"`
	RawBody     []byte `contentType:"application/octet-stream"`
}

type predictOutput struct {
	Body Prediction
}

// Prediction is what the model makes of an image.
type Prediction struct {
	Class         string             `json:"class" doc:"The most probable class." example:"cat"`
	Confidence    float64            `json:"confidence" doc:"That class's probability." example:"0.97"`
	Probabilities map[string]float64 `json:"probabilities" doc:"The probability of every class. They sum to 1."`
	Logits        []float32          `json:"logits,omitempty" doc:"Numbers whose softmax are the probabilities, in the order of /model-info's classes: the network's own output if that is logits."`
	LogitsFrom    onnx.Output        `json:"logitsFrom,omitempty" enum:"probabilities,logProbabilities,sigmoid,logit" doc:"What the network yields instead, if the logits are computed from that: of probabilities they are the natural logarithms."`
	Model         ModelReference     `json:"model"`
	LatencyMillis float64            `json:"latencyMillis" doc:"Time that decoding and computing took, waiting included." example:"12.5"`
}

// ModelReference says which model answered.
type ModelReference struct {
	Name     string `json:"name"`
	Revision string `json:"revision,omitempty"`
	SHA256   string `json:"sha256"`
}

func (s *Server) registerPredict(api huma.API) {
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	register(s, api, huma.Operation{
		OperationID: "predict",
		Method:      http.MethodPost,
		Path:        predictPath,
		Summary:     "Classify an image",
		Description: "Takes a JPEG, PNG, WebP, BMP or GIF, as the body itself or as the field \"file\" of a form.",
		Errors:      []int{400, 408, 413, 415, 503, 504},
		RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{
				Type: huma.TypeObject, Properties: map[string]*huma.Schema{imageField: binary}, Required: []string{imageField},
			}},
			"image/*": {Schema: binary},
		}},
		SkipValidateBody: true,
	}, s.predict)
}

func (s *Server) predict(ctx context.Context, input *predictInput) (*predictOutput, error) {
	start := time.Now()
	picture, err := imageOf(input.ContentType, input.RawBody)
	if err != nil {
		return nil, err
	}
	decoding, err := decodingOf(input)
	if err != nil {
		return nil, err
	}
	place, err := s.service.Admit()
	if err != nil {
		return nil, err
	}
	defer place.Release()
	defer s.connections.keep(ctx)()
	prediction, err := place.Classify(ctx, picture, decoding)
	if err != nil {
		return nil, err
	}
	model := place.Model()
	output := &predictOutput{Body: Prediction{
		Class:         model.Classes[prediction.Class],
		Confidence:    prediction.Probabilities[prediction.Class],
		Probabilities: make(map[string]float64, len(model.Classes)),
		Model:         ModelReference{Name: s.config.Name, Revision: s.config.Revision, SHA256: model.SHA256},
		LatencyMillis: float64(time.Since(start).Microseconds()) / 1000,
	}}
	for i, class := range model.Classes {
		output.Body.Probabilities[class] = prediction.Probabilities[i]
	}
	if input.Logits {
		output.Body.Logits = prediction.Logits
		if model.Output != onnx.OutputLogits {
			output.Body.LogitsFrom = model.Output
		}
	}
	recordPredictions(ctx, output.Body.Class)
	return output, nil
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

// imageOf finds the image in a request's body. Whatever the content type claims, what the bytes are
// is found out when they are decoded; it only tells a form from a bare file.
func imageOf(contentType string, body []byte) ([]byte, error) {
	if contentType == "" {
		return body, nil
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Type %q can't be read: send the image itself as image/jpeg or the like, or a multipart/form-data with the field %q", contentType, imageField)
	}
	switch {
	case mediaType == "multipart/form-data":
		return imageOfForm(body, params["boundary"])
	case strings.HasPrefix(mediaType, "image/"),
		mediaType == "application/octet-stream",
		mediaType == "application/x-www-form-urlencoded": // what curl --data-binary says unless told otherwise
		return body, nil
	default:
		return nil, newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type",
			"Content-Type is %s: send the image itself as image/jpeg or the like, or a multipart/form-data with the field %q", mediaType, imageField)
	}
}

// checkEncoding refuses a body that is compressed as a whole (RFC 9110, 8.4): it would have to be bounded once more, and
// pictures are compressed already.
func checkEncoding(header http.Header) error {
	encoding := strings.Join(header.Values("Content-Encoding"), ", ")
	if encoding == "" || strings.EqualFold(encoding, "identity") {
		return nil
	}
	return newProblem(http.StatusUnsupportedMediaType, "unsupported_encoding",
		"the request's body is compressed (Content-Encoding: %.100s): send it as it is", encoding)
}

func imageOfForm(body []byte, boundary string) ([]byte, error) {
	if boundary == "" {
		return nil, newProblem(http.StatusBadRequest, "invalid_form", "Content-Type is multipart/form-data but names no boundary: let the client library set it")
	}
	form := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, newProblem(http.StatusBadRequest, "missing_file", "the form has no field %q: put the image there", imageField)
		}
		if err != nil {
			return nil, newProblem(http.StatusBadRequest, "invalid_form", "the form is cut or damaged: send it to the boundary that ends it")
		}
		if part.FormName() != imageField {
			continue
		}
		data, err := io.ReadAll(part) // no more than the body, which is bounded
		if err != nil {
			return nil, newProblem(http.StatusBadRequest, "invalid_form", "the form is cut in its field %q: send it to the boundary that ends it", imageField)
		}
		return data, nil
	}
}
