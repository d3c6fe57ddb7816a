"use strict";
// Draws the plots of a report with Observable Plot, and redraws them when the width of the page changes.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const course = data.course;
  const few = 60; // up to this many points are also drawn as dots
  const style = { fontSize: "12px", fontFamily: "inherit" };
  const ACCENT = "var(--accent)", WRONG = "var(--wrong)", MISSED = "var(--missed)", RULE = "var(--rule)";

  const rate = (value) => (value === 0 ? "0" : Number(value.toPrecision(3)).toExponential());
  const whole = (value) => value.toLocaleString("en");
  const share = (value) => `${(100 * value).toFixed(1)} %`;
  const groupColor = (at) => {
    const all = course.lines.length;
    return `color-mix(in oklab, var(--high) ${all < 2 ? 60 : Math.round((100 * at) / (all - 1))}%, var(--low))`;
  };

  const wholeTicks = (low, high, count) => d3.ticks(low, high, count).filter(Number.isInteger);
  function around(values) { // the domain of a single value would be empty
    const [low, high] = d3.extent(values);
    const margin = low === high ? Math.max(0.05, Math.abs(low) / 10) : (high - low) / 20;
    return [low - margin, high + margin];
  }

  function overSteps(width, height, marks, y) {
    return {
      width, height, style, marginLeft: 58, marginRight: 12, marginTop: 24, marginBottom: 30,
      x: { domain: [0, Math.max(1, course.step[course.step.length - 1])], tickFormat: whole, ticks: wholeTicks(0, Math.max(1, course.step[course.step.length - 1]), width / 90), label: null },
      y: { grid: true, ticks: 4, ...y },
      marks: [Plot.ruleX(course.epochs, { stroke: RULE, strokeDasharray: "2,3" }), ...marks],
    };
  }

  function rates(width) {
    const dots = course.step.length <= few;
    const lines = course.lines.flatMap((line, at) => {
      const channels = { x: course.step, y: line.rates, stroke: groupColor(at) };
      return [Plot.line(course.step, { ...channels, strokeWidth: 1.8 }), ...(dots ? [Plot.dot(course.step, { ...channels, r: 1.6 })] : [])];
    });
    return overSteps(width, 210, [Plot.ruleY([0], { stroke: RULE }), ...lines], { label: "learning rate", tickFormat: rate, zero: true });
  }

  function loss(width) {
    return overSteps(width, 200, [
      Plot.dot(course.step, { x: course.step, y: course.loss, r: course.step.length <= few ? 2.2 : 1.5, fill: MISSED, fillOpacity: 0.75 }),
      Plot.line(course.step, { x: course.step, y: course.smooth, stroke: ACCENT, strokeWidth: 1.8 }),
    ], { domain: around(course.loss), label: "loss: of each batch (dots), moving average (line)" });
  }

  function byEpoch(width, series) {
    const { kept } = data.epochs; // undefined for folds, each of which has its own
    const epochs = d3.range(1, d3.max(series, ({ values }) => values.length) + 1);
    const rows = series.flatMap(({ values, name, color, best }) =>
      values.map((value, at) => ({ epoch: at + 1, value, name, color, best: at + 1 === best })).filter((row) => row.value != null));
    return {
      width, height: 220, style, marginLeft: 48, marginRight: 20, marginTop: 26, marginBottom: 40,
      x: { domain: [0.75, epochs.length + 0.25], label: "epoch", ticks: epochs.slice(0, 400).filter((one) => one % Math.ceil((epochs.length * 40) / width) === 0), tickFormat: whole },
      y: { grid: true, ticks: 5, label: null, domain: around(rows.map((row) => row.value)) },
      r: { type: "identity" },
      marks: [
        ...(kept == null ? [] : [
          Plot.ruleX([kept], { stroke: "var(--ink)", strokeDasharray: "3,3" }),
          Plot.text([kept], { x: kept, frameAnchor: "top", dy: -14, text: ["saved"], fill: "var(--ink)" }),
        ]),
        Plot.line(rows, { x: "epoch", y: "value", z: "name", stroke: "color", strokeWidth: 1.8 }),
        Plot.dot(rows, { x: "epoch", y: "value", fill: "color", r: (row) => (row.best ? 5 : 3), title: (row) => `${row.name}, epoch ${row.epoch}: ${row.value.toPrecision(4)}${row.best ? " (saved)" : ""}`, tip: true }),
      ],
    };
  }

  const ofFolds = (what) => data.epochs.folds.map((fold) => ({ values: fold[what], name: fold.name, color: ACCENT, best: fold.kept }));
  const curveLoss = (width) => byEpoch(width, data.epochs.folds ? ofFolds("loss") : [
    { values: data.epochs.train, name: "training loss", color: MISSED },
    { values: data.epochs.valid, name: "validation loss", color: ACCENT },
  ]);
  const curveScore = (width) => byEpoch(width, data.epochs.folds ? ofFolds("score") : [{ values: data.epochs.score, name: data.epochs.title, color: ACCENT }]);

  function confusion(width) {
    const { names, cells } = data.confusion;
    const totals = new Map();
    for (const [label, , rows] of cells) totals.set(label, (totals.get(label) ?? 0) + rows);
    const rows = cells.map(([label, predicted, count]) => ({ label, predicted, count, part: count / totals.get(label), right: label === predicted }));
    const named = names.length <= 24;
    const longest = Math.max(...names.map((name) => name.length));
    const margin = named ? Math.min(170, 24 + 6.6 * longest, width * 0.38) : 40;
    const side = Math.min(width - margin - 10, named ? Math.max(names.length * 64, 140) : 720);
    const fitting = Math.floor((margin - 24) / 6.6);
    const name = (at) => (names[at].length <= fitting ? names[at] : `${names[at].slice(0, fitting - 1)}…`);
    const axis = named ? { tickFormat: name } : { ticks: [] };
    const domain = names.map((_, at) => at);
    const said = (row) => `${whole(row.count)} ${row.count === 1 ? "row" : "rows"} labelled ${names[row.label]}, predicted ${names[row.predicted]} (${share(row.part)} of the rows with this label)`;
    const written = named && side / names.length >= 22;
    return {
      width: side + margin + 10, height: side * (named ? 0.72 : 1) + margin + 22, style, marginLeft: margin, marginBottom: margin, marginTop: 22, marginRight: 10, padding: names.length > 40 ? 0 : 0.04,
      x: { domain, label: "predicted", labelAnchor: "center", labelOffset: margin - 4, tickRotate: -50, tickSize: 0, ...axis },
      y: { domain, label: "label", labelAnchor: "top", labelArrow: "none", tickSize: 0, ...axis },
      marks: [
        Plot.frame({ stroke: RULE }),
        Plot.cell(rows, { x: "predicted", y: "label", fill: (row) => (row.right ? ACCENT : WRONG), fillOpacity: (row) => 0.14 + 0.86 * row.part, title: said, tip: true }),
        ...(written ? [Plot.text(rows, { x: "predicted", y: "label", text: (row) => whole(row.count), fill: (row) => (row.part > 0.5 ? "var(--page)" : "var(--ink)"), pointerEvents: "none" })] : []),
      ],
      opacity: { type: "identity" },
    };
  }

  function outcomes(width) {
    const { names, rows } = data.outcomes;
    const colors = { found: ACCENT, missed: MISSED, wrong: WRONG };
    const long = { found: "correct", missed: "missed", wrong: "wrong" };
    const bars = rows.flatMap((row, label) => Object.keys(colors).map((kind) => ({ label, kind, count: row[kind] })));
    const margin = Math.min(170, 20 + 6.6 * Math.max(...names.map((name) => name.length)), width * 0.4);
    return {
      width, height: 56 + 24 * names.length, style, marginLeft: margin, marginRight: 20, marginBottom: 40,
      x: { label: "rows", grid: true, ticks: width / 100 },
      y: { domain: names.map((_, at) => at), label: null, tickSize: 0, tickFormat: (at) => names[at] },
      marks: [Plot.barX(bars, { y: "label", x: "count", fill: (bar) => colors[bar.kind], order: null, title: (bar) => `${names[bar.label]}: ${whole(bar.count)} ${long[bar.kind]}`, tip: true })],
    };
  }

  function scatter(width) {
    const { names, points } = data.scatter;
    const made = document.createElement("div");
    made.className = "side";
    points.forEach((rows, at) => {
      const values = rows.flat();
      const ends = [Math.min(...values), Math.max(...values)];
      const size = Math.min(width, points.length > 1 && width > 620 ? (width - 40) / 2 : 460);
      made.append(Plot.plot({
        width: size, height: size * 0.85, style, marginLeft: 50, marginBottom: 40, ariaLabel: names[at],
        x: { domain: ends, nice: true, label: `true ${names[at]}`, ticks: 5 }, y: { domain: ends, nice: true, grid: true, label: "predicted", ticks: 5 },
        marks: [
          Plot.line([ends, ends], { x: [ends[0], ends[1]], y: [ends[0], ends[1]], stroke: MISSED, strokeDasharray: "4,3" }),
          Plot.dot(rows, { x: "0", y: "1", r: 2.6, fill: ACCENT, fillOpacity: 0.6, title: (row) => `true ${row[0]}, predicted ${row[1]}`, tip: true }),
        ],
      }));
    });
    return made;
  }

  function calibration(width) {
    const bins = data.calibration;
    const size = Math.min(width, 460);
    const most = Math.max(...bins.map((bin) => bin.rows));
    return {
      width: size, height: size * 0.8, style, marginLeft: 50, marginBottom: 40,
      x: { domain: [0, 1], label: "probability", tickFormat: "%", ticks: 5 }, y: { domain: [0, 1], label: "share correct", tickFormat: "%", grid: true, ticks: 5 },
      r: { type: "identity" },
      marks: [
        Plot.line([[0, 0], [1, 1]], { stroke: MISSED, strokeDasharray: "4,3" }),
        ...(data.uncalibrated ? [Plot.line(data.uncalibrated, { x: "confidence", y: "share", stroke: MISSED }), Plot.dot(data.uncalibrated, { x: "confidence", y: "share", r: 2.5, fill: MISSED, title: (bin) => `before calibration: ${whole(bin.rows)} at ${share(bin.confidence)}: ${share(bin.share)} correct`, tip: true })] : []),
        Plot.line(bins, { x: "confidence", y: "share", stroke: ACCENT, strokeOpacity: 0.5 }),
        Plot.dot(bins, { x: "confidence", y: "share", r: (bin) => 3 + 9 * Math.sqrt(bin.rows / most), fill: ACCENT, fillOpacity: 0.75, title: (bin) => `${whole(bin.rows)} at ${share(bin.confidence)}: ${share(bin.share)} correct`, tip: true }),
      ],
    };
  }

  function lengths(width) {
    const bars = data.lengths.flatMap(([low, high, full, cut]) => [
      { low: low - 0.5, high: high + 0.5, count: full, kind: "complete", span: low === high ? `${low}` : `${low} to ${high}` },
      { low: low - 0.5, high: high + 0.5, count: cut, kind: "truncated", span: low === high ? `${low}` : `${low} to ${high}` },
    ]);
    return {
      width, height: 220, style, marginLeft: 50, marginBottom: 40,
      x: { label: "tokens", ticks: width / 80 }, y: { label: "texts", grid: true, ticks: 5 },
      marks: [
        Plot.rectY(bars, { x1: "low", x2: "high", y: "count", inset: 0.5, fill: (bar) => (bar.kind === "truncated" ? WRONG : ACCENT), title: (bar) => `${whole(bar.count)} ${bar.kind} texts of ${bar.span} tokens`, tip: true }),
        Plot.ruleY([0], { stroke: RULE }),
      ],
    };
  }

  const drawings = { rates, loss, "curve-loss": curveLoss, "curve-score": curveScore, confusion, outcomes, scatter, calibration, lengths };
  const scales = [];

  function draw(place) {
    const made = drawings[place.dataset.plot](place.clientWidth);
    const drawn = made instanceof Element ? made : Plot.plot(made);
    for (const picture of drawn.matches("svg") ? [drawn] : drawn.querySelectorAll("svg")) {
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", [place.dataset.says, picture.getAttribute("aria-label")].filter(Boolean).join(": "));
      for (const part of picture.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label"); // the label of the picture describes it as a whole
    }
    place.replaceChildren(drawn);
    if (place.closest(".course")) {
      const scale = drawn.scale("x"), height = Number(drawn.getAttribute("height"));
      const line = d3.select(drawn).append("line").attr("class", "cursor").attr("y1", 20).attr("y2", height - 30);
      scales.push({ drawn, scale, line });
    }
  }

  function follow() {
    const figure = document.querySelector(".course");
    const slider = figure.querySelector("input"), readout = figure.querySelector(".readout");
    const show = (at) => {
      slider.value = at;
      const step = course.step[at];
      const first = `<span><b>step ${whole(step)}</b> of ${whole(course.total)}, epoch ${course.epoch[at]}</span>`;
      const said = [`step ${step}, epoch ${course.epoch[at]}`];
      readout.innerHTML = first; // numbers only; names are set as text below
      course.lines.forEach((line, number) => {
        const value = line.rates[at] == null ? "closed" : rate(line.rates[at]);
        const shown = document.createElement("span"), key = document.createElement("i");
        key.style.background = groupColor(number);
        shown.append(key, `${line.name} ${value}`);
        readout.append(shown);
        said.push(`${line.name} rate ${value}`);
      });
      readout.append(`loss ${course.loss[at].toPrecision(4)}`);
      slider.setAttribute("aria-valuetext", `${said.join(", ")}, loss ${course.loss[at].toPrecision(3)}`);
      for (const { scale, line } of scales) line.attr("x1", scale.apply(step)).attr("x2", scale.apply(step));
    };
    slider.addEventListener("input", () => show(Number(slider.value)));
    figure.addEventListener("pointermove", (event) => {
      const under = scales.find(({ drawn }) => drawn.contains(event.target));
      if (!under) return;
      const box = under.drawn.getBoundingClientRect();
      const x = ((event.clientX - box.left) * Number(under.drawn.getAttribute("width"))) / box.width;
      show(d3.bisectCenter(course.step, under.scale.invert(x)));
    });
    return () => show(Number(slider.value));
  }

  const places = [...document.querySelectorAll(".draw")];
  const redrawCursor = follow();
  let drawnAt = 0;
  function drawAll() {
    const width = document.body.clientWidth;
    if (width === drawnAt) return;
    drawnAt = width;
    scales.length = 0;
    places.forEach(draw);
    redrawCursor();
  }
  document.querySelector(".slider input").value = String(d3.maxIndex(course.step, (_, at) => d3.max(course.lines, (line) => line.rates[at])));
  new ResizeObserver(drawAll).observe(document.body);
  drawAll();
})();
