package ui

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"

	"sae/nn"
	"sae/nn/baseline"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/web/chart"
	"sae/web/state"
)

// Loss shows the loss curves and their figures.
type Loss struct {
	Page  *state.Page
	Stage *stage

	timeline js.Value // its slider
}

var quantities = []choice{
	{fit.QuantityLoss, "Total", "The loss that training minimises: binary cross-entropy plus L1 penalty."},
	{fit.QuantityExcess, "Above lowest", "The loss above the lowest value that any reconstruction can reach, the entropy floor of the pictures."},
	{fit.QuantityPSNR, "PSNR", "Peak signal-to-noise ratio of the validation reconstructions; higher is better."},
}

// choice is a quantity to choose.
type choice struct {
	quantity    fit.Quantity
	label, help string
}

// quantities returns the choices: the mean squared error has no floor but 0.
func (c *Loss) quantities() []choice {
	if c.Page.Loss.MSE() {
		return []choice{{fit.QuantityLoss, "MSE", "The loss that training minimises: mean squared error, plus an L1 penalty if there is one."}, quantities[2]}
	}
	return quantities
}

func (c *Loss) chosen(quantity fit.Quantity) bool {
	shown := c.Page.Loss.Quantity
	return shown == quantity || c.Page.Loss.MSE() && quantity == fit.QuantityLoss && shown == fit.QuantityExcess
}

// kind names the loss that trains.
func (c *Loss) kind() string {
	if c.Page.Settings.Whiten {
		return "mean squared error of whitened patches"
	}
	if c.Page.Loss.MSE() {
		return "mean squared error"
	}
	return "binary cross-entropy"
}

func (c *Loss) validationHelp() string {
	return "The mean over the validation pictures of the " + c.kind() + " plus the L1 penalty."
}

// loss formats a loss.
func (c *Loss) loss(value float64) string {
	if c.Page.Loss.Quantity == fit.QuantityExcess && !c.Page.Loss.MSE() {
		value -= c.Page.Dataset.Floor
	}
	return lossText(c.Page.Settings, value)
}

// lossText formats a loss of a run with the settings. A squared error needs more digits.
func lossText(s experiment.Settings, value float64) string {
	if s.Loss == nn.MSE.String() {
		return fmt.Sprintf("%.5f", value)
	}
	return fmt.Sprintf("%.4f", value)
}

func (c *Loss) validation() string {
	latest, ok := c.Page.Timeline.Evaluation()
	if !ok {
		return none
	}
	return c.loss(latest.ValLoss)
}

func (c *Loss) training() string {
	loss, ok := c.Page.Timeline.TrainingLoss()
	if !ok {
		return none
	}
	return c.loss(loss)
}

func (c *Loss) psnr() string {
	latest, ok := c.Page.Timeline.Evaluation()
	if !ok {
		return none
	}
	return decibels(latest.PSNR)
}

func (c *Loss) excess() string {
	latest, ok := c.Page.Timeline.Evaluation()
	if !ok {
		return none
	}
	return fmt.Sprintf("%.4f", latest.ValBCE-c.Page.Dataset.Floor)
}

// same reports whether the validation loss is the mean squared error of the pictures, which
// then has no figure of its own.
func (c *Loss) same() bool {
	s := c.Page.Settings
	return c.Page.Loss.MSE() && !s.Whiten && s.Lambda == 0
}

func (c *Loss) mse() string {
	latest, ok := c.Page.Timeline.Evaluation()
	if !ok {
		return none
	}
	return fmt.Sprintf("%.4f", latest.ValMSE)
}

func (c *Loss) fvu() string {
	latest, ok := c.Page.Timeline.Evaluation()
	if !ok {
		return none
	}
	return unexplained(latest.FVU)
}

// unexplained formats a fraction of variance unexplained; 0 stands for one that is not known.
func unexplained(fvu float64) string {
	if fvu == 0 {
		return none
	}
	return fmt.Sprintf("%.3f", fvu)
}

func (c *Loss) pcaName() string { return fmt.Sprintf("PCA-%d", c.Page.Loss.Components()) }

