package state

// Toast is a short message with a way back.
type Toast struct {
	Text string
	Undo func() // nil for none
}

// Undo takes back what the toast tells of.
func (p *Page) Undo() {
	toast := p.Toast
	p.Toast = nil
	if toast != nil && toast.Undo != nil {
		toast.Undo()
	}
}

// Say shows a short message.
func (p *Page) Say(text string) { p.Toast = &Toast{Text: text} }

// Copied tells how it went to copy something, such as "The link", to the clipboard.
func (p *Page) Copied(what string, err error) {
	if err != nil {
		p.Say(what + " could not be copied: " + err.Error() + ".")
		return
	}
	p.Say(what + " is in the clipboard.")
}

// DismissToast closes the toast.
func (p *Page) DismissToast() { p.Toast = nil }
