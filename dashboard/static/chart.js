// Draws the posts of the last 24 hours, and again whenever the page has refreshed itself.
(function () {
  "use strict";
  let plot = null;
  const read = () => {
    const { at, posts } = JSON.parse(document.getElementById("points").dataset.points);
    return [at, posts];
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const draw = () => {
    const place = document.getElementById("chart");
    if (!place || typeof uPlot === "undefined") return;
    if (plot) plot.destroy();
    place.replaceChildren();
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const accent = colour("--accent");
    plot = new uPlot({
      width: place.clientWidth,
      height: 200,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { range: (_plot, first, last) => [first, last + 3600] }, y: { range: (_plot, _low, high) => [0, Math.max(4, high * 1.1)] } },
      axes: [
        { ...axis, space: 60, size: 28, values: (_plot, splits) => splits.map((at) => new Date(at * 1000).toISOString().slice(11, 16)) },
        { ...axis, size: 52, values: (_plot, splits) => splits.map((count) => (Number.isInteger(count) ? count.toLocaleString("en").replace(/,/g, "\u202f") : "")) },
      ],
      series: [{}, { stroke: accent, fill: accent, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.7, 40], align: 1 }) }],
    }, read(), place);
  };
  const renew = () => {
    if (plot && document.getElementById("chart").contains(plot.root)) plot.setData(read());
    else draw();
  };
  draw();
  document.addEventListener("htmx:after:swap", renew);
  window.addEventListener("resize", draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
