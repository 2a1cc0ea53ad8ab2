// Package lesson holds the text of the lesson, one file per language. Package state
// defines what each step sets up and detects.
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
	Language string `json:"language"` // its own name, such as "English"
	Steps    []Step `json:"steps"`
}

// Step is one page of the lesson. In its texts, {meanBce} is the loss of the mean image,
// {gamma} how much of the contrast the reconstructions have, and the name of a setting that the
// step sets is its value, such as {latent}.
type Step struct {
	ID      string            `json:"id"`
	Title   string            `json:"title"`
	Text    []string          `json:"text"`    // paragraphs
	Formula string            `json:"formula"` // what it is about in the field's notation; "" for none
	Setup   string            `json:"setup"`   // on the button that sets the experiment and trains
	Watch   map[string]string `json:"watch"`   // what to watch for, by event
	Hint    string            `json:"hint"`    // if nothing happens
}

//go:embed *.json
var files embed.FS

// For returns the lesson in the language of a tag such as "en-GB", or in English
// if there is none in that language.
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
