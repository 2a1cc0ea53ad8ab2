package chart

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// CSV returns the data of a chart from this package as comma-separated values. Each
// point is a row with its series, x, y and, for heat maps and maps, its value. Each
// baseline is a row without x.
func CSV(chart json.RawMessage) (string, error) {
	var o struct {
		XAxis, YAxis csvAxis
		Series       []struct {
			ID, Name, Type string
			Data           []json.RawMessage
			Tooltip        *struct{} // set for markers over other data, and for lines that the tooltip tells of otherwise
			MarkLine       struct {
				Data []struct {
					Name  string
					YAxis *float64
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
			if line.YAxis == nil { // a threshold
				continue
			}
			name, _, _ := strings.Cut(line.Name, "  ")
			w.Write([]string{name, "", number(*line.YAxis), ""})
		}
		if s.Tooltip != nil && s.Type != "line" || strings.HasSuffix(s.ID, hoveredSuffix) {
			continue
		}
		name := s.Name
		if name == "" {
			name = s.ID
		}
		for i, item := range s.Data {
			label := name
			var values []float64
			if err := json.Unmarshal(item, &values); err != nil { // a bar: its index is its category
				var height float64
				if err := json.Unmarshal(item, &height); err != nil {
					var point labelled
					if err := json.Unmarshal(item, &point); err != nil {
						return "", fmt.Errorf("chart: series %s: point %d: %w", name, i, err)
					}
					label, _, _ = strings.Cut(point.Name, "\n")
					values = point.Value[:]
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

// csvAxis is the part of an axis that CSV needs.
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
