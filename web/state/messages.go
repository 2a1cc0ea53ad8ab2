package state

import "slices"

// Notice is a message to the user that stays until it is dismissed, or until what it is
// about is over.
type Notice struct {
	Title string // what happened
	Text  string // where, and what to do next
	about about
}

// about is what a notice is about.
type about int

const (
	aboutPage     about = iota // which is what it is until it is loaded anew
	aboutTry                   // something that the user tried, until they try something else
	aboutSettings              // until they are changed
	aboutRun                   // the one under way, until the user has another in its place
	aboutOffer                 // of an unfinished run, while there is one
)

// tell shows a notice.
func (p *Page) tell(about about, title, text string) {
	p.Notice = &Notice{title, text, about}
	p.changed("error")
}

// over ends the notice where it is about something of these kinds, and what is said of
// what was copied, which was of these settings and this run.
func (p *Page) over(abouts ...about) {
	if p.Notice != nil && slices.Contains(abouts, p.Notice.about) {
		p.Notice = nil
	}
	if p.Toast != nil && p.Toast.Undo == nil && (slices.Contains(abouts, aboutRun) || slices.Contains(abouts, aboutSettings)) {
		p.Toast = nil
	}
}

// Dismiss closes the notice.
func (p *Page) Dismiss() { p.Notice = nil }

// Notify tells what has come of something that the user tried.
func (p *Page) Notify(title, text string) { p.tell(aboutTry, title, text) }

// Exported tells how it went to export the model to a file of the name.
func (p *Page) Exported(name string, err error) {
	p.over(aboutTry)
	if p.Told = ""; err != nil {
		p.Notify("The model could not be exported", err.Error())
		return
	}
	p.Told = "Saved " + name + "."
}

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
