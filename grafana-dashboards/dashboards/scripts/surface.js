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
const ny = y.findIndex((_, i) => i > 0 && x[i] !== x[0]);
const dark = context.grafana.theme.isDark;
const ink = dark ? '#ccccdc' : '#24292e';
const axis = {
  type: 'value', min: 'dataMin', max: 'dataMax', name: '', axisLabel: { show: false },
  axisLine: { lineStyle: { color: ink, opacity: 0.4 } },
  splitLine: { lineStyle: { color: ink, opacity: 0.15 } },
};
const inferno = ['#000004', '#420a68', '#932667', '#dd513a', '#fca50a', '#fcffa4'];
const largest = Math.max(...value.map((v) => v ?? 0)) || 1;
const spanX = x[x.length - 1] - x[0], spanY = y[ny - 1] - y[0];
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
    text: Math.round(spanX + 1) + ' m by ' + Math.round(spanY + 1) + ' m, a cell is 1 m',
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
    dataShape: [x.length / ny, ny],
    data: x.map((a, i) => [a, y[i], value[i] ?? 0]),
  }],
};
