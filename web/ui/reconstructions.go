package ui

import (
	"fmt"
	"strconv"

	"sae/nn/experiment"
	"sae/web/state"
)

// Reconstructions shows validation images, their reconstructions and the
// differences.
type Reconstructions struct {
	Page  *state.Page
	Stage *stage
}

// empty reports whether there are no pictures yet; their space is reserved.
func (c *Reconstructions) empty() bool { return len(c.Page.Timeline.Samples.Images) == 0 }

func (c *Reconstructions) positions() int {
	if c.empty() {
		return state.PictureCount
	}
	return len(c.Page.Timeline.Samples.Images)
}

func (c *Reconstructions) aside() string {
	if c.Page.Dataset.Loading != nil {
		return loadingText(c.Page)
	}
	return partsText(c.Page.Settings, "validation pictures, never trained on")
}

// partsText says how pictures are put together from patches, or what else is said of whole
// pictures.
func partsText(s experiment.Settings, whole string) string {
	switch {
	case s.Patch == 0:
		return whole
	case s.Whiten:
		return fmt.Sprintf("from %d patches, each with its own mean", s.PerImage())
	}
	return fmt.Sprintf("from %d patches", s.PerImage())
}

func (c *Reconstructions) selected(position int) bool {
	return !c.empty() && position == c.Page.Pictures.Selected
}

func (c *Reconstructions) pressed(position int) string {
	return strconv.FormatBool(c.selected(position))
}

// name describes a picture by its position and class.
func (c *Reconstructions) name(position int) string {
	name := fmt.Sprintf("picture %d", position+1)
	if class := c.Page.Pictures.ClassName(position); class != "" {
		name += ", " + class
	}
	return name
}

func (c *Reconstructions) version(position int) string {
	return fmt.Sprint(c.Page.Timeline.Samples.Version, " ", position, " ", c.Page.Untrained())
}

func (c *Reconstructions) original(position int) func(*theme) []byte {
	return func(*theme) []byte { return rgba(c.Page.Timeline.Samples.Original(position)) }
}

func (c *Reconstructions) reconstruction(position int) func(*theme) []byte {
	return func(*theme) []byte { return rgba(c.Page.Timeline.Samples.Reconstruction(position)) }
}

// difference is empty before training: the difference from plain grey is the
// picture itself, in loud colours.
func (c *Reconstructions) difference(position int) func(*theme) []byte {
	return func(t *theme) []byte {
		if c.Page.Untrained() {
			return nil
		}
		return difference(c.Page.Timeline.Samples.Original(position), c.Page.Timeline.Samples.Reconstruction(position), t)
	}
}

func (c *Reconstructions) untrainedText() string {
	if c.empty() || !c.Page.Untrained() {
		return ""
	}
	return "grey before training"
}

func (c *Reconstructions) differenceText() string {
	if c.empty() || !c.Page.Untrained() {
		return ""
	}
	return "from the first batch on"
}

// psnr formats the quality of a reconstruction; only the first one has the unit.
func (c *Reconstructions) psnr(position int) string {
	if c.empty() {
		return none
	}
	text := decibels(psnr(c.Page.Timeline.Samples.Original(position), c.Page.Timeline.Samples.Reconstruction(position)))
	if position > 0 {
		text = text[:len(text)-len(" dB")]
	}
	return text
}
