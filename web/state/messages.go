package state

import "slices"

// Messages are what the page tells the user.
type Messages struct {
	Notice *Notice // nil for none
	Toast  *Toast  // nil for none

	changed func(event string)
}

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
func (m *Messages) tell(about about, title, text string) {
	m.Notice = &Notice{title, text, about}
	m.changed("error")
}

// over ends the notice where it is about something of these kinds, and what is said of
// what was copied, which was of these settings and this run.
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

// Notify tells what has come of something that the user tried.
func (m *Messages) Notify(title, text string) { m.tell(aboutTry, title, text) }

// Toast is a short message with a way back.
type Toast struct {
	Text string
	Undo func() // nil for none
}

// Undo takes back what the toast tells of.
func (m *Messages) Undo() {
	toast := m.Toast
	m.Toast = nil
	if toast != nil && toast.Undo != nil {
		toast.Undo()
	}
}

// Say shows a short message.
func (m *Messages) Say(text string) { m.Toast = &Toast{Text: text} }

// Copied tells how it went to copy something, such as "The link", to the clipboard.
func (m *Messages) Copied(what string, err error) {
	if err != nil {
		m.Say(what + " could not be copied: " + err.Error() + ".")
		return
	}
	m.Say(what + " is in the clipboard.")
}

// DismissToast closes the toast.
func (m *Messages) DismissToast() { m.Toast = nil }
