"use strict";
// Draws the plots of a comparison with Observable Plot, and redraws them when the width of the page changes.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { recipes, score, steps } = data;
  const style = { fontSize: "12px", fontFamily: "inherit" };
  const ACCENT = "var(--accent)", RULE = "var(--rule)", INK = "var(--ink)", SOFT = "var(--missed)";
  const domain = recipes.map((_, at) => at);
  const digits = (value) => value.toFixed(4);
  const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(4);
  const rate = (value) => (value === 0 ? "0" : Number(value.toPrecision(3)).toExponential());
  const color = (at) => d3.schemeObservable10[at % 10];
  const fitting = (name, room) => (name.length <= room ? name : `${name.slice(0, room - 1)}…`);

  function rowsOf(width) {
    const longest = Math.max(...recipes.map((one) => one.name.length));
    const marginLeft = Math.min(24 + 6.8 * longest, width * 0.4, 230);
    const name = (at) => fitting(recipes[at].name, Math.floor((marginLeft - 20) / 6.6));
    return {
      width, height: 56 + 34 * recipes.length, style, marginLeft, marginRight: 24, marginTop: 10, marginBottom: 40,
      y: { type: "band", domain, label: null, tickSize: 0, tickFormat: name }, // of two numbers Plot would make a range
    };
  }

  function scores(width) {
    const dots = recipes.flatMap((one, at) => one.scores.map((value, seed) => ({ at, value, seed: data.seeds[seed] })));
    const means = recipes.flatMap((one, at) => (one.mean == null ? [] : [{ at, value: one.mean }]));
    const lines = Object.entries(data.baselines);
    return {
      ...rowsOf(width),
      x: { label: score, grid: true, nice: true, ticks: width / 110 },
      marks: [
        Plot.ruleX(lines, { x: "1", stroke: SOFT, strokeDasharray: "4,3", title: ([name, value]) => `${name}: ${digits(value)}`, tip: true }),
        Plot.tickX(means, { x: "value", y: "at", stroke: INK, strokeWidth: 2, inset: 4 }),
        Plot.dot(dots, { x: "value", y: "at", r: 4.5, fill: (dot) => color(dot.at), fillOpacity: 0.75, title: (dot) => `${recipes[dot.at].name}, seed ${dot.seed}: ${digits(dot.value)}`, tip: true }),
      ],
    };
  }

  function differences(width) {
    const found = recipes.flatMap((one, at) => (one.difference == null ? [] : [{ at, ...one.difference }]));
    const whole = found.filter((one) => one.low != null);
    const said = (one) => `${recipes[one.at].name}: ${signed(one.mean)}` + (one.low == null ? "" : `, 95 % interval ${signed(one.low)} to ${signed(one.high)}`);
    return {
      ...rowsOf(width),
      x: { label: `${score} minus that of ${recipes[0].name}`, grid: true, nice: true, ticks: width / 110 },
      marks: [
        Plot.ruleX([0], { stroke: INK }),
        Plot.ruleY(whole, { y: "at", x1: "low", x2: "high", stroke: (one) => color(one.at), strokeWidth: 3 }),
        Plot.dot(found, { x: "mean", y: "at", r: 5, fill: (one) => color(one.at), stroke: "var(--page)", title: said, tip: true }),
      ],
    };
  }

  function curves(width, values, label, format) {
    const points = recipes.flatMap((one, at) => one[values].map((value, index) => ({ at, value, step: one.steps[index] })));
    return {
      width, height: 240, style, marginLeft: 58, marginRight: 12, marginTop: 24, marginBottom: 36,
      x: { domain: [0, Math.max(1, steps)], label: "step", ticks: width / 90 },
      y: { label, grid: true, ticks: 5, tickFormat: format, zero: values === "rates" },
      marks: [Plot.line(points, { x: "step", y: "value", z: "at", stroke: (point) => color(point.at), strokeWidth: 1.8, title: (point) => `${recipes[point.at].name}, step ${point.step}: ${point.value.toPrecision(3)}`, tip: true })],
    };
  }

  function tried(width) {
    const points = recipes.flatMap((one, at) => one.tried.map((each) => ({ at, ...each, chosen: each.rate === one.rate })));
    return {
      width, height: 240, style, marginLeft: 58, marginRight: 20, marginTop: 24, marginBottom: 40,
      x: { type: "log", label: "peak rate", ticks: width / 140, tickFormat: rate },
      y: { label: `validation ${score}`, grid: true, ticks: 5, nice: true },
      marks: [
        Plot.line(points, { x: "rate", y: "mean", z: "at", stroke: (point) => color(point.at), strokeOpacity: 0.6 }),
        Plot.dot(points, { x: "rate", y: "mean", r: (point) => (point.chosen ? 6 : 3), fill: (point) => color(point.at), title: (point) => `${recipes[point.at].name} at ${rate(point.rate)}: ${digits(point.mean)}${point.chosen ? " (chosen)" : ""}`, tip: true }),
      ],
      r: { type: "identity" },
    };
  }

  const drawings = {
    scores, differences, tried,
    rates: (width) => curves(width, "rates", "learning rate", rate),
    losses: (width) => curves(width, "losses", "training loss, smoothed, mean of the seeds"),
  };

  function draw(place) {
    const drawn = Plot.plot(drawings[place.dataset.plot](place.clientWidth));
    for (const picture of drawn.matches("svg") ? [drawn] : drawn.querySelectorAll("svg")) {
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", place.dataset.says);
      for (const part of picture.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label"); // the label of the picture describes it as a whole
    }
    place.replaceChildren(drawn);
  }

  const places = [...document.querySelectorAll(".draw")];
  document.querySelectorAll(".recipes li").forEach((item, at) => item.style.setProperty("--c", color(at)));
  let drawnAt = 0;
  function drawAll() {
    const width = document.body.clientWidth;
    if (width === drawnAt) return;
    drawnAt = width;
    places.forEach(draw);
  }
  new ResizeObserver(drawAll).observe(document.body);
  drawAll();
})();
