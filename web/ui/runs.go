package ui

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"

	"sae/nn/baseline"
	"sae/nn/experiment"
	"sae/web/chart"
	"sae/web/state"
)

// Runs shows the finished runs and the trade-off between reconstruction and
// sparsity.
type Runs struct {
	Page     *state.Page
	Stage    *stage
	SaveText func(text, name string)

	table  []column // as of tabled
	tabled string
}

func (c *Runs) loading() bool { return c.Page.Status == state.StatusLoading }

// lead says how long runs are kept.
func (c *Runs) lead() string {
	text := "Finished runs stay in this browser, with their models, until you delete them."
	if c.Page.Runs.Unkept != "" {
		text = "Finished runs are kept for this visit only: " + c.Page.Runs.Unkept + "."
	}
	if c.Page.Saves.Unsaved != "" {
		text += " The current run is not saved: " + c.Page.Saves.Unsaved + "."
	}
	return text + " Settings that differ are tinted, best values bold."
}

func (c *Runs) queueing() bool {
	_, total := c.Page.Series.At()
	return total > 0
}

// queued gives the progress of a series of runs.
func (c *Runs) queued() string {
	run, total := c.Page.Series.At()
	if total == 0 {
		return ""
	}
	field, _ := experiment.Lookup(c.Page.Sparsity())
	return fmt.Sprintf("Run %d of %d, %s = %s", run, total, c.knob(), field.Format(c.Page.Settings))
}

// knob is the symbol of the setting that a sweep varies.
func (c *Runs) knob() string {
	if c.Page.Sparsity() == "k" {
		return "k"
	}
	return "λ"
}

func (c *Runs) sweepLabel() string {
	if c.queueing() {
		return "Stop after this run"
	}
	return "Sweep " + c.knob()
}

func (c *Runs) sweepHelp() string {
	if c.queueing() {
		return "Cancel the remaining runs"
	}
	return "Train one run for each " + c.knob() + " of the slider, with all other settings unchanged"
}

func (c *Runs) sweep() {
	if c.queueing() {
		c.Page.Series.Stop()
		return
	}
	c.Page.Series.Sweep()
}

// column is a column of the table.
type column struct {
	title   string
	text    func(state.Run) string
	value   func(state.Run) float64 // the best value is bold; nil if none is
	higher  bool                    // whether higher values are better
	differs bool                    // whether the runs differ in this setting
	best    float64
}

// columns returns the columns, computed again when the runs change.
func (c *Runs) columns() []column {
	if now := fmt.Sprint(c.Page.Runs.Version, len(c.Page.Runs.Kept), c.Page.Dataset.Floor); c.table == nil || c.tabled != now {
		c.table, c.tabled = c.newColumns(), now
	}
	return c.table
}

// newColumns returns the columns. Some settings are always shown, others if the
// runs differ in them.
func (c *Runs) newColumns() []column {
	mixed := false // whether runs differ in the loss, or in what it is the loss of, so that its values cannot be compared
	columns := []column{{title: "Run", text: func(r state.Run) string { return r.Name }}}
	for _, field := range experiment.Table {
		if field.Machine {
			continue
		}
		differs := c.differs(field)
		switch field.Name {
		case "experiment", "lambda", "latent", "epochs":
		case "loss", "whiten":
			mixed = mixed || differs
			if !differs {
				continue
			}
		default:
			if !differs {
				continue
			}
		}
		if field.Name == "lambda" && !slices.ContainsFunc(c.Page.Runs.Kept, func(r state.Run) bool { return field.Applies(r.Settings) }) {
			continue
		}
		columns = append(columns, column{title: field.Label, differs: differs, text: func(r state.Run) string { return setting(field, r.Settings) }})
	}
	floor := c.Page.Dataset.Floor
	columns = append(columns,
		column{title: "Validation loss", text: func(r state.Run) string { return lossText(r.Settings, r.ValLoss) }, value: func(r state.Run) float64 { return r.ValLoss }},
		column{title: "Above floor", text: func(r state.Run) string { return fmt.Sprintf("%.4f", r.ValBCE-floor) }, value: func(r state.Run) float64 { return r.ValBCE }},
		column{title: "FVU", text: func(r state.Run) string { return unexplained(r.FVU) }, value: func(r state.Run) float64 { return r.ValMSE }},
		column{title: "PSNR", text: func(r state.Run) string { return fmt.Sprintf("%.2f dB", r.PSNR) }, value: func(r state.Run) float64 { return r.PSNR }, higher: true},
		column{title: "Active units (L0)", text: func(r state.Run) string { return fmt.Sprintf("%.1f", r.Active) }},
		column{title: "Dead units", text: func(r state.Run) string { return count(r.Dead) }, value: func(r state.Run) float64 { return float64(r.Dead) }},
		column{title: "Time", text: func(r state.Run) string { return duration(r.Seconds) }},
	)
	for i := range columns {
		if mixed && columns[i].title == "Validation loss" {
			columns[i].value = nil
		}
		columns[i].best = c.best(columns[i])
	}
	return columns
}

