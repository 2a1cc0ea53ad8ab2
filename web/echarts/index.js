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

// The charts that place has made, until they have left the page.
const charts = new Set();

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) echarts.getInstanceByDom(target)?.resize();
});

// place makes a chart in an element beside which there is a menu. If points is set, the
// element sends the event pick when the user clicks on a point, and point when the pointer
// enters one, both with the third number of the point, and point with -1 when it leaves.
// Go needs no function for all this: one would keep the elements of its chart for ever.
function place(element, points) {
  for (const chart of charts) {
    if (chart.getDom().isConnected) continue;
    resized.unobserve(chart.getDom());
    charts.delete(chart);
    // A painting that takes more than one frame would go on, and fail, but for a newer one.
    chart.getZr().clear();
    chart.getZr().refreshImmediately();
    chart.dispose();
  }
  const chart = echarts.init(element);
  charts.add(chart);
  resized.observe(element);
  const menu = element.parentElement.querySelector("details");
  menu.addEventListener("click", ({ target }) => { if (target.value) menu.open = false; });
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !menu.contains(relatedTarget)) menu.open = false;
  });
  if (points) {
    const tell = (type, detail) => element.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
    const third = (type) => ({ value }) => value?.length === 3 && tell(type, value[2]);
    chart.on("click", third("pick"));
    chart.on("mouseover", third("point"));
    chart.on("mouseout", () => tell("point", -1));
  }
  return chart;
}

// draw shows an option of package chart. JSON cannot hold functions: in
// tooltip.valueFormatter and axisLabel.formatter of both axes, the option has a format
// of Go's package fmt instead of a function that formats a number.
function draw(chart, option) {
  revive(option.tooltip, "valueFormatter");
  revive(option.xAxis.axisLabel, "formatter");
  revive(option.yAxis.axisLabel, "formatter");
  chart.setOption(option, { replaceMerge: ["series", "visualMap"] });
}

// The steps in which a chart appears: axes, their labels and names, half of the series; then draw
// adds the rest. At once, they would take several times as long as any later drawing.
const steps = [
  (option) => axes(option, false),
  (option) => axes(option, true),
  (option) => ({ ...option, series: option.series.slice(0, option.series.length / 2), visualMap: [] }),
];

function axes(option, labelled) {
  const axis = (axis) => ({
    ...axis,
    name: labelled ? axis.name : "",
    axisLabel: { ...axis.axisLabel, show: labelled },
  });
  return { ...option, xAxis: axis(option.xAxis), yAxis: axis(option.yAxis), series: [], visualMap: [] };
}

function drawStep(chart, option, step) {
  draw(chart, steps[step](option));
}

function revive(object, property) {
  const format = object[property];
  if (typeof format !== "string") return;
  object[property] = (value) =>
    typeof value !== "number" ? "–" : format.replace(/%(?:\.(\d+))?([fg%])/g, (_, decimals, verb) =>
      verb === "f" ? value.toFixed(decimals) : verb === "g" ? String(value) : "%");
}

globalThis.echarts = { ...echarts, place, draw, drawStep, steps: steps.length };
