// The part of Apache ECharts that the page draws with, as the global `echarts`.
// A chart type or component that an option names but that is missing here is
// not drawn: add it below.
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

// draw shows an option of package chart, which is JSON and so holds no functions:
// where ECharts wants one that writes a number, there is a format of Go's package
// fmt. So it is in tooltip.valueFormatter and in axisLabel.formatter of both axes.
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
