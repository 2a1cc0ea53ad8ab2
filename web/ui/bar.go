package ui

import (
	"fmt"
	"strconv"

	"sae/nn/experiment"
	"sae/wasm/protocol"
	"sae/web/state"
)

// Bar is the header: the experiment, the controls and progress of training, and
// notices.
type Bar struct {
	Page        *state.Page
	ToggleTheme func()
}

var views = []struct {
	view                 state.View
	address, title, help string
}{
	{state.ViewTrain, "#train", "Train", "Train the network and watch it learn (T)"},
	{state.ViewFeatures, "#features", "Features", "What the latent units stand for (F)"},
	{state.ViewExplore, "#explore", "Explore", "Change a code and watch the decoder answer (E)"},
	{state.ViewCompare, "#compare", "Compare", "Finished runs side by side (C)"},
}

var panels = []struct {
	panel       state.Panel
	title, help string
}{
	{state.PanelData, "Data", "The pictures that the network learns from (D)"},
	{state.PanelModel, "Model", "The layers, and files of the model"},
	{state.PanelShare, "Share", "A link to these settings, and the demo in a page of yours"},
}

// current marks the link to the view that is shown.
func (c *Bar) current(view state.View) any {
	if c.Page.View == view {
		return "page"
	}
	return nil
}

func (c *Bar) opened(panel state.Panel) string { return strconv.FormatBool(c.Page.Panel == panel) }

func (c *Bar) experiment() experiment.Field {
	field, _ := experiment.Lookup("experiment")
	return field
}

func (c *Bar) experimentName(number string) string {
	n, _ := strconv.Atoi(number)
	return number + " " + experiment.Names[n]
}

func (c *Bar) chosen(number string) bool { return c.experiment().Format(c.Page.Settings) == number }

func (c *Bar) choose(number string) { c.Page.Form.Edit("experiment", number) }

func (c *Bar) loading() bool { return c.Page.Status == state.StatusLoading }

// training reports whether another press of the play button ends the training.
func (c *Bar) training() bool { return c.Page.Status == protocol.StatusTraining || c.Page.Starting() }

func (c *Bar) playable() bool {
	over := c.Page.Status == protocol.StatusDone && c.Page.Embed.Locked("epochs")
	return c.Page.Status != protocol.StatusError && !over
}

func (c *Bar) steppable() bool {
	return c.playable() && !c.loading() && c.Page.Status != protocol.StatusDone
}

func (c *Bar) playLabel() string {
	switch c.Page.Status {
	case state.StatusLoading:
		if c.Page.Starting() {
			return "Starting"
		}
	case protocol.StatusTraining:
		return "Pause"
	case protocol.StatusDone:
		if c.playable() {
			return "Continue"
		}
		return "Done"
	}
	return "Train"
}

func (c *Bar) playTitle() string {
	switch c.Page.Status {
	case state.StatusLoading:
		return "Training starts as soon as the pictures are there"
	case protocol.StatusTraining:
		return "Pause training"
	case protocol.StatusDone:
		if c.Page.Embed.Locked("epochs") {
			return "All epochs are done; reset to train again"
		}
		return "Train for " + plural(experiment.Default().Epochs, "more epoch")
	case protocol.StatusError:
		return "Training stopped; reset to start over"
	}
	return "Train for " + plural(c.Page.Settings.Epochs-c.Page.Epoch, "epoch")
}

func (c *Bar) playIcon() string {
	if c.training() {
		return "#pause"
	}
	return "#play"
}

func (c *Bar) batch() string {
	switch {
	case c.Page.Worker.Gone:
		return "stopped; reload the page"
	case c.Page.Status == protocol.StatusError:
		return "stopped; reset to start over"
	case c.Page.Batches == 0:
		return "batch " + none
	case c.Page.Status == protocol.StatusTraining && !c.Page.Trained() && c.Page.Dataset.Partial:
		return fmt.Sprintf("%d %% of the pictures", 100*c.Page.Dataset.Arrived/c.Page.Dataset.Train)
	}
	text := fmt.Sprintf("batch %s of %s", count(c.Page.Batch), count(c.Page.Batches))
	if c.Page.Saves.Unsaved != "" {
		text += " · not saved"
	}
	return text
}

// unsaved says why the current run is not saved.
func (c *Bar) unsaved() string {
	if c.Page.Saves.Unsaved == "" {
		return ""
	}
	return "This run will be lost when the page is closed: " + c.Page.Saves.Unsaved
}

func (c *Bar) progress() string { return fmt.Sprintf("%.4f", c.Page.Progress()) }

func (c *Bar) speed() string {
	if c.Page.ImagesPerSecond == 0 {
		return none
	}
	return count(int(c.Page.ImagesPerSecond + 0.5))
}

func (c *Bar) timeLeft() string {
	switch {
	case c.Page.Status == protocol.StatusDone:
		return "done"
	case c.Page.SecondsLeft == 0:
		return "\u00a0" // keeps the line's height
	}
	return duration(c.Page.SecondsLeft) + " left"
}

func (c *Bar) kernel() string {
	if c.Page.Worker.Gone {
		return "no worker"
	}
	if card := c.Page.Card; card != "" {
		return "WebGPU · " + card
	}
	kernels := map[string]string{"go": "plain Go", "simd": "SIMD", "relaxed-simd": "relaxed SIMD"}
	name, ok := kernels[c.Page.Worker.Kernel]
	if !ok {
		name = "starting"
	}
	return plural(c.Page.Workers, "worker") + " · " + name
}

func (c *Bar) reset() { c.Page.Reset(state.Ignore) }

func (c *Bar) expanded() string { return strconv.FormatBool(c.Page.Form.Open) }

func (c *Bar) lesson() string { return strconv.FormatBool(c.Page.Lesson.Open) }

func (c *Bar) helped() string { return strconv.FormatBool(c.Page.Help) }

func (c *Bar) toggleHelp() { c.Page.Help = !c.Page.Help }

func (c *Bar) toggleSettings() { c.Page.Form.Show(!c.Page.Form.Open) }
