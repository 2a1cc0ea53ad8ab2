package ui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"sae/wasm/protocol"
	"sae/web/state"
)

// none stands for a number that is not known yet.
const none = "–"

// count formats a whole number with separators: "3,072".
func count(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// plural formats a number of things: "1 epoch", "20 epochs".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return count(n) + " " + thing + "s"
}

// hundredths formats a number with two digits after the point, and none as "-0.00".
func hundredths(x float64) string { return fmt.Sprintf("%.2f", math.Round(100*x)/100+0) }

// duration formats seconds like a clock: "0:22", "1:02:03".
func duration(seconds float64) string {
	s := int(seconds + 0.5)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// ago formats an age: "5 minutes ago".
func ago(since time.Duration) string {
	switch minutes := int(since.Minutes()); {
	case minutes < 1:
		return "just now"
	case minutes < 60:
		return plural(minutes, "minute") + " ago"
	case minutes < 24*60:
		return plural(minutes/60, "hour") + " ago"
	default:
		return plural(minutes/60/24, "day") + " ago"
	}
}

// decibels formats a peak signal-to-noise ratio: "18.9 dB".
func decibels(psnr float64) string {
	if math.IsInf(psnr, 1) {
		return "∞ dB" // of equal images
	}
	return fmt.Sprintf("%.1f dB", psnr)
}

// statusText describes the status for screen readers. It changes rarely.
func statusText(p *state.Page) string {
	switch p.Status {
	case state.StatusLoading:
		return "Loading the data set"
	case protocol.StatusTraining:
		return "Training"
	case protocol.StatusPaused:
		return "Paused"
	case protocol.StatusDone:
		text := "Done after " + plural(p.Settings.Epochs, "epoch")
		if latest, ok := p.Latest(); ok {
			text += fmt.Sprintf(": validation loss %s, PSNR %s", lossText(p.Settings, latest.ValLoss), decibels(latest.PSNR))
		}
		return text
	case protocol.StatusError:
		return "Training stopped"
	}
	return "Ready to train on " + p.Dataset.Name
}

// loadingText gives the progress of loading a data set, or "" if none is loading.
func loadingText(p *state.Page) string {
	if p.Dataset.Loading == nil {
		return ""
	}
	if p.Dataset.Loading.Total == 0 {
		return p.Dataset.Loading.Stage
	}
	return fmt.Sprintf("%s, %.0f %%", p.Dataset.Loading.Stage, 100*loadingShare(p))
}

// loadingShare returns the share of a data set that is loaded, from 0 to 1.
func loadingShare(p *state.Page) float64 {
	if p.Dataset.Loading == nil || p.Dataset.Loading.Total == 0 {
		return 0
	}
	return min(1, float64(p.Dataset.Loading.Done)/float64(p.Dataset.Loading.Total))
}

// synthetic reports whether the data set is the synthetic one.
func synthetic(p *state.Page) bool { return p.Dataset.Source == protocol.SourceSynthetic }

// article puts "a" or "an" before a noun.
func article(noun string) string {
	if noun != "" && strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