func (c *Loss) pcaHelp() string {
	if !c.Page.Loss.PCAPossible() {
		return fmt.Sprintf("Available for up to %d components, and no more than there are training pictures.", baseline.MaxPCA)
	}
	return fmt.Sprintf("Reconstructs every picture from its position along the %d directions in which the training pictures vary most. No linear code of that size has a smaller squared error.", c.Page.Loss.Components())
}

// whole reports whether the chart shows no baselines, because their losses are those of whole
// pictures, and those of the run are not.
func (c *Loss) whole() bool {
	return c.Page.Settings.Whiten && c.Page.Loss.Quantity != fit.QuantityPSNR
}

// pcaText gives the error of principal components, or says that they are being
// computed, or where the baselines are.
func (c *Loss) pcaText() string {
	if c.whole() && (c.Page.Loss.ShowMean || c.Page.Loss.ShowPCA) {
		return "with PSNR only: this loss is of whitened patches"
	}
	if !c.Page.Loss.ShowPCA || !c.Page.Loss.PCAPossible() {
		return ""
	}
	quality, ok := c.Page.Loss.PCA()
	if !ok {
		return "computing"
	}
	return fmt.Sprintf("MSE %.4f", quality.MSE)
}

// last returns the index of the timeline's last moment.
func (c *Loss) last() string { return strconv.Itoa(max(0, len(c.Page.Timeline.Moments)-1)) }

func (c *Loss) moment() string {
	if c.Page.Timeline.Past >= 0 {
		return strconv.Itoa(c.Page.Timeline.Past)
	}
	return c.last()
}

func (c *Loss) when() string {
	if c.Page.Timeline.Past >= 0 {
		return strings.ToLower(epochText(c.Page.Timeline.Epoch))
	}
	return "now"
}

func (c *Loss) scrub(event vugu.DOMEvent) {
	value := event.PropString("target", "value")
	if value == event.PropString("target", "max") { // even if there is a later moment by now
		value = c.last()
	}
	if moment, err := strconv.Atoi(value); err == nil {
		c.Page.Timeline.Scrub(moment)
		showOutput(c.timeline, c.when())
	}
}

func (c *Loss) mountTimeline(input js.Value) { c.timeline = input }

func (c *Loss) label() string {
	return fmt.Sprintf("Chart by epoch: validation %s, training %s, PSNR %s", c.validation(), c.training(), c.psnr())
}

func (c *Loss) version() string {
	p := c.Page
	return fmt.Sprint(p.Dataset.Name, p.Settings.Loss, p.Initial != nil, len(p.History), len(p.Curve), c.training(), p.Loss.Quantity, p.Loss.Log, p.Settings.Epochs, p.Loss.Baselines(), p.Runs.Version, p.Timeline.Past, p.Timeline.Epoch)
}

func (c *Loss) curves() chart.Curves {
	p := c.Page
	others := p.Runs.Overlaid()
	if p.Loss.Quantity != fit.QuantityPSNR { // other losses cannot be compared
		others = slices.DeleteFunc(slices.Clone(others), func(r fit.Result) bool {
			return r.Settings.Loss != p.Settings.Loss || r.Settings.Whiten != p.Settings.Whiten
		})
	}
	curves := chart.Curves{
		Quantity: p.Loss.Quantity,
		MSE:      p.Loss.MSE(),
		Log:      p.Loss.Log,
		Epochs:   p.Settings.Epochs,
		Floor:    p.Dataset.Floor,
		Initial:  p.Initial,
		Curve:    p.Curve,
		History:  p.History,

		Baselines: p.Loss.Baselines(),
		Others:    others,
	}
	if c.whole() {
		curves.Baselines = nil
	}
	if p.Timeline.Past >= 0 {
		curves.Shown = &p.Timeline.Epoch
	}
	return curves
}

func (c *Loss) option(theme chart.Theme) json.RawMessage { return chart.Loss(theme, c.curves()) }

// table returns the chart with every epoch, for CSV. The drawn chart merges some.
func (c *Loss) table() json.RawMessage {
	curves := c.curves()
	curves.All, curves.Shown = true, nil
	return chart.Loss(chart.Theme{}, curves)
}
