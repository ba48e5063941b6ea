// The heat map as a landscape. The frame is x-major and full (`heatmap-cells`); cells without a detection are
// the ground. The axes have no labels: ECharts-GL 2.0.9 cuts their upper half off. The tooltip says metres.
const frame = context.panel.data.series[0];
if (!frame || frame.fields.length < 3) {
  return { title: { text: 'No data', left: 'center', top: 'middle' } };
}
const [x, y, value] = frame.fields.slice(0, 3).map((field) => Array.from(field.values));
const title = frame.fields[2].config?.displayName ?? frame.fields[2].name;
// Of people per m² three digits, of detections whole ones.
const written = (v) => title + ' ' + (v < 100 ? Number(v.toPrecision(3)) : Math.round(v));
// Smaller cells would be a thicket, so those of a square metre become one. Detections add up; of people per m²
// it is the mean, and a cell without a value has nobody.
const isDensity = frame.fields[2].name === 'people_per_m2';
const share = isDensity ? (y[1] - y[0]) ** 2 : 1;
const [left, bottom] = [Math.floor(x[0]), Math.floor(y[0])];
const nx = Math.floor(x[x.length - 1]) - left + 1, ny = Math.floor(y[y.length - 1]) - bottom + 1;
const squares = Array.from({ length: nx * ny }, (_, i) => [left + Math.floor(i / ny) + 0.5, bottom + i % ny + 0.5, 0]);
value.forEach((v, i) => {
  squares[(Math.floor(x[i]) - left) * ny + Math.floor(y[i]) - bottom][2] += (v ?? 0) * share;
});
const dark = context.grafana.theme.isDark;
const ink = dark ? '#ccccdc' : '#24292e';
const axis = {
  type: 'value', min: 'dataMin', max: 'dataMax', name: '', axisLabel: { show: false },
  axisLine: { lineStyle: { color: ink, opacity: 0.4 } },
  splitLine: { lineStyle: { color: ink, opacity: 0.15 } },
};
const inferno = ['#000004', '#420a68', '#932667', '#dd513a', '#fca50a', '#fcffa4'];
const largest = Math.max(...squares.map(([, , v]) => v)) || 1;
const spanX = nx - 1, spanY = ny - 1;
const wide = 180 / Math.max(spanX, spanY, 1);
return {
  backgroundColor: 'transparent',
  tooltip: {
    formatter: ({ value: [a, b, c] }) => 'x ' + a + ' m, y ' + b + ' m: ' + written(c),
  },
  visualMap: {
    min: 0, max: largest, dimension: 2, calculable: true, text: [title, ''],
    precision: largest < 10 ? 3 : 0,
    textStyle: { color: ink }, left: 8, bottom: 8, itemHeight: 120,
    // More is further from the background, as on the other maps.
    inRange: { color: dark ? inferno : [...inferno].reverse() },
  },
  title: {
    text: nx + ' m by ' + ny + ' m, a cell is 1 m',
    left: 8, top: 0, textStyle: { color: ink, fontSize: 12, fontWeight: 'normal' },
  },
  xAxis3D: axis,
  yAxis3D: axis,
  zAxis3D: { ...axis, min: 0, max: largest },
  grid3D: {
    // Beside the legend, not behind it.
    left: 90,
    boxWidth: spanX * wide, boxDepth: spanY * wide, boxHeight: 60,
    viewControl: { alpha: 45, beta: 15, distance: 220, autoRotate: false },
    light: { main: { intensity: 1.1 }, ambient: { intensity: 0.5 } },
    axisPointer: { show: false },
  },
  series: [{
    type: 'surface', wireframe: { show: false }, shading: 'color',
    dataShape: [nx, ny],
    data: squares,
  }],
};
