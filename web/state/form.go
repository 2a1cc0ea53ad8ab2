package state

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"sae/nn/experiment"
)

// Form is the form with the settings that have no slider. A field shows the setting in use,
// or a text that was refused and why. Nothing is trained while a field shows a refused text.
// Closing the form discards such texts.
type Form struct {
	Open   bool
	Draft  map[string]string // texts that are typed but not in use, by setting
	Errors map[string]string // why texts were refused, by setting

	page *Page
}

// Show opens the form, if it has any fields, or closes it.
func (f *Form) Show(open bool) {
	f.Open = open && len(f.Fields()) > 0
	if !open {
		clear(f.Draft)
		clear(f.Errors)
	}
}

// Fields returns the settings of the form: those that have an effect, unless they are
// locked or have a slider.
func (f *Form) Fields() []experiment.Field {
	embed := f.page.Embed
	return slices.DeleteFunc(slices.Clone(experiment.Table), func(field experiment.Field) bool {
		inBar := field.Notches != nil || embed == nil && field.Name == "experiment"
		return inBar || embed.Locked(field.Name) || !field.Applies(f.page.Settings)
	})
}

// Type takes the text that the user is typing into a field. Edit puts it into use.
func (f *Form) Type(name, text string) {
	if field, ok := experiment.Lookup(name); ok && field.Format(f.page.Settings) == text {
		f.discard(name)
		return
	}
	f.Draft[name] = text
}

// discard makes a field show the setting in use.
func (f *Form) discard(name string) {
	delete(f.Draft, name)
	delete(f.Errors, name)
}

// Edit changes a setting for the reader. A refused text stays in the field. If a lock
// forbids the change, a toast says so.
func (f *Form) Edit(name, text string) {
	change := map[string]string{name: text}
	if settings, _, err := f.page.with(change); err == nil && f.refuseLocked(settings) {
		f.discard(name)
		return
	}
	f.page.Set(change, func(_ bool, err error) {
		if err == nil {
			return
		}
		f.Draft[name], f.Errors[name] = text, err.Error()
		if field := (*experiment.FieldError)(nil); errors.As(err, &field) && field.Name == name {
			f.Errors[name] = "Want " + field.Want + "."
		}
	})
}

// refuseLocked reports whether settings would change a locked one, and tells the reader.
func (f *Form) refuseLocked(settings experiment.Settings) bool {
	var locked *experiment.FieldError
	if !errors.As(f.page.Settings.Keep(f.page.Embed.locked(), settings), &locked) {
		return false
	}
	messages := &f.page.Messages
	if messages.Toast == nil || messages.Toast.Undo == nil { // an undo is worth more
		field, _ := experiment.Lookup(locked.Name)
		messages.Say(fmt.Sprintf("%s stays %s: it is locked here.", field.Label, cmp.Or(field.Format(f.page.Settings), "empty")))
	}
	return true
}

// misfilled reports whether a field shows a refused text, and tells the user: training
// would use another value than the form shows.
func (f *Form) misfilled() bool {
	for _, field := range experiment.Table {
		reason, refused := f.Errors[field.Name]
		if !refused || !field.Applies(f.page.Settings) { // then the form does not show it
			continue
		}
		f.page.Messages.Notify(field.Label+" shows what cannot be used", fmt.Sprintf(
			"%q: %s Nothing is trained until that is corrected; Escape brings back %q.", f.Draft[field.Name], reason, field.Format(f.page.Settings)))
		return true
	}
	return false
}
