// The parts of Apache ECharts that the page uses, as the global `echarts`. ECharts
// does not draw chart types and components that are missing here: add them below.
import * as echarts from "echarts/core";
import { BarChart, HeatmapChart, LineChart, ScatterChart } from "echarts/charts";
import {
  GridComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapContinuousComponent,
} from "echarts/components";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";

echarts.use([
  BarChart,
  HeatmapChart,
  LineChart,
  ScatterChart,
  GridComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapContinuousComponent,
  LabelLayout,
  CanvasRenderer,
]);

// draw shows an option of package chart. JSON cannot hold functions: in
// tooltip.valueFormatter and axisLabel.formatter of both axes, the option has a format
// of Go's package fmt instead of a function that formats a number.
function draw(chart, option) {
  revive(option.tooltip, "valueFormatter");
  revive(option.xAxis.axisLabel, "formatter");
  revive(option.yAxis.axisLabel, "formatter");
  chart.setOption(option, { replaceMerge: ["series", "visualMap"] });
}

function revive(object, property) {
  const format = object[property];
  if (typeof format !== "string") return;
  object[property] = (value) =>
    typeof value !== "number" ? "–" : format.replace(/%(?:\.(\d+))?([fg%])/g, (_, decimals, verb) =>
      verb === "f" ? value.toFixed(decimals) : verb === "g" ? String(value) : "%");
}

globalThis.echarts = { ...echarts, draw };
