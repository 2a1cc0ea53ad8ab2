package chart

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// CSV returns the data of a chart that this package made, as comma-separated
// values: a row for each point with its series, x and y and, of charts on a
// plane, its value; and a row without an x for each line to compare with.
func CSV(chart json.RawMessage) (string, error) {
	var o struct {
		XAxis, YAxis csvAxis
		Series       []struct {
			ID, Name string
			Data     []json.RawMessage
			Tooltip  *struct{} // only what lies over other data has one
			MarkLine struct {
				Data []struct {
					Name  string
					YAxis float64
				}
			}
		}
	}
	if err := json.Unmarshal(chart, &o); err != nil {
		return "", fmt.Errorf("chart: %w", err)
	}
	var text strings.Builder
	w := csv.NewWriter(&text)
	w.Write([]string{"series", o.XAxis.title("x"), o.YAxis.title("y"), "value"})
	for _, s := range o.Series {
		for _, line := range s.MarkLine.Data {
			name, _, _ := strings.Cut(line.Name, "  ")
			w.Write([]string{name, "", number(line.YAxis), ""})
		}
		if s.Tooltip != nil {
			continue
		}
		name := s.Name
		if name == "" {
			name = s.ID
		}
		for i, item := range s.Data {
			label := name
			var values []float64
			if err := json.Unmarshal(item, &values); err != nil { // a bar: its place in the list is its category
				var height float64
				if err := json.Unmarshal(item, &height); err != nil {
					var point labelled
					if err := json.Unmarshal(item, &point); err != nil {
						return "", fmt.Errorf("chart: series %s: point %d: %w", name, i, err)
					}
					label, values = point.Name, point.Value[:]
				} else if o.XAxis.Data != nil {
					values = []float64{float64(i), height}
				} else {
					values = []float64{height, float64(i)}
				}
			}
			row := []string{label, "", "", ""}
			for column, value := range values[:min(3, len(values))] {
				row[column+1] = number(value)
				if column < 2 {
					row[column+1] = [...]csvAxis{o.XAxis, o.YAxis}[column].at(value)
				}
			}
			w.Write(row)
		}
	}
	w.Flush()
	return text.String(), w.Error()
}

// csvAxis is what the table needs of an axis.
type csvAxis struct {
	Name string
	Data []string // categories
}

func (a csvAxis) title(otherwise string) string {
	if a.Name == "" {
		return otherwise
	}
	return a.Name
}

func (a csvAxis) at(value float64) string {
	if i := int(value); i >= 0 && i < len(a.Data) {
		return a.Data[i]
	}
	return number(value)
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }
