// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/trainyard-dev/trainyard/server/internal/openinference"
)

const (
	jsonType = "application/json"
	formType = "multipart/form-data"
)

// pictureFields are what fields with a picture are called. A file is taken from a field of any name.
var pictureFields = []string{"file", "files", "image", "images", "picture", "pictures", "photo", "img", "upload", "data"}

// picture reads one picture, and is called once at most.
type picture func() ([]byte, error)

// sentPictures are those of a request.
type sentPictures struct {
	all []picture
	// batch is set if each of them is answered by itself.
	batch bool
}

// pictureTypes describe the bodies that picturesOf reads.
func pictureTypes() map[string]*huma.MediaType {
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	encoded := &huma.Schema{Type: huma.TypeString, ContentEncoding: "base64", Description: "A picture in base64, or a data URI."}
	least := 1
	return map[string]*huma.MediaType{
		"image/*": {Schema: binary},
		formType: {Schema: &huma.Schema{
			Type: huma.TypeObject, Properties: map[string]*huma.Schema{"file": binary}, Required: []string{"file"},
			Description: "Files are taken from fields of any name.",
		}},
		jsonType: {Schema: &huma.Schema{OneOf: []*huma.Schema{
			{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"image": encoded}, Required: []string{"image"}},
			{
				Type: huma.TypeObject, Required: []string{"images"},
				Properties: map[string]*huma.Schema{"images": {Type: huma.TypeArray, Items: encoded, MinItems: &least}},
			},
		}}},
	}
}

// picturesOf finds the pictures in a request's body, at most limit. Whatever the content type claims, what the bytes are is
// found out when they are decoded; it only tells forms and JSON from a bare file.
func picturesOf(contentType string, body []byte, limit int) (sentPictures, error) {
	if contentType == "" {
		return bare(body)
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return sentPictures{}, unsupportedMediaType("%.100q can't be read", contentType)
	}
	switch {
	case mediaType == formType:
		return ofForm(body, params["boundary"], limit)
	case mediaType == jsonType:
		return ofJSON(body, limit)
	case strings.HasPrefix(mediaType, "image/"),
		mediaType == "application/octet-stream",
		mediaType == "application/x-www-form-urlencoded": // what curl --data-binary says unless told otherwise
		return bare(body)
	default:
		return sentPictures{}, unsupportedMediaType("is %.100s", mediaType)
	}
}

func unsupportedMediaType(format string, args ...any) *Problem {
	return newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type",
		"Content-Type "+format+": send the picture itself as image/jpeg or the like, as a file of a multipart/form-data, or in base64 as the image of an application/json", args...)
}

// bare is a body that is a picture.
func bare(body []byte) (sentPictures, error) {
	if err := refuseURL("the body", body); err != nil {
		return sentPictures{}, err
	}
	return sentPictures{all: []picture{func() ([]byte, error) { return body, nil }}}, nil
}

// url is the beginning of one, of those that the server might be asked to fetch, perhaps as a field of an encoded form.
var url = regexp.MustCompile(`(?i)^\s*([\w-]{1,32}=)?(https?|ftp|file|s3|gs|azblob)(:|%3A)(//|%2F%2F)`)

// refuseURL is an error if a URL stands in place of a picture. Who could have the server fetch what they name would reach
// whatever it can reach.
func refuseURL[T string | []byte](where string, value T) error {
	const enough = 128
	if !url.MatchString(string(value[:min(len(value), enough)])) {
		return nil
	}
	return newProblem(http.StatusBadRequest, "url_refused",
		"%s is a URL, and the server fetches nothing on behalf of its clients: fetch the picture yourself and send its bytes", where)
}

// ofJSON reads {"image": …} or {"images": […]}.
func ofJSON(body []byte, limit int) (sentPictures, error) {
	var document struct {
		Image  *string         `json:"image"`
		Images json.RawMessage `json:"images"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return sentPictures{}, newProblem(http.StatusBadRequest, "invalid_json", "the body can't be read as JSON: %s", jsonFault(err))
	}
	if document.Image != nil && document.Images == nil {
		one, err := encoded(*document.Image, `"image"`)
		return sentPictures{all: []picture{one}}, err
	}
	// Millions of empty strings fit into a body, so they are counted before they are decoded.
	if bytes.Count(document.Images, []byte{'"'}) > 2*limit {
		return sentPictures{}, openinference.TooMany(limit)
	}
	var images []*string
	if document.Image != nil || json.Unmarshal(document.Images, &images) != nil || len(images) == 0 {
		return sentPictures{}, newProblem(http.StatusBadRequest, "invalid_json",
			`there is no picture in the JSON: send {"image": BASE64} for one, or {"images": [BASE64, …]} for several`)
	}
	sent := sentPictures{batch: true}
	for _, image := range images {
		if image == nil {
			return sentPictures{}, newProblem(http.StatusBadRequest, "invalid_json", `one of "images" is null: send pictures in base64`)
		}
		one, err := encoded(*image, `one of "images"`)
		if err != nil {
			return sentPictures{}, err
		}
		sent.all = append(sent.all, one)
	}
	return sent, nil
}

// encoded is a picture in base64, or in a data URI as browsers make it. It is decoded when its turn comes.
func encoded(text, where string) (picture, error) {
	if err := refuseURL(where, text); err != nil {
		return nil, err
	}
	return func() ([]byte, error) {
		if strings.HasPrefix(text, "data:") {
			_, text, _ = strings.Cut(text, ",")
		}
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, invalidInput("%s is not base64: %v", where, err)
		}
		if len(data) == 0 {
			return nil, invalidInput("%s is empty: send a picture in base64", where)
		}
		return data, nil
	}, nil
}

// ofForm reads the files of a form. Other fields are passed over.
func ofForm(body []byte, boundary string, limit int) (sentPictures, error) {
	if boundary == "" {
		return sentPictures{}, newProblem(http.StatusBadRequest, "invalid_form", "Content-Type is multipart/form-data but names no boundary: let the client library set it")
	}
	var (
		sent       sentPictures
		urlInstead error
		form       = multipart.NewReader(bytes.NewReader(body), boundary)
	)
	for {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sentPictures{}, newProblem(http.StatusBadRequest, "invalid_form", "the form is cut or damaged: send it to the boundary that ends it")
		}
		data, err := io.ReadAll(part) // no more than the body, which is bounded
		if err != nil {
			return sentPictures{}, newProblem(http.StatusBadRequest, "invalid_form", "the form is cut in its field %.100q: send it to the boundary that ends it", part.FormName())
		}
		if err := refuseURL("a field of the form", data); err != nil {
			urlInstead = err
			continue
		}
		if !holdsPicture(part) {
			continue
		}
		if len(sent.all) == limit {
			return sentPictures{}, openinference.TooMany(limit)
		}
		sent.all = append(sent.all, func() ([]byte, error) { return data, nil })
	}
	switch {
	case len(sent.all) > 0:
		sent.batch = len(sent.all) > 1
		return sent, nil
	case urlInstead != nil:
		return sentPictures{}, urlInstead
	default:
		return sentPictures{}, newProblem(http.StatusBadRequest, "missing_file", "the form has no file: add the picture as a file, in a field such as %q", pictureFields[0])
	}
}

// holdsPicture tells whether a field of a form is a picture: a file, or a field that says so by its name.
func holdsPicture(part *multipart.Part) bool {
	name := strings.ToLower(strings.TrimSuffix(part.FormName(), "[]"))
	return part.FileName() != "" || slices.Contains(pictureFields, name)
}
