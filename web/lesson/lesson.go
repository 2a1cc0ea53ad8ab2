// Package lesson holds the text of the lesson beside the demo, a file for each
// language. What its steps set and what they recognise is in package state.
package lesson

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
)

// Text is the lesson in one language.
type Text struct {
	Code     string `json:"-"`        // of the language, such as "en"
	Language string `json:"language"` // its name in itself
	Steps    []Step `json:"steps"`
}

// Step is one page of the lesson. In its texts, {latent} stands for the number
// of latent units and {meanBce} for the loss of the mean image.
type Step struct {
	ID    string            `json:"id"`
	Title string            `json:"title"`
	Text  []string          `json:"text"`  // paragraphs
	Setup string            `json:"setup"` // on the button that sets the experiment and trains
	Watch map[string]string `json:"watch"` // what to watch for, by the names of the events
	Hint  string            `json:"hint"`  // for who sees none of it
}

//go:embed *.json
var files embed.FS

// For returns the lesson in the language of a tag such as "en-GB", and in
// English where there is none in that language.
func For(tag string) Text {
	code, _, _ := strings.Cut(strings.ToLower(tag), "-")
	content, err := files.ReadFile(code + ".json")
	if err != nil {
		code = "en"
		content, err = files.ReadFile("en.json")
	}
	text := Text{Code: code}
	if err == nil {
		err = json.Unmarshal(content, &text)
	}
	if err != nil {
		panic(fmt.Sprintf("lesson: %s.json: %v", code, err)) // a test reads all files
	}
	return text
}