// setting gives a setting in words.
func setting(field experiment.Field, settings experiment.Settings) string {
	switch text := field.Format(settings); text {
	case "true":
		return "yes"
	case "false":
		return "no"
	default:
		return text
	}
}

// differs reports whether the runs differ in a setting.
func (c *Runs) differs(field experiment.Field) bool {
	for _, run := range c.Page.Runs.Kept {
		if field.Format(run.Settings) != field.Format(c.Page.Runs.Kept[0].Settings) {
			return true
		}
	}
	return false
}

// cell is a cell of the table.
type cell struct {
	title, text   string
	name          bool // whether it is the run's name
	differs, best any  // true, or nil
}

func (c *Runs) cells(run state.Run) []cell {
	var cells []cell
	for i, column := range c.columns() {
		cell := cell{title: column.title, text: column.text(run), name: i == 0}
		if column.differs {
			cell.differs = "true"
		}
		if column.value != nil && len(c.Page.Runs.Kept) > 1 && column.value(run) == column.best {
			cell.best = "true"
		}
		cells = append(cells, cell)
	}
	return cells
}

// best returns the best value in a column, or 0 if the column has none.
func (c *Runs) best(column column) (best float64) {
	if column.value == nil {
		return 0
	}
	for i, run := range c.Page.Runs.Kept {
		value := column.value(run)
		if i == 0 || value > best == column.higher {
			best = value
		}
	}
	return best
}

func (c *Runs) rename(id int, event vugu.DOMEvent) {
	c.Page.Runs.Rename(id, event.PropString("target", "value"))
}

// saveCSV saves the table, with all settings.
func (c *Runs) saveCSV() {
	var text strings.Builder
	w := csv.NewWriter(&text)
	head := []string{"run"}
	for _, field := range experiment.Table {
		head = append(head, field.Name)
	}
	w.Write(append(head, "valLoss", "valBce", "valMse", "fvu", "psnr", "active", "dead", "seconds"))
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	for _, run := range c.Page.Runs.Kept {
		line := []string{run.Name}
		for _, field := range experiment.Table {
			line = append(line, field.Format(run.Settings))
		}
		fvu := ""
		if run.FVU != 0 {
			fvu = number(run.FVU)
		}
		w.Write(append(line, number(run.ValLoss), number(run.ValBCE), number(run.ValMSE), fvu, number(run.PSNR),
			number(run.Active), strconv.Itoa(run.Dead), number(run.Seconds)))
	}
	w.Flush()
	if c.SaveText != nil {
		c.SaveText(text.String(), "runs.csv")
	}
}

// tint gives a run's dot the colour that it has in the charts.
func (c *Runs) tint(dot js.Value, id int) {
	setVariable(dot, "--class", fmt.Sprintf("var(--class-%d)", chart.RunColor(id, classColors-1)))
}

func (c *Runs) label() string {
	return fmt.Sprintf("Validation MSE by the mean number of active units, L0: %s", plural(len(c.Page.Runs.Kept), "run"))
}

func (c *Runs) version() string {
	p := c.Page
	return fmt.Sprint(p.Runs.Version, p.Settings, len(p.Loss.PCACurve()))
}

func (c *Runs) option(theme chart.Theme) json.RawMessage {
	return chart.TradeOff(theme, c.Page.Runs.TradeOff(), c.curve())
}

func (c *Runs) curve() []baseline.Components {
	if c.Page.Loss.WithoutCurve() != "" {
		return nil
	}
	return c.Page.Loss.PCACurve()
}

// tradeOffText explains the chart.
func (c *Runs) tradeOffText() string {
	text := "validation error by active units (L0), in the colours of the runs above; a line joins runs that differ in λ or k alone"
	if n := c.Page.Settings.Patch; n != 0 {
		return text + fmt.Sprintf(". Active units are those of a patch, so only runs on patches of %d×%d are here", n, n)
	}
	return text + ". Runs on patches are not here: their active units are those of a patch"
}

// entry is one of the legend of the trade-off: a mark and what it stands for.
type entry struct {
	class, text string
	shape       any // of a dot, as in chart.Symbol; nil for a line
}

func (c *Runs) legend() []entry {
	return []entry{{"dot", "L1", 0}, {"dot", "TopK", 2}, {"key", c.pcaText(), nil}}
}

// ink gives a mark of the legend the colour of text, because the runs have their own colours.
func (c *Runs) ink(mark js.Value) { setVariable(mark, "--class", "var(--ink)") }

// pcaText names the curve of principal components, or says why there is none.
func (c *Runs) pcaText() string {
	switch why := c.Page.Loss.WithoutCurve(); {
	case why != "":
		return "PCA is left out: " + why
	case c.Page.Loss.PCACurve() == nil:
		return "PCA, computed when no run trains"
	}
	return "PCA, as many components as active units"
}
