package state

import "slices"

// Messages are what the page tells the user.
type Messages struct {
	Notice *Notice // nil for none
	Toast  *Toast  // nil for none

	changed func(event string)
}

// Notice is a message that stays until the user dismisses it, or until its subject is over.
type Notice struct {
	Title string // what happened
	Text  string // where, and what to do next
	about about
}

// about is the subject of a notice, which says when it is over.
type about int

const (
	aboutPage     about = iota // until the page is reloaded
	aboutTry                   // something that the user tried: until they try something else
	aboutSettings              // until they change
	aboutRun                   // until the user replaces the run
	aboutOffer                 // of an unfinished run: until it is taken or declined
)

// tell shows a notice of something that failed, which is an event of the page's API too.
func (m *Messages) tell(about about, title, text string) {
	m.inform(about, title, text)
	m.changed("error")
}

// inform shows a notice of something that did not fail.
func (m *Messages) inform(about about, title, text string) { m.Notice = &Notice{title, text, about} }

// over ends the notice if it is about one of the subjects. With the settings or the run, a
// toast about what was copied ends too.
func (m *Messages) over(abouts ...about) {
	if m.Notice != nil && slices.Contains(abouts, m.Notice.about) {
		m.Notice = nil
	}
	if m.Toast != nil && m.Toast.Undo == nil && (slices.Contains(abouts, aboutRun) || slices.Contains(abouts, aboutSettings)) {
		m.Toast = nil
	}
}

// Dismiss closes the notice.
func (m *Messages) Dismiss() { m.Notice = nil }

// Notify shows a notice about something that the user tried.
func (m *Messages) Notify(title, text string) { m.tell(aboutTry, title, text) }

// Toast is a short message, possibly with an undo.
type Toast struct {
	Text string
	Undo func() // nil for none
}

// Undo undoes what the toast says.
func (m *Messages) Undo() {
	toast := m.Toast
	m.Toast = nil
	if toast != nil && toast.Undo != nil {
		toast.Undo()
	}
}

// Say shows a toast.
func (m *Messages) Say(text string) { m.Toast = &Toast{Text: text} }

// Copied tells the user whether something, such as "The link", was copied.
func (m *Messages) Copied(what string, err error) {
	if err != nil {
		m.Say(what + " could not be copied: " + err.Error() + ".")
		return
	}
	m.Say(what + " is in the clipboard.")
}

// DismissToast closes the toast.
func (m *Messages) DismissToast() { m.Toast = nil }
