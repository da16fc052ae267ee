// Draws GET /api/v1/rollouts/{id}/series: each guardrail's canary beside its control, and exposure.
"use strict";

(() => {
  const box = document.getElementById("charts");
  if (!box) return;
  const EVERY_MS = 3000;
  const HEIGHT = 190;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let plots = [];
  let shape = "";
  let last = null;

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const percent = (v) => {
    if (v === null || v === undefined) return "–";
    const p = v * 100;
    return (Math.abs(p) >= 10 || p === 0 ? p.toFixed(0) : p.toPrecision(2)) + "%";
  };
  const plain = (v) => (v === null || v === undefined ? "–" : String(Number(v.toPrecision(4))));
  const writer = (kind) => (kind === "value" ? plain : percent);

  const INCREMENTS = [5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const clock = (ts) => new Date(ts * 1000).toISOString().slice(11, ts % 60 ? 19 : 16);

  const axes = (write) => {
    const stroke = color("--soft");
    const grid = { stroke: color("--grid"), width: 1 };
    return [
      { stroke, grid, ticks: grid, space: 56, incrs: INCREMENTS, values: (_, ts) => ts.map(clock) },
      { stroke, grid, ticks: grid, size: 58, values: (_, vs) => vs.map(write) },
    ];
  };

  // Reversals keep the colour of harm. A decision is a moment at which the state changed: a dashed upright with its name.
  const marks = (decisions) => ({
    hooks: {
      draw: (u) => {
        const { ctx, bbox } = u;
        const ratio = devicePixelRatio;
        ctx.save();
        ctx.textAlign = "left";
        ctx.textBaseline = "alphabetic";
        ctx.lineWidth = ratio;
        ctx.setLineDash([4 * ratio, 4 * ratio]);
        ctx.font = `${11 * ratio}px system-ui, sans-serif`;
        let free = -Infinity;
        for (const { at, label } of decisions) {
          const x = u.valToPos(at, "x", true);
          if (x < bbox.left || x > bbox.left + bbox.width) continue;
          ctx.strokeStyle = color(AGAINST.has(label) ? "--bad" : "--soft");
          ctx.fillStyle = color(AGAINST.has(label) ? "--bad" : "--soft");
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
          const text = label.replaceAll("_", " ");
          if (x < free) continue;
          const width = ctx.measureText(text).width + 4 * ratio;
          const left = Math.min(x + 3 * ratio, bbox.left + bbox.width - width);
          ctx.fillText(text, left, bbox.top + 11 * ratio);
          free = left + width;
        }
        ctx.restore();
      },
    },
  });

  const AGAINST = new Set(["halt", "rollback", "abort", "rollback_failed"]);
  const TOLD = new Set(["halt", "rollback", "rolled_back", "abort", "promote", "recovered", "pause", "resume", "watch", "complete", "rollback_failed"]);

  const range = (_, low, high) => {
    if (low === null || high === null) return [0, 1];
    return [Math.min(0, low), high > 0 ? high * 1.15 : 0.01];
  };

  // What happened fills the picture: from a while before the first decision to as long after the last.
  const span = ({ from, until, marks }) => {
    const at = marks.map((m) => m.at);
    if (!at.length) return [from, Math.max(until, from + 60)];
    const [first, newest] = [Math.min(...at), Math.max(...at)];
    const around = Math.max(30, (newest - first) / 3);
    const end = ended() ? Math.min(until, newest + around) : until;
    return [Math.max(from, first - around), end];
  };

  const figure = (title) => {
    const element = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const name = document.createElement("span");
    const now = document.createElement("span");
    name.textContent = title;
    now.className = "sub";
    caption.append(name, now);
    const canvas = document.createElement("div");
    canvas.setAttribute("role", "img");
    element.append(caption, canvas);
    box.append(element);
    return { element, canvas, now, title };
  };

  // The newest figure in the picture: what lies behind its end belongs to a later change.
  const newest = (t, values) => {
    const end = span(last)[1];
    for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null && t[i] <= end) return values[i];
    return null;
  };

  const tell = (parts, text) => {
    parts.now.textContent = text;
    parts.canvas.setAttribute("aria-label", `${parts.title}: ${text}`);
  };

  const options = (data, parts, series, write, scaleRange) => ({
    width: Math.max(200, parts.element.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { range: () => span(last) },
      y: { range: scaleRange },
    },
    axes: axes(write),
    series: [{}, ...series],
    plugins: [marks(data.marks.filter((m) => TOLD.has(m.label)))],
  });

  const metricPlot = (data, service, metric) => {
    const parts = figure(`${service}: ${metric.name.replaceAll("_", " ")}`);
    const write = writer(metric.kind);
    const points = { show: false };
    const series = [
      { label: "control", stroke: color("--control"), width: 2, dash: [6, 4], points },
      { label: "canary", stroke: color("--canary"), width: 2.5, points },
    ];
    const values = (m) => [m.t, m.control, m.canary];
    const plot = new uPlot(options(data, parts, series, write, range), values(metric), parts.canvas);
    const say = (m) => tell(parts, `canary ${write(newest(m.t, m.canary))}, control ${write(newest(m.t, m.control))}`);
    say(metric);
    const find = (d) => d.services.find((s) => s.service === service)?.metrics.find((m) => m.name === metric.name);
    return { plot, parts, update: (d) => { const m = find(d); if (m) { plot.setData(values(m)); say(m); } } };
  };

  const steps = (points, until) => {
    const t = [last.from, ...points.map((p) => p[0])];
    const v = [0, ...points.map((p) => p[1])];
    if (t.length && t[t.length - 1] < until) { t.push(until); v.push(v[v.length - 1]); }
    return [t, v];
  };

  const exposurePlot = (data, service) => {
    const parts = figure(`${service}: exposure`);
    const series = [{
      label: "exposure", stroke: color("--canary"), fill: color("--canary") + "33", width: 2,
      paths: uPlot.paths.stepped({ align: 1 }), points: { show: false },
    }];
    const exposure = (d) => d.services.find((s) => s.service === service)?.exposure ?? [];
    const plot = new uPlot(options(data, parts, series, percent, () => [0, 1.05]), steps(exposure(data), data.until), parts.canvas);
    const say = (d) => tell(parts, `${percent(exposure(d).at(-1)?.[1] ?? 0)} exposed`);
    say(data);
    return { plot, parts, update: (d) => { plot.setData(steps(exposure(d), d.until)); say(d); } };
  };

  const shapeOf = (data) => JSON.stringify([
    dark.matches,
    data.marks.length,
    data.services.map((s) => [s.service, Boolean(s.exposure?.length), s.metrics.map((m) => m.name)]),
  ]);

  const build = (data) => {
    for (const { plot } of plots) plot.destroy();
    box.replaceChildren();
    plots = data.services.flatMap((s) => [
      ...(s.exposure?.length ? [exposurePlot(data, s.service)] : []),
      ...s.metrics.map((m) => metricPlot(data, s.service, m)),
    ]);
    if (!plots.length) note("Nothing is measured for this change.");
  };

  const note = (text) => {
    const paragraph = document.createElement("p");
    paragraph.className = "empty";
    paragraph.textContent = text;
    box.replaceChildren(paragraph);
  };

  const draw = (data) => {
    last = data;
    if (shapeOf(data) !== shape) {
      shape = shapeOf(data);
      build(data);
    } else {
      for (const { update } of plots) update(data);
    }
  };

  const look = async () => {
    try {
      const answer = await fetch(box.dataset.series, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`the series answered ${answer.status}`);
      draw(await answer.json());
    } catch (error) {
      if (!last) note(`No chart: ${error.message}. It is asked for again every ${EVERY_MS / 1000} s.`);
    }
  };

  const ended = () => !document.getElementById("live")?.hasAttribute("hx-get");

  const loop = async () => {
    const final = ended();
    if (!document.hidden) await look();
    if (!final || !last) setTimeout(loop, EVERY_MS);
  };

  dark.addEventListener("change", () => last && draw(last));
  new ResizeObserver(() => {
    for (const { plot, parts } of plots) plot.setSize({ width: Math.max(200, parts.element.clientWidth), height: HEIGHT });
  }).observe(box);
  loop();
})();
