package state

import (
	"errors"
	"fmt"

	"sae/nn/experiment"
)

// The form shows the settings in use, or what the user typed in their place, with the
// reason where that was refused. Nothing trains while it shows what was refused, and what
// is typed is forgotten when it is closed.

// ShowSettings opens the form with all settings, where it has any, or closes it.
func (p *Page) ShowSettings(open bool) {
	p.MoreSettings = open && len(p.FormFields()) > 0
	if !open {
		clear(p.Draft)
		clear(p.FieldErrors)
	}
}

// Type keeps what the user is typing into a field of the form until Edit
// takes it.
func (p *Page) Type(name, text string) {
	if field, ok := experiment.Lookup(name); ok && field.Format(p.Settings) == text {
		delete(p.Draft, name)
		delete(p.FieldErrors, name)
		return
	}
	p.Draft[name] = text
}

// Edit is Set for one field of the form: what is refused stays in the field
// with the reason beside it. What would change a setting that is locked only says so.
func (p *Page) Edit(name, text string) {
	if settings, _, err := p.with(map[string]string{name: text}); err == nil && p.refuseLocked(settings) {
		delete(p.Draft, name)
		delete(p.FieldErrors, name)
		return
	}
	p.Set(map[string]string{name: text}, func(_ bool, err error) {
		if err == nil {
			return
		}
		p.Draft[name], p.FieldErrors[name] = text, err.Error()
		if field := (*experiment.FieldError)(nil); errors.As(err, &field) {
			p.FieldErrors[name] = "Want " + field.Want + "."
		}
	})
}

// misfilled reports whether a field shows what was refused, and says so: what would be
// trained is something else than what the form shows.
func (p *Page) misfilled() bool {
	for _, field := range experiment.Table {
		reason, refused := p.FieldErrors[field.Name]
		if !refused {
			continue
		}
		p.Notify(field.Label+" shows what cannot be used", fmt.Sprintf(
			"%q: %s Nothing is trained until that is corrected; Escape brings back %q.", p.Draft[field.Name], reason, field.Format(p.Settings)))
		return true
	}
	return false
}

// StepOnce is Step for a user, who sees the form, and wants to see the step.
func (p *Page) StepOnce() {
	if !p.misfilled() {
		p.Timeline.Now()
		p.Step(ignore)
	}
}
