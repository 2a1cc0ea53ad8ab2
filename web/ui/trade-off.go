package ui

import (
	"encoding/json"
	"fmt"

	"sae/nn/experiment"
	"sae/web/chart"
	"sae/web/state"
)

// TradeOff shows what λ exchanges: reconstruction against sparsity.
type TradeOff struct {
	Page  *state.Page
	Stage *stage
}

func (c *TradeOff) loading() bool { return c.Page.Status == state.StatusLoading }

func (c *TradeOff) sweeping() bool {
	_, total := c.Page.Sweeping()
	return total > 0
}

func (c *TradeOff) action() string {
	if c.sweeping() {
		return "Stop the sweep"
	}
	return "Sweep λ"
}

func (c *TradeOff) help() string {
	if c.sweeping() {
		return "Stops after the run under way"
	}
	return "Trains one run after the other, each with another λ and all else as it is set"
}

func (c *TradeOff) toggle() {
	if c.sweeping() {
		c.Page.StopSweep()
		return
	}
	c.Page.Sweep()
}

// rows returns the table of the runs that are compared.
func (c *TradeOff) rows() [][]string {
	var rows [][]string
	for _, run := range c.Page.TradeOff() {
		rows = append(rows, []string{
			experiment.FormatLambda(run.Settings.Lambda),
			fmt.Sprintf("%.4f", run.ValLoss),
			fmt.Sprintf("%.4f", run.ValBCE-c.Page.Dataset.Floor),
			fmt.Sprintf("%.5f", run.ValMSE),
			decibels(run.PSNR),
			fmt.Sprintf("%.1f", run.Active),
			count(run.Dead),
		})
	}
	if rows == nil {
		rows = [][]string{{none, none, none, none, none, none, none}}
	}
	return rows
}

func (c *TradeOff) label() string {
	return fmt.Sprintf("PSNR by the mean number of active units, %s", plural(len(c.Page.TradeOff()), "run"))
}

func (c *TradeOff) version() string {
	p := c.Page
	return fmt.Sprint(p.RunsVersion, len(p.TradeOff()), p.Settings.Latent, p.Baselines())
}

func (c *TradeOff) option(theme chart.Theme) json.RawMessage {
	return chart.TradeOff(theme, c.Page.TradeOff(), c.Page.Settings.Latent, c.Page.Baselines())
}
